//! What is compiled: declared state, and the identities that the server and the agents gave.

use std::net::IpAddr;

use patronus_types::network::NetworkSpec;
use patronus_types::policy::PolicySpec;
use patronus_types::site::{MAX_UPLINKS, SiteSpec};
use patronus_types::{NetworkId, PublicKey, SiteId};

/// The first UDP port of a site whose agent proposed none.
pub const DEFAULT_PORT_BASE: u16 = 51_820;
/// Seconds between keepalives on an uplink that others cannot reach by themselves.
pub const KEEPALIVE_S: u16 = 25;

/// A network with all its sites, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The network's id.
    pub network: NetworkId,
    /// What was declared of the network.
    pub spec: NetworkSpec,
    /// Its sites.
    pub sites: Vec<Site>,
    /// The site whose keys are replaced, if any.
    pub rotation: Option<Rotating>,
    /// Its policies, in any order.
    pub policies: Vec<PolicySpec>,
}

/// A site whose keys are replaced, while it and its peers have spare tunnels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotating {
    /// The site. Once it moves back, its keys in [`Input::sites`] are the new ones.
    pub site: SiteId,
    /// Whether traffic moves to the spare tunnels; otherwise it moves back.
    pub to_spare: bool,
}

/// One site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// What was declared.
    pub spec: SiteSpec,
    /// Its overlay addresses: IPv4, then IPv6 where the network has it.
    pub addresses: Vec<IpAddr>,
    /// Its keys by uplink; empty before an agent was enrolled.
    pub public_keys: Vec<PublicKey>,
    /// The first of its UDP ports; [`DEFAULT_PORT_BASE`] where it is not known.
    pub port_base: Option<u16>,
    /// The key for a spare tunnel, if its agent has named one.
    pub spare_key: Option<PublicKey>,
}

impl Site {
    /// Whether it can be in a bundle: a key for each uplink, and an address.
    pub fn is_ready(&self) -> bool {
        let uplinks = self.spec.uplinks.len();
        (1..=MAX_UPLINKS).contains(&uplinks) && self.public_keys.len() >= uplinks && !self.addresses.is_empty()
    }

    /// Whether others know where to reach it by at least one uplink.
    pub(crate) fn is_reachable(&self) -> bool {
        self.spec.uplinks.iter().any(|uplink| uplink.endpoint.is_some())
    }
}
