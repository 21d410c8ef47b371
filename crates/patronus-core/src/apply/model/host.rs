//! What a network needs to know of the host's own links.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A link of the host that a site's uplink uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLink {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Administratively up and with a carrier.
    pub running: bool,
    /// MTU in bytes.
    pub mtu: u32,
    /// Its global addresses with their networks.
    pub addresses: BTreeSet<IpNet>,
    /// Its routes in `main`, ours not among them.
    pub routes: BTreeSet<HostRoute>,
}

/// A route of the host's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostRoute {
    /// Where to; a default route has prefix length 0.
    pub destination: IpNet,
    /// The next hop; none for a connected network.
    pub gateway: Option<IpAddr>,
    /// Its metric.
    pub metric: u32,
}

impl HostLink {
    /// The gateway of its best default route of the same family as `family_of`.
    pub fn gateway(&self, family_of: IpAddr) -> Option<IpAddr> {
        self.routes
            .iter()
            .filter(|route| {
                route.destination.prefix_len() == 0 && route.destination.addr().is_ipv4() == family_of.is_ipv4()
            })
            .min_by_key(|route| route.metric)
            .and_then(|route| route.gateway)
    }
}
