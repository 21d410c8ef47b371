//! The spare tunnel: beside the others, for the peers whose keys or ours are being replaced.

use std::collections::BTreeMap;

use patronus_types::Name;
use patronus_types::bundle::{Content, Peer, Spare};

use super::paths::Chosen;
use super::{Desired, DesiredPeer, DesiredTunnel, Unfit};
use crate::apply::model::Owner;
use crate::apply::{Facts, Sessions};

/// Which tunnels are left, by whoever is concerned where keys are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The spare one.
    Spare,
    /// The others.
    Ordinary,
}

pub(super) fn add(desired: &mut Desired, content: &Content, facts: &Facts) -> Result<(), Unfit> {
    let Some(spare) = &content.spare else { return Ok(()) };
    let Some(uplink) = content.uplinks.get(usize::from(spare.local)) else { return Ok(()) };
    if !facts.keys.contains(&spare.public_key) {
        return Err(Unfit::SpareKey { public_key: spare.public_key });
    }
    let known: BTreeMap<&Name, &Peer> = content.peers.iter().map(|peer| (&peer.name, peer)).collect();
    let peer = |far: &patronus_types::bundle::SparePeer| {
        let peer = DesiredPeer {
            name: far.name.clone(),
            endpoint: far.endpoint.as_ref().and_then(|endpoint| facts.socket_address(endpoint, 0)),
            allowed_ips: known.get(&far.name)?.allowed_ips.iter().copied().collect(),
            keepalive_s: uplink.keepalive_s,
        };
        Some((far.public_key, peer))
    };
    let tunnel = DesiredTunnel {
        local: spare.local,
        public_key: spare.public_key,
        port: spare.port,
        mtu: u32::from(content.mtu),
        addresses: content.addresses.iter().copied().filter(|&address| facts.has_family_of(address)).collect(),
        peers: spare.peers.iter().filter_map(peer).collect(),
    };
    desired.tunnels.insert(facts.owner.spare_interface(), tunnel);
    Ok(())
}

/// The spare interface, where a peer's traffic goes by it.
pub(super) fn carrier(content: &Content, facts: &Facts, peer: &Peer) -> Option<String> {
    let ordinary = super::paths::ordinary(content, &facts.chosen.default, &facts.owner, peer);
    carries(content, facts, (peer, ordinary.as_deref())).then(|| facts.owner.spare_interface())
}

/// Whether a peer's traffic goes by the spare tunnel: where both can carry it, by the one that the bundle wants; where one
/// has no session, or is not heard by it while it is by the other, by the other. The far end may have gone back.
fn carries(content: &Content, facts: &Facts, (peer, ordinary): (&Peer, Option<&str>)) -> bool {
    let Facts { owner, sessions, deaf, .. } = facts;
    let Some((spare, up)) = spare_of(content, (owner, sessions), peer) else { return false };
    let heard: Sessions = sessions.difference(deaf).cloned().collect();
    let spare_heard = spare_of(content, (owner, &heard), peer).is_some_and(|(_, heard)| heard);
    let ordinary_heard = ordinary_is_up(&heard, (peer, ordinary));
    match spare.carries {
        true => up && (spare_heard || !ordinary_heard),
        false => up && (!ordinary_is_up(sessions, (peer, ordinary)) || (spare_heard && !ordinary_heard)),
    }
}

/// The peers whose traffic has yet to move to where the bundle wants it, in its order.
pub fn waits_for(content: &Content, chosen: &Chosen, owner: &Owner, sessions: &Sessions) -> Vec<Name> {
    let waits = |peer: &&Peer| {
        let ordinary = super::paths::ordinary(content, chosen, owner, peer);
        spare_of(content, (owner, sessions), peer).is_some_and(|(spare, up)| match spare.carries {
            true => !up,
            false => !ordinary_is_up(sessions, (peer, ordinary.as_deref())),
        })
    };
    content.peers.iter().filter(waits).map(|peer| peer.name.clone()).collect()
}

/// Which tunnels carry traffic by one content and end, or get other keys, by a change to another. Both ends have to leave
/// them before, or what is sent by them is lost. In the course of a rotation there are none: only where one goes back in it.
pub fn departs(from: &Content, to: &Content) -> Option<Departure> {
    let spare = from.spare.as_ref()?;
    let kept = to.spare.as_ref().filter(|kept| kept.public_key == spare.public_key);
    match (spare.carries, kept) {
        (true, None) => Some(Departure::Spare),
        (false, Some(kept)) if kept.carries => Some(Departure::Ordinary),
        _ => None,
    }
}

/// The spare tunnel where it has the peer, and whether that has a session there.
fn spare_of<'a>(
    content: &'a Content,
    (owner, sessions): (&Owner, &Sessions),
    peer: &Peer,
) -> Option<(&'a Spare, bool)> {
    let spare = content.spare.as_ref()?;
    let key = spare.peers.iter().find(|far| far.name == peer.name)?.public_key;
    Some((spare, sessions.contains(&(owner.spare_interface(), key))))
}

fn ordinary_is_up(sessions: &Sessions, (peer, ordinary): (&Peer, Option<&str>)) -> bool {
    let has = |name: &str, key| sessions.contains(&(name.to_owned(), key));
    ordinary.is_some_and(|name| peer.uplinks.iter().any(|uplink| has(name, uplink.public_key)))
}
