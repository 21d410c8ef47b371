//! What can have happened to a host while nobody looked.

use std::collections::BTreeSet;

use ipnet::IpNet;
use patronus_types::PublicKey;
use proptest::prelude::*;

use crate::apply::model::{
    Driver, Family, Firewall, Observed, PeerState, Route, Rule, Selector, Target, Tunnel, Via, WireguardState,
    class_of_route, class_of_rule,
};

/// One mishap; the number chooses where.
#[derive(Debug, Clone)]
pub(super) struct Damage(u8, usize);

pub(super) fn damages() -> impl Strategy<Value = Vec<Damage>> {
    prop::collection::vec((0u8..23, any::<usize>()).prop_map(|(kind, place)| Damage(kind, place)), 0..8)
}

fn pick<T: Clone>(all: impl Iterator<Item = T>, place: usize) -> Option<T> {
    let all: Vec<T> = all.collect();
    (!all.is_empty()).then(|| all[place % all.len()].clone())
}

fn stranger() -> PublicKey {
    PublicKey([9; 32])
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

impl Damage {
    pub(super) fn strike(&self, now: &mut Observed) {
        let Self(kind, place) = *self;
        match kind {
            0..=2 => drop_from_sets(now, kind, place),
            3 => now.firewall = Firewall::Present("another".to_owned()),
            4 => now.firewall = Firewall::Missing,
            5 => _ = now.tunnels.insert("pt333".to_owned(), stale()),
            6 => _ = now.routes.insert(Route::unreachable(20_313, net("10.77.0.0/16"), 5)),
            7 => {
                let selector = Selector::SourcePorts { family: Family::V4, first: 7, last: 8 };
                now.rules.insert(Rule { priority: 4_048, selector, table: 20_312 });
            }
            8 => swap_ports(now),
            21 => {
                let of_classes: Vec<_> =
                    now.routes.iter().chain(&now.twins).filter(|it| class_of_route(it).is_some()).cloned().collect();
                if let Some(route) = pick(of_classes.into_iter(), place) {
                    now.routes.remove(&route);
                    now.twins.remove(&route);
                    now.twins.insert(Route::unreachable(route.table, route.destination, route.metric));
                }
            }
            22 => now.rules.retain(|rule| class_of_rule(rule).is_none()),
            9 => misroute(now, place),
            _ => {
                let name = pick(now.tunnels.keys().cloned(), place);
                if let Some(tunnel) = name.clone().and_then(|name| now.tunnels.get_mut(&name)) {
                    one_tunnel(tunnel, kind, place);
                }
                if let Some(name) = name.filter(|_| kind == 20) {
                    now.tunnels.remove(&name);
                    now.routes.retain(|route| route.device() != Some(&name));
                }
            }
        }
    }
}

fn drop_from_sets(now: &mut Observed, kind: u8, place: usize) {
    match kind {
        0 => _ = pick(now.routes.iter().cloned(), place).map(|route| now.routes.remove(&route)),
        1 => _ = pick(now.twins.iter().cloned(), place).map(|route| now.twins.remove(&route)),
        _ => _ = pick(now.rules.iter().cloned(), place).map(|rule| now.rules.remove(&rule)),
    }
}

fn one_tunnel(tunnel: &mut Tunnel, kind: u8, place: usize) {
    match kind {
        10 => tunnel.driver = Driver::Userspace,
        11 => tunnel.wireguard = Err("the process is gone".to_owned()),
        12 => tunnel.up = false,
        13 => tunnel.mtu = 9000,
        14 => tunnel.rp_filter = Some(0),
        15 => tunnel.addresses = BTreeSet::from(["10.99.0.1".parse().unwrap()]),
        _ => {
            if let Ok(state) = &mut tunnel.wireguard {
                device(state, kind, place);
            }
        }
    }
}

fn device(state: &mut WireguardState, kind: u8, place: usize) {
    let Some(key) = pick(state.peers.keys().copied(), place) else { return };
    match kind {
        16 => _ = state.peers.remove(&key),
        17 => {
            state.public_key = None;
            let robbed =
                state.peers.get_mut(&key).map(|peer| std::mem::take(&mut peer.allowed_ips)).unwrap_or_default();
            let thief = PeerState { allowed_ips: robbed, ..PeerState::default() };
            state.peers.insert(stranger(), thief);
        }
        18 => {
            // Everything of all to one of them.
            let all = state.peers.values_mut().flat_map(|peer| std::mem::take(&mut peer.allowed_ips)).collect();
            state.peers.entry(key).or_default().allowed_ips = all;
        }
        _ => {
            let peer = state.peers.entry(key).or_default();
            (peer.endpoint, peer.keepalive_s, peer.preshared) = ("192.0.2.99:9".parse().ok(), 77, true);
            peer.allowed_ips.insert(net("10.99.0.0/16"));
        }
    }
}

fn stale() -> Tunnel {
    Tunnel {
        index: 99,
        driver: Driver::Kernel,
        mtu: 1420,
        up: true,
        addresses: BTreeSet::new(),
        rp_filter: Some(2),
        wireguard: Ok(WireguardState { port: 51_820, ..WireguardState::default() }),
    }
}

fn swap_ports(now: &mut Observed) {
    let mut ports: Vec<u16> = states(now).map(|state| state.port).collect();
    if !ports.is_empty() {
        ports.rotate_left(1);
    }
    states(now).zip(ports).for_each(|(state, port)| state.port = port);
}

fn states(now: &mut Observed) -> impl Iterator<Item = &mut WireguardState> {
    now.tunnels.values_mut().filter_map(|tunnel| tunnel.wireguard.as_mut().ok())
}

fn misroute(now: &mut Observed, place: usize) {
    let Some(name) = pick(now.tunnels.keys().cloned(), place) else { return };
    let Some(route) = pick(now.routes.iter().filter(|route| route.table == Route::MAIN).cloned(), place) else {
        return;
    };
    now.routes.remove(&route);
    now.routes.insert(Route { target: Target::Via(Via { device: name, gateway: None, source: None }), ..route });
}
