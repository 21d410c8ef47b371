//! One packet into a tunnel, so that WireGuard begins or renews a session.
//!
//! Where two sides begin a session at the same moment, their messages undo each other and the path stays dead for five
//! seconds and more. So where both know how to reach the other, the lower key begins, and the other side only when nothing
//! has come for a while. A session that is there is renewed by whoever began it, when it has something to send.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use patronus_core::apply::Sessions;
use patronus_core::path::PORT_OFFSET;
use patronus_core::path::prober::{begins, begins_by};
use patronus_types::PublicKey;
use patronus_types::bundle::{Content, Peer};

use super::{Goal, Site};

/// To whom a packet goes.
#[derive(Debug, Clone, Copy)]
pub enum Pulse<'a> {
    /// Where this side begins sessions.
    Begin,
    /// Where there is none, whoever should have begun it.
    Silent(&'a Sessions),
    /// Everywhere.
    All,
}

/// Sends to the peers of a tunnel that may wait for it after a change. Where the far ends change at the same time, those
/// without a session get nothing yet: see [`Pulse::Begin`].
pub(super) fn begin(site: Site<'_>, goal: Goal<'_>, sessions: &Sessions, (interface, peers): (&str, &[PublicKey])) {
    let Some(content) = goal.content else { return };
    let wanted = ends(content, site).filter(|end| {
        let is_there = !goal.concerted || end.has_session(sessions);
        end.interface == interface && peers.contains(&end.theirs) && is_there
    });
    send(site, wanted);
}

/// Sends a packet through each tunnel.
pub fn pulse(site: Site<'_>, content: &Content, pulse: Pulse<'_>) {
    let wanted = ends(content, site).filter(|end| match pulse {
        Pulse::Begin => end.begins,
        Pulse::Silent(sessions) => !end.has_session(sessions),
        Pulse::All => true,
    });
    send(site, wanted);
}

/// Both ends of one peer on one tunnel.
struct End<'a> {
    interface: String,
    peer: &'a Peer,
    theirs: PublicKey,
    /// Whether this side begins a session.
    begins: bool,
}

impl End<'_> {
    fn has_session(&self, sessions: &Sessions) -> bool {
        sessions.contains(&(self.interface.clone(), self.theirs))
    }
}

fn ends<'a>(content: &'a Content, site: Site<'a>) -> impl Iterator<Item = End<'a>> {
    let ordinary = content.tunnels.iter().filter_map(move |tunnel| {
        let near = content.uplinks.get(usize::from(tunnel.local))?;
        let interface = site.owner.interface(tunnel.local, tunnel.remote);
        let end = move |peer: &'a Peer| {
            let far = peer.uplinks.get(usize::from(tunnel.remote))?;
            let (theirs, begins) = (far.public_key, begins(near, far));
            Some(End { interface: interface.clone(), peer, theirs, begins })
        };
        Some(content.peers.iter().filter_map(end))
    });
    ordinary.flatten().chain(spare_ends(content, site))
}

fn spare_ends<'a>(content: &'a Content, site: Site<'a>) -> impl Iterator<Item = End<'a>> {
    content.spare.iter().flat_map(move |spare| {
        let near_is_known = content.uplinks.get(usize::from(spare.local)).is_some_and(|near| near.keepalive_s == 0);
        spare.peers.iter().filter_map(move |far| {
            Some(End {
                interface: site.owner.spare_interface(),
                peer: content.peers.iter().find(|peer| peer.name == far.name)?,
                theirs: far.public_key,
                begins: begins_by((far.endpoint.is_some(), near_is_known), &spare.public_key, &far.public_key),
            })
        })
    })
}

fn send<'a>(site: Site<'_>, ends: impl Iterator<Item = End<'a>>) {
    let port = site.identity.port_base.saturating_add(PORT_OFFSET);
    let mut to: BTreeMap<String, Vec<SocketAddr>> = BTreeMap::new();
    for end in ends {
        let address = end.peer.addresses.first().map(|address| SocketAddr::new(*address, port));
        to.entry(end.interface).or_default().extend(address);
    }
    for (interface, to) in to {
        site.world.host.send(&interface, &to);
    }
}
