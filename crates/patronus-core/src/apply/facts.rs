//! What a bundle cannot know: the host it is applied to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use patronus_types::{Endpoint, Host, PublicKey};

use super::model::{Driver, HostLink, Owner};
use super::{Choices, Sessions};

/// The host as far as it matters for one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The network's numbers and names here.
    pub owner: Owner,
    /// The driver that new tunnels get.
    pub driver: Driver,
    /// Whether the kernel has IPv6.
    pub ipv6: bool,
    /// The public halves of the keys that the agent holds for this network.
    pub keys: BTreeSet<PublicKey>,
    /// The host's own links by name; those that uplinks name are enough.
    pub links: BTreeMap<String, HostLink>,
    /// The addresses of DNS names that endpoints use; a name that has not been resolved is absent.
    pub resolved: BTreeMap<String, IpAddr>,
    /// The peers with a session, by interface, as [`sessions`](super::sessions()) has them. It matters only while keys are
    /// replaced.
    pub sessions: Sessions,
    /// Those among them of whom nothing is heard though they are asked.
    pub deaf: Sessions,
    /// The paths that were chosen.
    pub chosen: Choices,
    /// The numbers of the content's classes on this host, and last that of what has none; empty where it has no policies.
    pub class_ids: Vec<u8>,
    /// By how many bits they are shifted in marks, at most 24.
    pub mark_shift: u8,
    /// The UDP port of the agent's own probes, which no policy touches.
    pub probe_port: u16,
}

impl Facts {
    /// Where a peer's uplink is reached on local uplink `local`; none for a name that has not been resolved.
    pub(super) fn socket_address(&self, endpoint: &Endpoint, local: u8) -> Option<SocketAddr> {
        let address = match &endpoint.host {
            Host::Address(address) => *address,
            Host::Dns(name) => *self.resolved.get(name)?,
        };
        Some(SocketAddr::new(address, endpoint.port?.checked_add(u16::from(local))?))
    }

    /// Whether an address family exists here.
    pub(super) fn has_family_of(&self, address: IpAddr) -> bool {
        address.is_ipv4() || self.ipv6
    }
}
