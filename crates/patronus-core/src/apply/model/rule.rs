//! Routing rules of ours.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// The address family of a rule that names no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// Which packets a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    /// UDP packets of this host with a source port from `first` to `last`: the outer packets of an uplink's tunnels.
    SourcePorts {
        /// Address family.
        family: Family,
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// UDP packets from an address: what is looked up without ports, as path-MTU errors are.
    SourceAddress(IpAddr),
    /// Packets with a mark.
    Mark {
        /// Address family.
        family: Family,
        /// Value of the bits in `mask`.
        value: u32,
        /// The bits that count.
        mask: u32,
    },
}

impl Selector {
    /// UDP packets from a range of ports.
    pub fn source_ports(family: Family, ports: &RangeInclusive<u16>) -> Self {
        Self::SourcePorts { family, first: *ports.start(), last: *ports.end() }
    }

    /// Its address family.
    pub fn family(&self) -> Family {
        match self {
            Self::SourcePorts { family, .. } | Self::Mark { family, .. } => *family,
            Self::SourceAddress(address) => Family::of(*address),
        }
    }
}

/// A rule: packets of a kind are looked up in a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// When it is asked; lower comes first.
    pub priority: u32,
    /// For which packets.
    pub selector: Selector,
    /// The table to look in.
    pub table: u32,
}

/// One change to the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleChange {
    /// Add it. Nothing happens if it is there.
    Add(Rule),
    /// Remove it. Nothing happens if it is not there.
    Remove(Rule),
}
