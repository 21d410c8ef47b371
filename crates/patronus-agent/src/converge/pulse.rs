//! One packet into a tunnel, so that WireGuard begins or renews a session.
//!
//! Where two sides begin a session at the same moment, their messages undo each other and the path stays dead for five
//! seconds and more. So where both know how to reach the other, the lower key begins; the other side waits, and begins by
//! itself when nothing has come for a while.

use std::net::SocketAddr;

use patronus_types::bundle::{Content, LocalUplink, Peer, PeerUplink};
use patronus_types::{PublicKey, Timestamp};

use super::{Goal, Site};
use crate::effects::model::{Observed, PeerState};

/// A little over the two minutes after which a session is renewed: what is older was not renewed by the other side.
const STALE_S: i64 = 135;
/// Offset of the probe port from the first of the network's ports.
const PROBE_PORT: u16 = 17;

/// Sends to the peers of a tunnel that may wait for it after a change.
pub(super) fn begin(site: Site<'_>, goal: Goal<'_>, before: &Observed, (interface, peers): (&str, &[PublicKey])) {
    let Some(content) = goal.content else { return };
    let had_session = |key: &PublicKey| state(before, interface, key).is_some_and(|peer| peer.last_handshake.is_some());
    let wanted = ends(content, site, interface).filter(|end| {
        peers.contains(&end.far.public_key) && (!goal.concerted || had_session(&end.far.public_key) || end.begins())
    });
    send(site, interface, wanted);
}

/// Sends to every peer whose session this side keeps up, and to those that the other side should have begun and has not.
pub fn pulse(site: Site<'_>, content: &Content, observed: &Observed, now: Timestamp) {
    for interface in observed.tunnels.keys() {
        let wanted = ends(content, site, interface).filter(|end| {
            let age = state(observed, interface, &end.far.public_key)
                .and_then(|peer| peer.last_handshake)
                .map(|at| now.duration_since(at).as_secs());
            end.begins() || age.is_none_or(|age| age > STALE_S)
        });
        send(site, interface, wanted);
    }
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

fn state<'a>(observed: &'a Observed, interface: &str, key: &PublicKey) -> Option<&'a PeerState> {
    observed.tunnels.get(interface)?.wireguard.as_ref().ok()?.peers.get(key)
}

fn send<'a>(site: Site<'_>, interface: &str, ends: impl Iterator<Item = End<'a>>) {
    let port = site.identity.port_base.saturating_add(PROBE_PORT);
    let to: Vec<SocketAddr> =
        ends.filter_map(|end| Some(SocketAddr::new(*end.peer.addresses.first()?, port))).collect();
    if !to.is_empty() {
        site.world.host.send(interface, &to);
    }
}
