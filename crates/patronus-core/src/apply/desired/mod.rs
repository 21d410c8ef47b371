//! The state a host shall have, down to each number.

mod classes;
mod firewall;
mod paths;
mod spare;
mod tunnels;
mod uplinks;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use patronus_types::bundle::Content;
use patronus_types::{Name, PublicKey};

use super::Facts;
use super::model::{Driver, Owner, Route, Rule};

pub use classes::{Choices, MARK_SHIFT};
pub use paths::{Chosen, carrier};
pub use spare::{Departure, departs, waits_for};

/// Everything of one network that shall exist on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Whose it is.
    pub owner: Owner,
    /// What carries the tunnels.
    pub driver: Driver,
    /// The tunnels by interface name.
    pub tunnels: BTreeMap<String, DesiredTunnel>,
    /// Routes over the tunnels in `main`, the tables of classes, and the uplink tables.
    pub routes: BTreeSet<Route>,
    /// `unreachable` routes in `main` behind those over the tunnels, so that nothing leaves in the clear without them.
    pub twins: BTreeSet<Route>,
    /// Rules that send each uplink's outer packets, and each class's packets, to their tables.
    pub rules: BTreeSet<Rule>,
    /// The chains of the network's nft table; none while there are no tunnels.
    pub firewall: Option<String>,
    /// Whether it must be there: policies are in it.
    pub needs_firewall: bool,
    /// Kernel settings of the host's own links, by path below `/proc/sys`.
    pub sysctls: BTreeMap<String, String>,
    /// What will not work and why, in words. Nothing else waits for it.
    pub warnings: Vec<String>,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTunnel {
    /// Index of the local uplink.
    pub local: u8,
    /// The public half of its key.
    pub public_key: PublicKey,
    /// The UDP port it listens on.
    pub port: u16,
    /// MTU in bytes.
    pub mtu: u32,
    /// Its overlay addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Its peers.
    pub peers: BTreeMap<PublicKey, DesiredPeer>,
}

/// One peer of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredPeer {
    /// The site's name.
    pub name: Name,
    /// Where it is reached; none where its packets tell.
    pub endpoint: Option<SocketAddr>,
    /// What it may send and is sent.
    pub allowed_ips: BTreeSet<IpNet>,
    /// Seconds between keepalives; 0 is none.
    pub keepalive_s: u16,
}

/// Why a bundle cannot be applied on this host at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A key that the agent does not have.
    #[error(
        "the bundle gives uplink {uplink} the key {public_key}, of which this agent has no private half: if the site was enrolled anew since it was made, publish again; if the server or this host was restored from a backup, have the keys that are here taken over with `patronusctl site rotate-key`"
    )]
    Key {
        /// The uplink.
        uplink: Name,
        /// Its key.
        public_key: PublicKey,
    },
    /// The same of the spare tunnel.
    #[error(
        "the bundle gives the spare tunnel the key {public_key}, of which this agent has no private half: it was made before the agent named its newest one, so publish again; if the server or this host was restored from a backup, have the keys that are here taken over with `patronusctl site rotate-key`"
    )]
    SpareKey {
        /// The key.
        public_key: PublicKey,
    },
}

/// What shall exist on this host.
///
/// # Errors
/// When the bundle names a key that the agent does not have.
pub fn desired(content: &Content, facts: &Facts) -> Result<Desired, Unfit> {
    let mut desired = Desired::nothing(facts.owner, facts.driver);
    tunnels::add(&mut desired, content, facts)?;
    spare::add(&mut desired, content, facts)?;
    paths::add(&mut desired, content, facts);
    uplinks::add(&mut desired, content, facts);
    firewall::add(&mut desired);
    classes::add(&mut desired, content, facts);
    if content.addresses.iter().any(|&address| !facts.has_family_of(address)) {
        let why = "the network has IPv6 and this host has none, so only IPv4 passes: is it switched off \
                   (sysctl net.ipv6.conf.default.disable_ipv6)?";
        desired.warnings.push(why.to_owned());
    }
    Ok(desired)
}

impl Desired {
    /// Has peers where they were reached last, by interface, instead of where the bundle says that they begin.
    pub fn know_endpoints(&mut self, learnt: &BTreeMap<String, BTreeMap<PublicKey, SocketAddr>>) {
        for (interface, tunnel) in &mut self.tunnels {
            let known = learnt.get(interface);
            for (key, peer) in &mut tunnel.peers {
                peer.endpoint = known.and_then(|known| known.get(key)).copied().or(peer.endpoint);
            }
        }
    }

    /// Nothing at all: what is desired of a network that the host leaves.
    pub fn nothing(owner: Owner, driver: Driver) -> Self {
        Self {
            owner,
            driver,
            tunnels: BTreeMap::new(),
            routes: BTreeSet::new(),
            twins: BTreeSet::new(),
            rules: BTreeSet::new(),
            firewall: None,
            needs_firewall: false,
            sysctls: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
