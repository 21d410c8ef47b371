//! From what the kernel holds to what people and the server are told of it.

use std::collections::BTreeMap;

use patronus_types::api::agent::TunnelSummary;
use patronus_types::bundle::Content;
use patronus_types::{Name, PublicKey, Timestamp};

use super::{ALIVE_S, PeerStatus, TunnelStatus};
use crate::effects::model::{Observed, PeerState};

/// The tunnels as they are, in order of name, with the names that the bundle knows.
pub fn tunnels(observed: &Observed, content: Option<&Content>, now: Timestamp) -> Vec<TunnelStatus> {
    let names = names(content);
    let tunnel = |(interface, tunnel): (&String, &crate::effects::model::Tunnel)| {
        let wireguard = tunnel.wireguard.as_ref().ok();
        let indices = indices(interface);
        let peers = wireguard.iter().flat_map(|state| &state.peers).map(|(key, state)| peer(*key, state, &names, now));
        TunnelStatus {
            interface: interface.clone(),
            local: indices.map(|(local, _)| local),
            remote: indices.map(|(_, remote)| remote),
            port: wireguard.map_or(0, |state| state.port),
            mtu: tunnel.mtu,
            peers: peers.collect(),
        }
    };
    observed.tunnels.iter().map(tunnel).collect()
}

impl TunnelStatus {
    /// The short form for reports.
    pub fn summary(&self) -> TunnelSummary {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        TunnelSummary {
            interface: self.interface.clone(),
            local: self.local,
            remote: self.remote,
            port: self.port,
            peers: count(self.peers.len()),
            peers_alive: count(self.peers.iter().filter(|peer| peer.alive).count()),
            rx_bytes: self.peers.iter().map(|peer| peer.rx_bytes).sum(),
            tx_bytes: self.peers.iter().map(|peer| peer.tx_bytes).sum(),
        }
    }
}

fn peer(key: PublicKey, state: &PeerState, names: &BTreeMap<PublicKey, &Name>, now: Timestamp) -> PeerStatus {
    let age = state.last_handshake.map(|at| now.duration_since(at).as_secs().max(0));
    PeerStatus {
        name: names.get(&key).map(|name| (*name).clone()),
        public_key: key,
        endpoint: state.endpoint,
        last_handshake_at: state.last_handshake,
        handshake_age_s: age,
        alive: age.is_some_and(|age| age < ALIVE_S),
        rx_bytes: state.rx_bytes,
        tx_bytes: state.tx_bytes,
    }
}

fn names(content: Option<&Content>) -> BTreeMap<PublicKey, &Name> {
    let peers = content.into_iter().flat_map(|content| &content.peers);
    let ordinary = peers.flat_map(|peer| peer.uplinks.iter().map(|uplink| (uplink.public_key, &peer.name)));
    let spare = content.and_then(|content| content.spare.as_ref()).into_iter().flat_map(|spare| &spare.peers);
    ordinary.chain(spare.map(|far| (far.public_key, &far.name))).collect()
}

/// The uplinks that `pt<n><i><j>` names; the spare tunnel's name has none.
fn indices(interface: &str) -> Option<(u8, u8)> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| byte - b'0');
    match interface.as_bytes() {
        [b'p', b't', _, local, remote] => Some((digit(local)?, digit(remote)?)),
        _ => None,
    }
}
