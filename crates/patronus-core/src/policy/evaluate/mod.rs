//! Which rule decides about a flow: a plain scan, which is also the measure of what the kernel does.

use std::fmt;
use std::net::IpAddr;

use patronus_types::Name;
use patronus_types::policy::{Dscp, Protocol, Rule};

/// One direction of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// From where.
    pub src: IpAddr,
    /// To where.
    pub dst: IpAddr,
    /// The protocol above IP.
    pub protocol: Protocol,
    /// The source port; none where the protocol has none or nobody knows it. No policy that names ports matches then.
    pub src_port: Option<u16>,
    /// The destination port, likewise.
    pub dst_port: Option<u16>,
    /// The class, 0 to 63.
    pub dscp: u8,
}

/// Why a rule does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// Its source is none of the rule's.
    Source(IpAddr),
    /// Nor its destination.
    Destination(IpAddr),
    /// Another protocol.
    Protocol(Protocol),
    /// Another source port.
    SourcePort(Option<u16>),
    /// Another destination port.
    Port(Option<u16>),
    /// Another class.
    Dscp(u8),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The rule that decides; none where the default does: the best path.
    pub rule: Option<&'a Rule>,
    /// The rules that were asked before it, each with the first thing that did not fit.
    pub missed: Vec<(&'a Name, Miss)>,
}

/// The first rule that matches.
pub fn evaluate<'a>(rules: &'a [Rule], flow: &Flow) -> Option<&'a Rule> {
    rules.iter().find(|rule| misses(rule, flow).is_none())
}

/// The same, and why the rules before it do not match.
pub fn explain<'a>(rules: &'a [Rule], flow: &Flow) -> Verdict<'a> {
    let mut missed = Vec::new();
    for rule in rules {
        match misses(rule, flow) {
            Some(miss) => missed.push((&rule.name, miss)),
            None => return Verdict { rule: Some(rule), missed },
        }
    }
    Verdict { rule: None, missed }
}

/// Why a rule does not match; none where it does.
pub fn misses(rule: &Rule, flow: &Flow) -> Option<Miss> {
    let holds = |ranges: &Option<Vec<ipnet::IpNet>>, address| {
        ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| range.contains(&address)))
    };
    if !holds(&rule.src, flow.src) {
        return Some(Miss::Source(flow.src));
    }
    if !holds(&rule.dst, flow.dst) {
        return Some(Miss::Destination(flow.dst));
    }
    let mut services = rule.services.iter().filter(|service| service.protocol == flow.protocol).peekable();
    if !rule.services.is_empty() {
        if services.peek().is_none() {
            return Some(Miss::Protocol(flow.protocol));
        }
        let fits =
            |port: Option<u16>, ports: patronus_types::policy::Ports| port.is_some_and(|port| ports.contains(port));
        if !services.any(|service| service.ports.is_none_or(|ports| fits(flow.dst_port, ports))) {
            return Some(Miss::Port(flow.dst_port));
        }
        if !rule.src_ports.is_empty() && !rule.src_ports.iter().any(|ports| fits(flow.src_port, *ports)) {
            return Some(Miss::SourcePort(flow.src_port));
        }
    }
    (rule.dscp.is_some_and(|dscp| dscp.get() != flow.dscp)).then_some(Miss::Dscp(flow.dscp))
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(address) => write!(f, "{address} is none of its sources"),
            Self::Destination(address) => write!(f, "{address} is none of its destinations"),
            Self::Protocol(protocol) => write!(f, "it is not for {protocol}"),
            Self::SourcePort(Some(port)) => write!(f, "{port} is none of its source ports"),
            Self::Port(Some(port)) => write!(f, "{port} is none of its destination ports"),
            Self::SourcePort(None) | Self::Port(None) => f.write_str("it is for ports, and the flow names none"),
            Self::Dscp(dscp) => match Dscp::new(*dscp) {
                Some(dscp) => write!(f, "it is not for class {dscp}"),
                None => write!(f, "there is no class {dscp}"),
            },
        }
    }
}

#[cfg(test)]
mod tests;
