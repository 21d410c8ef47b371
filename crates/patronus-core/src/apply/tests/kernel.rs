//! A model of what the kernel does with a step, as strict as the kernel and a little stricter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::PublicKey;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::apply::model::{
    AllowedIps, Driver, Family, Firewall, HostLink, Observed, PeerChange, PeerState, Route, RouteChange, Rule,
    RuleChange, Selector, Target, Tunnel, WireguardState, class_of_route, class_rule_priority, class_table,
};
use crate::apply::{Desired, Facts, Plan, Step};
use crate::digest::sha256;

pub(super) struct Kernel {
    pub(super) now: Observed,
    driver: Driver,
    links: BTreeMap<String, HostLink>,
    text: Option<String>,
    /// Peers that were removed from a tunnel that stayed.
    removed: BTreeSet<(String, PublicKey)>,
    next_free_port: u16,
}

type Outcome = Result<(), TestCaseError>;

fn refuse<T>(reason: impl Into<String>) -> Result<T, TestCaseError> {
    Err(TestCaseError::fail(reason.into()))
}

/// Where the tunnels lead.
pub(super) fn destinations(desired: &Desired) -> BTreeSet<IpNet> {
    let main = desired.routes.iter().filter(|route| route.table == Route::MAIN);
    main.map(|route| route.destination).collect()
}

/// Another network's.
pub(super) fn foreign_twin() -> Route {
    Route::unreachable(Route::MAIN, "172.20.0.0/16".parse().unwrap(), 9999)
}

/// The same: what its policies use.
pub(super) fn class_of_another() -> Rule {
    let selector = Selector::Mark { family: Family::V4, value: 200 << 24, mask: 0xff << 24 };
    Rule { priority: class_rule_priority(200), selector, table: class_table(200) }
}

impl Kernel {
    pub(super) fn new(facts: &Facts) -> Self {
        let now = Observed {
            tunnels: BTreeMap::new(),
            foreign: BTreeSet::new(),
            routes: BTreeSet::new(),
            twins: BTreeSet::new(),
            rules: BTreeSet::new(),
            firewall: Firewall::Missing,
            sysctls: BTreeMap::new(),
        };
        let mut kernel = Self {
            now,
            driver: facts.driver,
            links: BTreeMap::new(),
            text: None,
            removed: BTreeSet::new(),
            next_free_port: 61_000,
        };
        kernel.arrive(facts);
        kernel
    }

    /// The host's own links and abilities become others; what used them goes.
    pub(super) fn arrive(&mut self, facts: &Facts) {
        self.driver = facts.driver;
        self.links = facts.links.clone();
        for name in self.links.keys() {
            for setting in ["arp_ignore", "arp_announce"] {
                self.now.sysctls.entry(format!("net/ipv4/conf/{name}/{setting}")).or_insert("0".to_owned());
            }
        }
        let has =
            |address: IpAddr| facts.links.values().any(|link| link.addresses.iter().any(|own| own.addr() == address));
        self.now.routes.retain(|route| match &route.target {
            Target::Unreachable => true,
            Target::Via(via) if via.device.starts_with("pt") => true,
            Target::Via(via) => facts.links.contains_key(&via.device) && via.source.is_none_or(has),
        });
    }

    pub(super) fn carry_out(&mut self, plan: &Plan) -> Outcome {
        plan.apply.iter().chain(&plan.clean).try_for_each(|step| self.step(step))
    }

    pub(super) fn firewall_text(&self) -> Option<&String> {
        match &self.now.firewall {
            Firewall::Present(digest) => {
                self.text.as_ref().filter(|text| sha256(text.as_bytes()).to_string() == *digest)
            }
            _ => None,
        }
    }

    /// Whether packets to a destination go into a tunnel whose peer takes them.
    pub(super) fn has_way(&self, destination: IpNet) -> bool {
        let route = self.now.routes.iter().find(|route| route.table == Route::MAIN && route.destination == destination);
        let Some(state) = route
            .and_then(|route| self.now.tunnels.get(route.device()?))
            .map(|tunnel| tunnel.wireguard.as_ref().unwrap())
        else {
            return false;
        };
        state.peers.values().any(|peer| peer.allowed_ips.contains(&destination))
    }

    pub(super) fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::CreateTunnel { interface, mtu } => self.create(interface, *mtu),
            Step::DeleteTunnel { interface } => self.delete(interface)?,
            Step::SetMtu { interface, mtu } => self.tunnel(interface)?.mtu = *mtu,
            Step::ChangeWireguard { interface, key, port, peers } => self.wireguard(interface, (*key, *port), peers)?,
            Step::AddAddress { interface, address } => {
                if !self.tunnel(interface)?.addresses.insert(*address) {
                    return refuse("an address that is there is added");
                }
            }
            Step::RemoveAddress { interface, address } => {
                self.tunnel(interface)?.addresses.remove(address);
                let lost = |route: &Route| matches!(&route.target, Target::Via(via) if via.source == Some(*address) && via.device == *interface);
                self.now.routes.retain(|route| !lost(route));
            }
            Step::SetSysctl { path, value } => self.sysctl(path, value)?,
            Step::ChangeRules(changes) => changes.iter().try_for_each(|change| self.rule(change))?,
            Step::ChangeRoutes(changes) => changes.iter().try_for_each(|change| self.route(change))?,
            Step::ReplaceFirewall { chains, .. } => {
                self.now.firewall = Firewall::Present(sha256(chains.as_bytes()).to_string());
                self.text = Some(chains.clone());
            }
            Step::RemoveFirewall => self.now.firewall = Firewall::Missing,
            Step::Probe { interface, peers } => {
                let state = self.tunnel(interface)?.wireguard.clone().unwrap();
                prop_assert!(peers.iter().all(|peer| state.peers.contains_key(peer)));
            }
        }
        Ok(())
    }

    fn tunnel(&mut self, name: &str) -> Result<&mut Tunnel, TestCaseError> {
        self.now.tunnels.get_mut(name).ok_or_else(|| TestCaseError::fail(format!("no tunnel {name}")))
    }

    fn create(&mut self, name: &str, mtu: u32) {
        let (driver, index) = (self.driver, 7);
        let tunnel = self.now.tunnels.entry(name.to_owned()).or_insert_with(|| Tunnel {
            index,
            driver,
            mtu,
            up: false,
            addresses: BTreeSet::new(),
            rp_filter: None,
            wireguard: Ok(WireguardState::default()),
        });
        (tunnel.mtu, tunnel.up, tunnel.rp_filter) = (mtu, true, Some(2));
    }

    fn delete(&mut self, name: &str) -> Outcome {
        self.tunnel(name)?;
        self.now.tunnels.remove(name);
        self.now.routes.retain(|route| route.device() != Some(name));
        self.removed.retain(|(interface, _)| interface != name);
        Ok(())
    }

    fn wireguard(
        &mut self,
        name: &str,
        (key, port): (Option<PublicKey>, Option<u16>),
        peers: &[PeerChange],
    ) -> Outcome {
        let taken = |(other, tunnel): (&String, &Tunnel)| {
            other != name && tunnel.wireguard.as_ref().is_ok_and(|state| Some(state.port) == port && state.port != 0)
        };
        prop_assert!(!self.now.tunnels.iter().any(taken), "port {:?} of {} is in use", port, name);
        let free = self.next_free_port;
        self.next_free_port += 1;
        let removed = self.removed.clone();
        let Ok(state) = &mut self.tunnel(name)?.wireguard else { return refuse("the device does not answer") };
        if let Some(key) = key {
            state.public_key = Some(key);
        }
        if let Some(port) = port {
            state.port = if port == 0 { free } else { port };
        }
        for change in peers {
            peer(state, change, |key| removed.contains(&(name.to_owned(), key)))?;
        }
        let gone = peers.iter().filter_map(|change| match change {
            PeerChange::Remove(key) => Some((name.to_owned(), *key)),
            _ => None,
        });
        self.removed.extend(gone);
        Ok(())
    }

    fn sysctl(&mut self, path: &str, value: &str) -> Outcome {
        if let Some(name) = path.strip_prefix("net/ipv4/conf/").and_then(|path| path.strip_suffix("/rp_filter")) {
            self.tunnel(name)?.rp_filter = value.parse().ok();
        } else if self.now.sysctls.insert(path.to_owned(), value.to_owned()).is_none() {
            return refuse("a setting that is not there");
        }
        Ok(())
    }

    fn rule(&mut self, change: &RuleChange) -> Outcome {
        match change {
            RuleChange::Add(rule) => prop_assert!(self.now.rules.insert(rule.clone())),
            RuleChange::Remove(rule) => prop_assert!(self.now.rules.remove(rule)),
        }
        Ok(())
    }

    fn route(&mut self, change: &RouteChange) -> Outcome {
        let key = |route: &Route| (route.table, route.destination, route.metric);
        match change {
            RouteChange::Add(route) => {
                let there = self.now.routes.iter().chain(&self.now.twins).any(|other| key(other) == key(route));
                prop_assert!(!there, "{:?} is there", route);
                self.put(route)
            }
            RouteChange::Replace(route) => {
                let before = self.now.routes.len() + self.now.twins.len();
                self.now.routes.retain(|other| key(other) != key(route));
                self.now.twins.retain(|other| key(other) != key(route));
                prop_assert!(before > self.now.routes.len() + self.now.twins.len(), "nothing to replace");
                self.put(route)
            }
            RouteChange::Remove(route) => {
                prop_assert!(self.now.routes.remove(route) || self.now.twins.remove(route));
                Ok(())
            }
        }
    }

    fn put(&mut self, route: &Route) -> Outcome {
        let Target::Via(via) = &route.target else {
            match route.table == Route::MAIN || class_of_route(route).is_some() {
                true => self.now.twins.insert(route.clone()),
                false => self.now.routes.insert(route.clone()),
            };
            return Ok(());
        };
        let link = self.links.get(&via.device);
        let tunnel = self.now.tunnels.get(&via.device);
        prop_assert!(link.is_some() || tunnel.is_some_and(|tunnel| tunnel.up), "no device for {:?}", route);
        let own = |address: IpAddr| {
            self.links.values().any(|link| link.addresses.iter().any(|own| own.addr() == address))
                || self.now.tunnels.values().any(|tunnel| tunnel.addresses.contains(&address))
        };
        prop_assert!(via.source.is_none_or(own), "source of {:?}", route);
        if let Some(gateway) = via.gateway.filter(|gateway| gateway.is_ipv4()) {
            let connected = |other: &&Route| {
                other.table == route.table
                    && other.destination.contains(&gateway)
                    && other.target != Target::Unreachable
            };
            prop_assert!(self.now.routes.iter().any(|other| connected(&other)), "no way to gateway {}", gateway);
        }
        if let Some(state) = tunnel.map(|tunnel| tunnel.wireguard.as_ref().unwrap()) {
            let taken = state.peers.values().any(|peer| peer.allowed_ips.contains(&route.destination));
            prop_assert!(taken, "{:?} leads to nobody", route);
        }
        self.now.routes.insert(route.clone());
        Ok(())
    }
}

fn peer(state: &mut WireguardState, change: &PeerChange, was_removed: impl Fn(PublicKey) -> bool) -> Outcome {
    match change {
        PeerChange::Add(new) => {
            prop_assert!(!was_removed(new.public_key), "removed and added again");
            let made = PeerState { endpoint: new.endpoint, keepalive_s: new.keepalive_s, ..PeerState::default() };
            prop_assert!(state.peers.insert(new.public_key, made).is_none(), "a peer that is there is added");
            allow(state, new.public_key, &new.allowed_ips)
        }
        PeerChange::Update(update) => {
            let Some(there) = state.peers.get_mut(&update.public_key) else { return refuse("no such peer") };
            there.endpoint = update.endpoint.or(there.endpoint);
            there.keepalive_s = update.keepalive_s.unwrap_or(there.keepalive_s);
            there.preshared = update.preshared_key.as_ref().map_or(there.preshared, |key| *key.expose() != [0; 32]);
            match &update.allowed_ips {
                AllowedIps::Keep => Ok(()),
                AllowedIps::Add(ranges) => allow(state, update.public_key, ranges),
                AllowedIps::Replace(ranges) => {
                    there.allowed_ips.clear();
                    allow(state, update.public_key, ranges)
                }
            }
        }
        PeerChange::Remove(key) => {
            prop_assert!(state.peers.remove(key).is_some());
            Ok(())
        }
    }
}

/// A range has one peer: giving it to one takes it from the other.
fn allow(state: &mut WireguardState, key: PublicKey, ranges: &[IpNet]) -> Outcome {
    for range in ranges {
        state.peers.values_mut().for_each(|peer| _ = peer.allowed_ips.remove(range));
        let Some(peer) = state.peers.get_mut(&key) else { return refuse("no such peer") };
        peer.allowed_ips.insert(*range);
    }
    Ok(())
}
