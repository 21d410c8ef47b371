//! Peers: added, changed in place, never removed and added again.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use patronus_types::PublicKey;

use super::{Action, Memory, Plan, Step, shown};
use crate::apply::model::{
    AllowedIps, Driver, Observed, Peer, PeerChange, PeerState, PeerUpdate, PresharedKey, WireguardState,
};
use crate::apply::{Desired, DesiredPeer, DesiredTunnel};

/// A peer to be added, with those of its allowed addresses that it may have at once.
pub(super) fn made(key: PublicKey, peer: &DesiredPeer, at_once: impl Fn(&IpNet) -> bool) -> Peer {
    Peer {
        public_key: key,
        preshared_key: None,
        endpoint: peer.endpoint,
        allowed_ips: peer.allowed_ips.iter().copied().filter(at_once).collect(),
        keepalive_s: peer.keepalive_s,
    }
}

/// New peers, and changes to those that are there, but for what they may send: that moves later, on all tunnels together.
pub(super) fn in_place(
    plan: &mut Plan,
    (name, wanted, is): (&str, &DesiredTunnel, &WireguardState),
    (memory, re_keyed): (&Memory, bool),
) -> Vec<PeerChange> {
    let taken: BTreeSet<IpNet> = is.peers.values().flat_map(|peer| peer.allowed_ips.iter().copied()).collect();
    let mut changes = Vec::new();
    for (key, peer) in &wanted.peers {
        let label = Some(shown(Some(&peer.name), key));
        let Some(there) = is.peers.get(key) else {
            changes.push(PeerChange::Add(made(*key, peer, |range| !taken.contains(range))));
            plan.note(name, label, (Action::Create, "new".to_owned()));
            continue;
        };
        let (update, mut reasons) = update((name, *key), (peer, there), memory);
        reasons.extend((peer.allowed_ips != there.allowed_ips).then_some("allowed addresses".to_owned()));
        changes.extend(update.map(PeerChange::Update));
        let action = match (re_keyed, reasons.is_empty()) {
            (true, _) => (Action::Restart, "another key".to_owned()),
            (false, true) => (Action::Keep, String::new()),
            (false, false) => (Action::Change, reasons.join(", ")),
        };
        plan.note(name, label, action);
    }
    changes
}

fn update(
    (name, key): (&str, PublicKey),
    (peer, there): (&DesiredPeer, &PeerState),
    memory: &Memory,
) -> (Option<PeerUpdate>, Vec<String>) {
    let mut update = PeerUpdate::of(key);
    let mut reasons = Vec::new();
    if let Some(endpoint) = peer.endpoint.filter(|endpoint| there.endpoint != Some(*endpoint)) {
        let set = memory.endpoints.get(&(name.to_owned(), key));
        // Set before and different now: the peer has moved by itself, and knows best.
        if there.endpoint.is_none() || set != Some(&endpoint) {
            update.endpoint = Some(endpoint);
            reasons.push(format!("endpoint {endpoint}"));
        }
    }
    if peer.keepalive_s != there.keepalive_s {
        update.keepalive_s = Some(peer.keepalive_s);
        reasons.push(format!("keepalive {} -> {}", there.keepalive_s, peer.keepalive_s));
    }
    if there.preshared {
        // All zeros is WireGuard's way to say "none".
        update.preshared_key = Some(PresharedKey::new([0; 32]));
        reasons.push("preshared key".to_owned());
    }
    (Some(update).filter(|_| !reasons.is_empty()), reasons)
}

/// The peer of a change after which it may wait for a packet of ours.
pub(super) fn waiting(change: &PeerChange) -> Option<PublicKey> {
    match change {
        PeerChange::Add(peer) => Some(peer.public_key),
        PeerChange::Update(update) => update.endpoint.map(|_| update.public_key),
        PeerChange::Remove(_) => None,
    }
}

/// Gives each peer what it lacks, which takes it from whoever has it in the same instant. What a peer has too much is
/// taken away when cleaning.
pub(super) fn move_allowed_ips(plan: &mut Plan, now: &Observed, desired: &Desired) {
    for (interface, wanted) in &desired.tunnels {
        let Some(Ok(state)) = now.tunnels.get(interface).map(|tunnel| &tunnel.wireguard) else { continue };
        let owners: BTreeMap<IpNet, PublicKey> = owners(state);
        let mut peers = Vec::new();
        for (key, peer) in &wanted.peers {
            // A new peer got at once what nobody had.
            let new = !state.peers.contains_key(key);
            let lacks = |range: &&IpNet| match owners.get(range) {
                Some(owner) => owner != key,
                None => !new,
            };
            let lacking: Vec<IpNet> = peer.allowed_ips.iter().filter(lacks).copied().collect();
            if !lacking.is_empty() {
                peers.push(PeerChange::Update(PeerUpdate {
                    allowed_ips: AllowedIps::Add(lacking),
                    ..PeerUpdate::of(*key)
                }));
            }
        }
        if !peers.is_empty() {
            plan.apply.push(Step::ChangeWireguard { interface: interface.clone(), key: None, port: None, peers });
        }
    }
}

/// Which peer has each range; on one device a range has one peer.
fn owners(state: &WireguardState) -> BTreeMap<IpNet, PublicKey> {
    state.peers.iter().flat_map(|(key, peer)| peer.allowed_ips.iter().map(|range| (*range, *key))).collect()
}

/// The userspace driver keeps the source address it first sent with: where an uplink's routing changed, each endpoint is
/// repeated, so that it looks again. The kernel needs none of that.
pub(super) fn repeat_endpoints(plan: &mut Plan, now: &Observed, (desired, uplinks): (&Desired, &BTreeSet<u8>)) {
    for (interface, wanted) in desired.tunnels.iter().filter(|(_, tunnel)| uplinks.contains(&tunnel.local)) {
        let Some(tunnel) = now.tunnels.get(interface).filter(|tunnel| tunnel.driver == Driver::Userspace) else {
            continue;
        };
        let Ok(state) = &tunnel.wireguard else { continue };
        let again = |(key, there): (&PublicKey, &PeerState)| {
            let endpoint = changed_endpoint(plan, interface, key).or(there.endpoint)?;
            let update = PeerUpdate { endpoint: Some(endpoint), ..PeerUpdate::of(*key) };
            wanted.peers.contains_key(key).then_some(PeerChange::Update(update))
        };
        let peers: Vec<PeerChange> = state.peers.iter().filter_map(again).collect();
        if !peers.is_empty() {
            plan.apply.push(Step::ChangeWireguard { interface: interface.clone(), key: None, port: None, peers });
        }
    }
}

/// The endpoint that an earlier step of this plan gives to a peer.
fn changed_endpoint(plan: &Plan, interface: &str, key: &PublicKey) -> Option<std::net::SocketAddr> {
    let changes = plan.apply.iter().filter_map(|step| match step {
        Step::ChangeWireguard { interface: name, peers, .. } if name == interface => Some(peers),
        _ => None,
    });
    changes.flatten().find_map(|change| match change {
        PeerChange::Update(update) if update.public_key == *key => update.endpoint,
        _ => None,
    })
}
