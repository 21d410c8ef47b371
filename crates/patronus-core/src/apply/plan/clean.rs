//! What is no longer wanted goes, each thing before what it uses: routes and rules, addresses, peers, devices.

use std::collections::BTreeSet;

use ipnet::IpNet;
use patronus_types::PublicKey;

use super::routes::{Key, key};
use super::{Action, Memory, Plan, Step, missing};
use crate::apply::model::{
    AllowedIps, Firewall, Observed, PeerChange, PeerUpdate, Route, RouteChange, RuleChange, WireguardState,
};
use crate::apply::{Desired, DesiredTunnel};

pub(super) fn add(plan: &mut Plan, now: &Observed, (desired, memory): (&Desired, &Memory)) {
    routes(plan, now, (desired, memory));
    let rules: Vec<RuleChange> = missing(&now.rules, &desired.rules).into_iter().map(RuleChange::Remove).collect();
    if !rules.is_empty() {
        plan.clean.push(Step::ChangeRules(rules));
    }
    let known = || now.tunnels.iter().filter_map(|(name, tunnel)| Some((name, tunnel, desired.tunnels.get(name)?)));
    for (name, tunnel, wanted) in known() {
        for address in missing(&tunnel.addresses, &wanted.addresses) {
            plan.clean.push(Step::RemoveAddress { interface: name.clone(), address });
        }
    }
    for (name, tunnel, wanted) in known() {
        if let Ok(state) = &tunnel.wireguard {
            peers(plan, name, (wanted, state));
        }
    }
    for (name, tunnel) in now.tunnels.iter().filter(|(name, _)| !desired.tunnels.contains_key(*name)) {
        plan.clean.push(Step::DeleteTunnel { interface: name.clone() });
        for peer in tunnel.wireguard.iter().flat_map(|state| state.peers.keys()) {
            plan.note(name, Some(peer.to_string()), (Action::Remove, "its tunnel goes".to_owned()));
        }
        plan.note(name, None, (Action::Remove, "no longer wanted".to_owned()));
    }
    if desired.firewall.is_none() && matches!(now.firewall, Firewall::Present(_)) {
        plan.clean.push(Step::RemoveFirewall);
    }
}

/// Routes whose place is not taken by a desired one. Routes of a device that goes need no step, but would be left for an
/// instant without the twin of another bundle; so they go first too.
fn routes(plan: &mut Plan, now: &Observed, (desired, memory): (&Desired, &Memory)) {
    let kept: BTreeSet<Key> = desired.routes.iter().chain(&desired.twins).map(key).collect();
    let gone = |route: &&Route| !kept.contains(&key(route));
    let ours = now.routes.iter().filter(gone);
    let twins = now.twins.iter().filter(|route| memory.twins.contains(*route)).filter(gone);
    let changes: Vec<RouteChange> = ours.chain(twins).cloned().map(RouteChange::Remove).collect();
    if !changes.is_empty() {
        plan.clean.push(Step::ChangeRoutes(changes));
    }
}

fn peers(plan: &mut Plan, name: &str, (wanted, state): (&DesiredTunnel, &WireguardState)) {
    // What others have taken over is gone already.
    let moved: BTreeSet<(PublicKey, IpNet)> = moved(wanted, state);
    let mut changes = Vec::new();
    for (key, there) in &state.peers {
        match wanted.peers.get(key) {
            None => {
                changes.push(PeerChange::Remove(*key));
                plan.note(name, Some(key.to_string()), (Action::Remove, "no longer wanted".to_owned()));
            }
            Some(peer) => {
                let surplus = |range: &IpNet| !peer.allowed_ips.contains(range) && !moved.contains(&(*key, *range));
                if there.allowed_ips.iter().any(surplus) {
                    let exactly = AllowedIps::Replace(peer.allowed_ips.iter().copied().collect());
                    changes.push(PeerChange::Update(PeerUpdate { allowed_ips: exactly, ..PeerUpdate::of(*key) }));
                }
            }
        }
    }
    if !changes.is_empty() {
        plan.clean.push(Step::ChangeWireguard { interface: name.to_owned(), key: None, port: None, peers: changes });
    }
}

/// Ranges that a peer has now and that another peer is given.
fn moved(wanted: &DesiredTunnel, state: &WireguardState) -> BTreeSet<(PublicKey, IpNet)> {
    let given: std::collections::BTreeMap<IpNet, PublicKey> =
        wanted.peers.iter().flat_map(|(key, peer)| peer.allowed_ips.iter().map(|range| (*range, *key))).collect();
    let pairs = state.peers.iter().flat_map(|(key, peer)| peer.allowed_ips.iter().map(|range| (*key, *range)));
    pairs.filter(|(key, range)| given.get(range).is_some_and(|owner| owner != key)).collect()
}
