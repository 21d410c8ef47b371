//! The entries of maps that one rule makes.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use patronus_types::policy::{Ports, Protocol, Rule, Service};

use super::Verdict;

/// The most entries that one rule makes in a map; sets take what is more.
const MOST: usize = 256;
const ALL_PORTS: Ports = Ports { first: 0, last: u16::MAX };

/// What a packet is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// From where.
    pub src: IpNet,
    /// To where; of the same family.
    pub dst: IpNet,
    /// By what; none where that does not matter.
    pub service: Option<Transport>,
}

/// Protocol, source ports and destination ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// The protocol.
    pub protocol: Protocol,
    /// From which ports.
    pub src: Ports,
    /// To which.
    pub dst: Ports,
}

impl Transport {
    /// Whether it is not for all ports.
    pub(super) fn names_ports(&self) -> bool {
        (self.src, self.dst) != (ALL_PORTS, ALL_PORTS)
    }
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The question.
    pub key: Key,
    /// The answer.
    pub verdict: Verdict,
}

/// How many entries a rule makes; none where it would make too many.
pub(super) fn count(rule: &Rule) -> Option<usize> {
    let len = |ranges: &Option<Vec<IpNet>>| ranges.as_ref().map_or(1, Vec::len);
    let counts = [len(&rule.src), len(&rule.dst), rule.services.len().max(1), rule.src_ports.len().max(1)];
    counts.into_iter().try_fold(1usize, usize::checked_mul).filter(|count| *count <= MOST)
}

/// The entries of a rule, no two of which meet.
pub(super) fn of(rule: &Rule, verdict: Verdict) -> Vec<Entry> {
    let services = services(rule);
    let mut entries = Vec::new();
    for (src, dst) in pairs(rule) {
        for &service in &services {
            entries.push(Entry { key: Key { src, dst, service }, verdict });
        }
    }
    entries
}

fn pairs(rule: &Rule) -> Vec<(IpNet, IpNet)> {
    let anywhere = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    let src = rule.src.as_deref().unwrap_or(&anywhere);
    let dst = rule.dst.as_deref().unwrap_or(&anywhere);
    let same = |src: &IpNet, dst: &IpNet| src.addr().is_ipv4() == dst.addr().is_ipv4();
    src.iter().flat_map(|src| dst.iter().filter(move |dst| same(src, dst)).map(move |dst| (*src, *dst))).collect()
}

/// By what a rule matches; nothing where that does not matter.
pub(super) fn of_services(rule: &Rule) -> Vec<Transport> {
    services(rule).into_iter().flatten().collect()
}

fn services(rule: &Rule) -> Vec<Option<Transport>> {
    if rule.services.is_empty() {
        return vec![None];
    }
    let src_ports = if rule.src_ports.is_empty() { &[ALL_PORTS][..] } else { &rule.src_ports };
    let each = |service: &Service| {
        let Service { protocol, ports } = *service;
        src_ports.iter().map(move |src| Some(Transport { protocol, src: *src, dst: ports.unwrap_or(ALL_PORTS) }))
    };
    rule.services.iter().flat_map(each).collect()
}
