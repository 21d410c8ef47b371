//! What is to be measured and decided: the part of a bundle that concerns paths.

use std::net::IpAddr;
use std::time::Duration;

use patronus_types::bundle::{self, Content, LocalUplink, PeerUplink, Tunnel};
use patronus_types::path::PathSettings;
use patronus_types::policy::Route;
use patronus_types::{Name, PublicKey};

use crate::path::select::{Class, Way};
use crate::policy::compile::classes;

/// Everything a [`super::Prober`] is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How the network measures and chooses.
    pub settings: PathSettings,
    /// MTU of every tunnel in bytes.
    pub mtu: u16,
    /// For each local uplink by index, whether traffic by it costs money.
    pub metered: Vec<bool>,
    /// The other sites.
    pub peers: Vec<Peer>,
    /// The classes; 0 is what no policy matches.
    pub classes: Vec<Class>,
}

/// Another site.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// Its name: what is known of its paths is kept from plan to plan under it.
    pub name: Name,
    /// The overlay address to which packets go and from which they come.
    pub address: IpAddr,
    /// The paths to it.
    pub ways: Vec<Way>,
}

/// Nothing is measured.
impl Default for Plan {
    fn default() -> Self {
        let (settings, classes) = (PathSettings::default(), vec![Class::default()]);
        Self { settings, mtu: 0, metered: Vec::new(), peers: Vec::new(), classes }
    }
}

impl Plan {
    /// What a bundle says of it. Sites without an agent that answers cannot be measured.
    pub fn of(content: &Content) -> Self {
        let way = |peer: &bundle::Peer, tunnel: &Tunnel| {
            let near = content.uplinks.get(usize::from(tunnel.local))?;
            let far = peer.uplinks.get(usize::from(tunnel.remote))?;
            let (local, remote, cost) = (tunnel.local, tunnel.remote, near.cost.saturating_add(far.cost));
            let drained = near.drained || far.drained;
            Some(Way { local, remote, cost, drained, begins: begins(near, far) })
        };
        let peer = |peer: &bundle::Peer| {
            let ways = content.tunnels.iter().filter_map(|tunnel| way(peer, tunnel)).collect();
            peer.probe_port?;
            Some(Peer { name: peer.name.clone(), address: *peer.addresses.first()?, ways })
        };
        let class =
            |route: &Route| Class::new(route, content.uplinks.iter().map(|uplink| (&uplink.name, &uplink.labels)));
        Self {
            settings: content.paths.clone(),
            mtu: content.mtu,
            metered: content.uplinks.iter().map(|uplink| uplink.metered).collect(),
            peers: content.peers.iter().filter_map(peer).collect(),
            classes: std::iter::once(Class::default())
                .chain(classes(&content.policies).into_iter().map(class))
                .collect(),
        }
    }

    /// The network's interval, within its bounds.
    pub fn base(&self) -> Duration {
        Duration::from_millis(self.settings.interval_ms.clamp(20, 10_000).into())
    }

    /// What measuring may take of a local uplink, in kbit/s.
    pub fn budget_kbps(&self, local: usize) -> u32 {
        match self.metered.get(local) {
            Some(true) => self.settings.metered_budget_kbps,
            _ => self.settings.budget_kbps,
        }
    }
}

/// Whether this end begins a session with the other where there is none: two that begin at once undo each other.
pub fn begins(near: &LocalUplink, far: &PeerUplink) -> bool {
    // An uplink keeps its sessions alive where it has no endpoint of its own.
    let known = (far.endpoint.is_some(), near.keepalive_s == 0);
    begins_by(known, &near.public_key, &far.public_key)
}

/// The same, by whether this end knows where the other is, and the other way round: where both do, the lower key begins.
pub fn begins_by((knows_far, is_known): (bool, bool), ours: &PublicKey, theirs: &PublicKey) -> bool {
    knows_far && (!is_known || ours < theirs)
}
