//! What a host's kernel holds and what it shall hold, as plain values.
//!
//! The planner compares [`Observed`] with what a bundle wants and answers with changes; the agent's effects read the one
//! and carry out the others.
//! Every interface, route, rule and table here belongs to one network of this host, named by its [`Owner`].

mod class;
mod firewall;
mod host;
mod key;
mod owner;
mod route;
mod rule;
mod tunnel;
mod wireguard;

pub use class::{class_of_route, class_of_rule, class_rule_priorities, class_rule_priority, class_table};
pub use firewall::Firewall;
pub use host::{HostLink, HostRoute};
pub use key::{PresharedKey, PrivateKey};
pub use owner::Owner;
pub use route::{PROTOCOL, Route, RouteChange, Target, Via};
pub use rule::{Family, Rule, RuleChange, Selector};
pub use tunnel::{Driver, Tunnel};
pub use wireguard::{AllowedIps, Peer, PeerChange, PeerState, PeerUpdate, WireguardChange, WireguardState};

use std::collections::{BTreeMap, BTreeSet};

/// Everything of one network that exists on this host now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Interfaces that carry the network's alias, by name.
    pub tunnels: BTreeMap<String, Tunnel>,
    /// Interfaces with a name of ours that carry another alias or none. They are never touched.
    pub foreign: BTreeSet<String>,
    /// Our routes over the network's interfaces, in whatever table, and in its uplink tables.
    pub routes: BTreeSet<Route>,
    /// Our `unreachable` routes in `main` and in tables of classes. They name no device, so they may be another network's of
    /// this host: whoever removes one must know its prefix, or that the class is the network's.
    pub twins: BTreeSet<Route>,
    /// Our rules in the network's range of priorities, and those of all classes, which may be another network's.
    pub rules: BTreeSet<Rule>,
    /// The network's nft table.
    pub firewall: Firewall,
    /// Kernel settings outside our own interfaces, by their path below `/proc/sys` (`net/ipv4/conf/eth0/arp_ignore`).
    /// One that cannot be read is absent and is then left alone.
    pub sysctls: BTreeMap<String, String>,
}
