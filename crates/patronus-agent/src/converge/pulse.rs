//! One packet into a tunnel, so that WireGuard begins or renews a session.
//!
//! Where two sides begin a session at the same moment, their messages undo each other and the path stays dead for five
//! seconds and more. So where both know how to reach the other, the lower key begins, and the other side only when nothing
//! has come for a while. A session that is there is renewed by whoever began it, when it has something to send.

use std::net::SocketAddr;

use patronus_core::path::PORT_OFFSET;
use patronus_types::PublicKey;
use patronus_types::bundle::{Content, LocalUplink, Peer, PeerUplink};

use super::{Goal, Site};
use crate::effects::model::Observed;

/// To whom a packet goes.
#[derive(Debug, Clone, Copy)]
pub enum Pulse<'a> {
    /// Where this side begins sessions.
    Begin,
    /// Where there has never been one, whoever should have begun it.
    Silent(&'a Observed),
    /// Everywhere.
    All,
}

/// Sends to the peers of a tunnel that may wait for it after a change. Where the far ends change at the same time, those
/// without a session get nothing yet: see [`Pulse::Begin`].
pub(super) fn begin(site: Site<'_>, goal: Goal<'_>, before: &Observed, (interface, peers): (&str, &[PublicKey])) {
    let Some(content) = goal.content else { return };
    let wanted = ends(content, site, interface).filter(|end| {
        let key = &end.far.public_key;
        peers.contains(key) && (!goal.concerted || had_session(before, interface, key))
    });
    send(site, interface, wanted);
}

/// Sends a packet through each tunnel.
pub fn pulse(site: Site<'_>, content: &Content, pulse: Pulse<'_>) {
    for tunnel in &content.tunnels {
        let interface = site.owner.interface(tunnel.local, tunnel.remote);
        let wanted = ends(content, site, &interface).filter(|end| match pulse {
            Pulse::Begin => end.begins(),
            Pulse::Silent(observed) => !had_session(observed, &interface, &end.far.public_key),
            Pulse::All => true,
        });
        send(site, &interface, wanted);
    }
}

fn had_session(observed: &Observed, interface: &str, key: &PublicKey) -> bool {
    let state = observed.tunnels.get(interface).and_then(|tunnel| tunnel.wireguard.as_ref().ok());
    state.and_then(|state| state.peers.get(key)).is_some_and(|peer| peer.last_handshake.is_some())
}

/// Both ends of one peer on one tunnel.
struct End<'a> {
    near: &'a LocalUplink,
    peer: &'a Peer,
    far: &'a PeerUplink,
}

impl End<'_> {
    /// Whether this side begins a session.
    fn begins(&self) -> bool {
        // An uplink keeps its sessions alive where it has no endpoint of its own.
        let far_knows_us = self.near.keepalive_s == 0;
        match (self.far.endpoint.is_some(), far_knows_us) {
            (true, true) => self.near.public_key < self.far.public_key,
            (knows_far, _) => knows_far,
        }
    }
}

fn ends<'a>(content: &'a Content, site: Site<'a>, interface: &str) -> impl Iterator<Item = End<'a>> + use<'a> {
    let tunnel = content.tunnels.iter().find(|tunnel| site.owner.interface(tunnel.local, tunnel.remote) == interface);
    let near = tunnel.and_then(|tunnel| Some((content.uplinks.get(usize::from(tunnel.local))?, tunnel.remote)));
    near.into_iter().flat_map(move |(near, remote)| {
        let far = move |peer: &'a Peer| Some(End { near, peer, far: peer.uplinks.get(usize::from(remote))? });
        content.peers.iter().filter_map(far)
    })
}

fn send<'a>(site: Site<'_>, interface: &str, ends: impl Iterator<Item = End<'a>>) {
    let port = site.identity.port_base.saturating_add(PORT_OFFSET);
    let to: Vec<SocketAddr> =
        ends.filter_map(|end| Some(SocketAddr::new(*end.peer.addresses.first()?, port))).collect();
    if !to.is_empty() {
        site.world.host.send(interface, &to);
    }
}
