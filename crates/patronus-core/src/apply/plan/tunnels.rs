//! Devices, addresses and peers: what is new is made, what is there is changed in place.

use std::collections::BTreeMap;

use patronus_types::PublicKey;

use super::ports::Ports;
use super::{Action, Memory, Plan, Step, missing, peers, shown};
use crate::apply::model::{Driver, Observed, PeerChange, PeerState, Tunnel, WireguardState};
use crate::apply::{Desired, DesiredTunnel};

/// `rp_filter` of a tunnel: the way back may be another tunnel.
const LOOSE: u8 = 2;

/// Plans this for all tunnels and keeps `now` up to date. Answers the peers to be probed at the end.
pub(super) fn add(
    plan: &mut Plan,
    now: &mut Observed,
    desired: &Desired,
    memory: &Memory,
) -> BTreeMap<String, Vec<PublicKey>> {
    let mut restarts = BTreeMap::new();
    for (name, wanted) in &desired.tunnels {
        if let Some(reason) = now.tunnels.get(name).and_then(|tunnel| broken(tunnel, (wanted, desired.driver))) {
            delete(plan, now, name);
            restarts.insert(name.clone(), reason);
        }
    }
    warn_of_drivers(plan, now, desired);
    let mut ports =
        Ports(now.tunnels.iter().filter_map(|(name, tunnel)| Some((name.clone(), port(tunnel)?))).collect());
    let mut waiting: Vec<(String, u16)> =
        desired.tunnels.iter().map(|(name, tunnel)| (name.clone(), tunnel.port)).collect();
    // What may be refused comes before anything is changed.
    waiting.sort_by_key(|(name, _)| !now.foreign.contains(name));
    let mut touched = BTreeMap::new();
    while let Some(name) = ports.next(plan, &mut waiting) {
        let Some(wanted) = desired.tunnels.get(&name) else { continue };
        let probe = match now.tunnels.get(&name).cloned() {
            Some(tunnel) => change(plan, &name, (wanted, &tunnel), memory),
            None => create(plan, now, desired, (&name, wanted, restarts.remove(&name))),
        };
        if !probe.is_empty() {
            touched.insert(name, probe);
        }
    }
    touched
}

fn port(tunnel: &Tunnel) -> Option<u16> {
    tunnel.wireguard.as_ref().ok().map(|state| state.port).filter(|&port| port != 0)
}

/// Why a tunnel is made anew. One with sessions keeps its driver until its key is replaced, when nothing goes through it.
fn broken(tunnel: &Tunnel, (wanted, driver): (&DesiredTunnel, Driver)) -> Option<String> {
    let state = match &tunnel.wireguard {
        Err(reason) => return Some(format!("it does not answer: {reason}")),
        Ok(state) => state,
    };
    let has_sessions = state.peers.values().any(|peer| peer.last_handshake.is_some());
    let is_free = state.public_key != Some(wanted.public_key) || !has_sessions;
    (tunnel.driver != driver && is_free).then(|| format!("driver {driver} instead of {}", tunnel.driver))
}

fn warn_of_drivers(plan: &mut Plan, now: &Observed, desired: &Desired) {
    let (driver, kept) = (desired.driver, |name: &String| now.tunnels.get(name).map(|tunnel| tunnel.driver));
    if let Some(old) = desired.tunnels.keys().filter_map(kept).find(|old| *old != driver) {
        plan.warnings.push(format!(
            "there are tunnels that run on the {old} driver and not on the {driver} one, since a change would end their \
             sessions: `patronusctl site rotate-key` makes it without loss"
        ));
    }
}

/// A device takes its routes along.
fn delete(plan: &mut Plan, now: &mut Observed, name: &str) {
    now.tunnels.remove(name);
    now.routes.retain(|route| route.device() != Some(name));
    plan.apply.push(Step::DeleteTunnel { interface: name.to_owned() });
}

fn create(
    plan: &mut Plan,
    now: &mut Observed,
    desired: &Desired,
    (name, wanted, restart): (&str, &DesiredTunnel, Option<String>),
) -> Vec<PublicKey> {
    plan.apply.push(Step::CreateTunnel { interface: name.to_owned(), mtu: wanted.mtu });
    let all = wanted.peers.iter().map(|(key, peer)| PeerChange::Add(peers::made(*key, peer, |_| true))).collect();
    plan.apply.push(Step::ChangeWireguard {
        interface: name.to_owned(),
        key: Some(wanted.public_key),
        port: Some(wanted.port),
        peers: all,
    });
    plan.apply.extend(wanted.addresses.iter().map(|&address| Step::AddAddress { interface: name.to_owned(), address }));
    let action = match restart {
        Some(reason) => (Action::Restart, reason),
        None => (Action::Create, "new".to_owned()),
    };
    for (key, peer) in &wanted.peers {
        plan.note(name, Some(shown(Some(&peer.name), key)), action.clone());
    }
    plan.note(name, None, action);
    now.tunnels.insert(name.to_owned(), fresh(desired, wanted));
    wanted.peers.keys().copied().collect()
}

/// A tunnel as it is right after it was made.
fn fresh(desired: &Desired, wanted: &DesiredTunnel) -> Tunnel {
    let state = |peer: &crate::apply::DesiredPeer| PeerState {
        endpoint: peer.endpoint,
        allowed_ips: peer.allowed_ips.clone(),
        keepalive_s: peer.keepalive_s,
        ..PeerState::default()
    };
    Tunnel {
        index: 0,
        driver: desired.driver,
        mtu: wanted.mtu,
        up: true,
        addresses: wanted.addresses.clone(),
        rp_filter: Some(LOOSE),
        wireguard: Ok(WireguardState {
            public_key: Some(wanted.public_key),
            port: wanted.port,
            peers: wanted.peers.iter().map(|(key, peer)| (*key, state(peer))).collect(),
        }),
    }
}

fn change(plan: &mut Plan, name: &str, (wanted, is): (&DesiredTunnel, &Tunnel), memory: &Memory) -> Vec<PublicKey> {
    let Ok(state) = &is.wireguard else { return Vec::new() };
    let mut reasons = Vec::new();
    if !is.up {
        plan.apply.push(Step::CreateTunnel { interface: name.to_owned(), mtu: wanted.mtu });
        reasons.push("it was down".to_owned());
    } else if is.mtu != wanted.mtu {
        plan.apply.push(Step::SetMtu { interface: name.to_owned(), mtu: wanted.mtu });
        reasons.push(format!("mtu {} -> {}", is.mtu, wanted.mtu));
    }
    if is.rp_filter.is_some_and(|value| value != LOOSE) {
        plan.apply.push(Step::SetSysctl { path: format!("net/ipv4/conf/{name}/rp_filter"), value: LOOSE.to_string() });
        reasons.push("rp_filter".to_owned());
    }
    for address in missing(&wanted.addresses, &is.addresses) {
        plan.apply.push(Step::AddAddress { interface: name.to_owned(), address });
        reasons.push(format!("address {address}"));
    }
    let key = (state.public_key != Some(wanted.public_key)).then_some(wanted.public_key);
    let port = (state.port != wanted.port).then_some(wanted.port);
    reasons.extend(port.map(|port| format!("port {} -> {port}", state.port)));
    let re_keyed = key.is_some();
    let changes = peers::in_place(plan, (name, wanted, state), (memory, re_keyed));
    let mut probe: Vec<PublicKey> = changes.iter().filter_map(peers::waiting).collect();
    if key.is_some() || port.is_some() {
        probe = wanted.peers.keys().copied().collect();
    }
    if key.is_some() || port.is_some() || !changes.is_empty() {
        plan.apply.push(Step::ChangeWireguard { interface: name.to_owned(), key, port, peers: changes });
    }
    let action = match (re_keyed, reasons.is_empty()) {
        (true, _) => (Action::Restart, "another key".to_owned()),
        (false, true) => (Action::Keep, String::new()),
        (false, false) => (Action::Change, reasons.join(", ")),
    };
    plan.note(name, None, action);
    probe
}
