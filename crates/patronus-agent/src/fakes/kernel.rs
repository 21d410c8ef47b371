//! A kernel in memory. It outlives the agents that use it, as the real one does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::effects::model::{
    AllowedIps, Driver, Firewall, HostLink, Observed, Owner, PeerChange, PeerState, Route, RouteChange, Rule,
    RuleChange, Target, Tunnel, WireguardChange, WireguardState, class_of_route, class_of_rule, class_table,
};
use crate::effects::{Device, Error, Result, nft};

/// What it holds.
#[derive(Debug, Default)]
pub struct State {
    tunnels: BTreeMap<String, (String, Tunnel)>,
    routes: BTreeSet<Route>,
    rules: BTreeSet<Rule>,
    firewalls: BTreeMap<String, String>,
    sysctls: BTreeMap<String, String>,
    next_index: u32,
    /// What was done, a word and a name each.
    pub log: Vec<String>,
    /// Why nft cannot be used.
    pub no_nft: Option<String>,
    /// An operation that fails, by how its log line begins, and how often.
    pub fail: Option<(String, u32)>,
}

/// The kernel.
#[derive(Debug, Clone, Default)]
pub struct FakeKernel(Arc<Mutex<State>>);

impl FakeKernel {
    /// To look at it and to spoil it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Interfaces with their index and the peers they have.
    pub fn tunnels(&self) -> Vec<(String, u32, usize)> {
        let peers = |tunnel: &Tunnel| tunnel.wireguard.as_ref().map_or(0, |state| state.peers.len());
        self.state().tunnels.iter().map(|(name, (_, tunnel))| (name.clone(), tunnel.index, peers(tunnel))).collect()
    }

    /// Everything but indices and what traffic changes, as text.
    pub fn shape(&self) -> String {
        let state = self.state();
        let mut tunnels = state.tunnels.clone();
        tunnels.values_mut().for_each(|(_, tunnel)| tunnel.index = 0);
        format!("{tunnels:#?}\n{:#?}\n{:#?}\n{:#?}", state.routes, state.rules, state.firewalls)
    }

    /// Deletes an interface by hand.
    pub fn delete(&self, name: &str) {
        let mut state = self.state();
        state.tunnels.remove(name);
        state.routes.retain(|route| route.device() != Some(name));
    }

    /// The routes, but for the `unreachable` ones behind them.
    pub fn routes(&self) -> BTreeSet<Route> {
        self.state().routes.iter().filter(|route| route.device().is_some()).cloned().collect()
    }

    /// Adds a route by hand.
    pub fn add_route(&self, route: Route) {
        self.state().routes.insert(route);
    }

    /// Sets the time of every peer's last handshake.
    pub fn handshake(&self, at: Option<patronus_types::Timestamp>) {
        for (_, tunnel) in self.state().tunnels.values_mut() {
            let peers = tunnel.wireguard.as_mut().unwrap().peers.values_mut();
            peers.for_each(|peer| peer.last_handshake = at);
        }
    }

    /// Sets it for the peers of one tunnel.
    pub fn handshake_on(&self, interface: &str, at: Option<patronus_types::Timestamp>) {
        let mut state = self.state();
        let (_, tunnel) = state.tunnels.get_mut(interface).unwrap();
        tunnel.wireguard.as_mut().unwrap().peers.values_mut().for_each(|peer| peer.last_handshake = at);
    }

    /// The devices that routes in `main` lead to.
    pub fn carriers(&self) -> BTreeSet<String> {
        let state = self.state();
        let main = state.routes.iter().filter(|route| route.table == Route::MAIN);
        main.filter_map(|route| route.device().map(str::to_owned)).collect()
    }

    /// By which devices a class goes; the empty name is nowhere.
    pub fn carriers_of(&self, class: u8) -> BTreeSet<String> {
        let state = self.state();
        let of_class = state.routes.iter().filter(|route| route.table == class_table(class));
        of_class.map(|route| route.device().unwrap_or_default().to_owned()).collect()
    }

    /// Has every peer's session bring so many bytes more.
    pub fn receive(&self, bytes: u64) {
        for (_, tunnel) in self.state().tunnels.values_mut() {
            let peers = tunnel.wireguard.as_mut().unwrap().peers.values_mut();
            peers.for_each(|peer| peer.rx_bytes += bytes);
        }
    }

    fn act<T>(&self, what: String, act: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut state = self.state();
        if let Some((prefix, left)) = &mut state.fail
            && *left > 0
            && what.starts_with(prefix.as_str())
        {
            *left -= 1;
            return Err(Error::Device { interface: what, message: "refused by a test".to_owned() });
        }
        state.log.push(what);
        Ok(act(&mut state))
    }

    fn tunnel(&self, name: &str, what: &str, act: impl FnOnce(&mut Tunnel)) -> Result<()> {
        let found =
            self.act(format!("{what} {name}"), |state| state.tunnels.get_mut(name).map(|(_, tunnel)| act(tunnel)))?;
        found.ok_or_else(|| Error::NoInterface(name.to_owned()))
    }
}

#[async_trait]
impl Device for FakeKernel {
    fn driver(&self) -> Driver {
        Driver::Userspace
    }

    async fn observe(&self, owner: &Owner) -> Result<Observed> {
        let state = self.state();
        let ours = |(alias, _): &&(String, Tunnel)| *alias == owner.alias();
        let tunnels: BTreeMap<String, Tunnel> = state
            .tunnels
            .iter()
            .filter(|(_, entry)| ours(entry))
            .map(|(name, (_, tunnel))| (name.clone(), tunnel.clone()))
            .collect();
        let of_ours = |route: &&Route| {
            route.device().is_some_and(|device| tunnels.contains_key(device))
                || owner.uplink_tables().contains(&route.table)
        };
        let twin = |route: &&Route| {
            let among_others = route.table == Route::MAIN || class_of_route(route).is_some();
            among_others && route.target == Target::Unreachable
        };
        let table = state.firewalls.get(&owner.nft_table());
        let firewall = match (&state.no_nft, table) {
            (Some(reason), _) => Firewall::Unavailable(reason.clone()),
            (None, Some(chains)) => Firewall::Present(nft::digest(chains)),
            (None, None) => Firewall::Missing,
        };
        Ok(Observed {
            routes: state.routes.iter().filter(of_ours).cloned().collect(),
            twins: state.routes.iter().filter(twin).cloned().collect(),
            rules: state
                .rules
                .iter()
                .filter(|rule| owner.rule_priorities().contains(&rule.priority) || class_of_rule(rule).is_some())
                .cloned()
                .collect(),
            foreign: BTreeSet::new(),
            firewall,
            sysctls: state.sysctls.clone(),
            tunnels,
        })
    }

    async fn create_tunnel(&self, owner: &Owner, name: &str, mtu: u32) -> Result<()> {
        self.act(format!("create {name}"), |state| {
            state.next_index += 1;
            let fresh = Tunnel {
                index: state.next_index,
                driver: Driver::Userspace,
                mtu,
                up: true,
                addresses: BTreeSet::new(),
                rp_filter: Some(2),
                wireguard: Ok(WireguardState::default()),
            };
            state.tunnels.entry(name.to_owned()).or_insert((owner.alias(), fresh));
        })
    }

    async fn delete_tunnel(&self, _: &Owner, name: &str) -> Result<()> {
        self.act(format!("delete {name}"), |state| {
            state.tunnels.remove(name);
            state.routes.retain(|route| route.device() != Some(name));
        })
    }

    async fn set_mtu(&self, _: &Owner, name: &str, mtu: u32) -> Result<()> {
        self.tunnel(name, "mtu", |tunnel| tunnel.mtu = mtu)
    }

    async fn wireguard(&self, _: &Owner, name: &str) -> Result<WireguardState> {
        let state = self.state();
        let (_, tunnel) = state.tunnels.get(name).ok_or_else(|| Error::NoInterface(name.to_owned()))?;
        Ok(tunnel.wireguard.clone().unwrap())
    }

    async fn change_wireguard(&self, _: &Owner, name: &str, change: &WireguardChange) -> Result<()> {
        self.tunnel(name, "wireguard", |tunnel| {
            let state = tunnel.wireguard.as_mut().unwrap();
            if let Some(key) = &change.private_key {
                state.public_key = Some(key.public_key());
            }
            state.port = change.port.unwrap_or(state.port);
            change.peers.iter().for_each(|change| change_peer(state, change));
        })
    }

    async fn add_address(&self, _: &Owner, name: &str, address: IpAddr) -> Result<()> {
        self.tunnel(name, "address", |tunnel| {
            tunnel.addresses.insert(address);
        })
    }

    async fn remove_address(&self, _: &Owner, name: &str, address: IpAddr) -> Result<()> {
        self.tunnel(name, "no-address", |tunnel| {
            tunnel.addresses.remove(&address);
        })
    }

    async fn change_routes(&self, changes: &[RouteChange]) -> Result<()> {
        self.act(format!("routes {}", changes.len()), |state| {
            for change in changes {
                let (RouteChange::Add(route) | RouteChange::Replace(route) | RouteChange::Remove(route)) = change;
                let same = |other: &Route| {
                    (other.table, other.destination, other.metric) == (route.table, route.destination, route.metric)
                };
                let there = state.routes.iter().find(|other| same(other) && matches!(change, RouteChange::Add(_)));
                if let Some(device) = there.filter(|there| *there != route).and_then(|there| there.device()) {
                    let (destination, device) = (route.destination, device.to_owned());
                    return Err(Error::OtherNetwork { destination, device });
                }
                state.routes.retain(|other| !same(other));
                if !matches!(change, RouteChange::Remove(_)) {
                    state.routes.insert(route.clone());
                }
            }
            Ok(())
        })?
    }

    async fn change_rules(&self, changes: &[RuleChange]) -> Result<()> {
        self.act(format!("rules {}", changes.len()), |state| {
            for change in changes {
                match change {
                    RuleChange::Add(rule) => drop(state.rules.insert(rule.clone())),
                    RuleChange::Remove(rule) => drop(state.rules.remove(rule)),
                }
            }
        })
    }

    async fn replace_firewall(&self, owner: &Owner, chains: &str) -> Result<Firewall> {
        self.act("firewall".to_owned(), |state| {
            state.firewalls.insert(owner.nft_table(), chains.to_owned());
            Firewall::Present(nft::digest(chains))
        })
    }

    async fn remove_firewall(&self, owner: &Owner) -> Result<Firewall> {
        self.act("no-firewall".to_owned(), |state| {
            state.firewalls.remove(&owner.nft_table());
            Firewall::Missing
        })
    }

    async fn set_sysctl(&self, path: &str, value: &str) -> Result<Option<String>> {
        self.act(format!("sysctl {path}"), |state| state.sysctls.insert(path.to_owned(), value.to_owned()))
    }

    async fn carried(&self, _: &Owner) -> Result<BTreeMap<String, u64>> {
        Ok(BTreeMap::new())
    }

    async fn flow_marks(&self) -> Result<BTreeSet<u32>> {
        Ok(BTreeSet::new())
    }

    async fn host_link(&self, _: &str) -> Result<Option<HostLink>> {
        Ok(None)
    }

    async fn host_links(&self) -> Result<BTreeMap<String, HostLink>> {
        Ok(BTreeMap::new())
    }
}

fn change_peer(state: &mut WireguardState, change: &PeerChange) {
    match change {
        PeerChange::Add(peer) => {
            take(state, &peer.allowed_ips);
            let fresh = PeerState {
                endpoint: peer.endpoint,
                allowed_ips: peer.allowed_ips.iter().copied().collect(),
                keepalive_s: peer.keepalive_s,
                ..PeerState::default()
            };
            state.peers.insert(peer.public_key, fresh);
        }
        PeerChange::Update(update) => {
            let (ranges, replace) = match &update.allowed_ips {
                AllowedIps::Keep => (Vec::new(), false),
                AllowedIps::Add(ranges) => (ranges.clone(), false),
                AllowedIps::Replace(ranges) => (ranges.clone(), true),
            };
            take(state, &ranges);
            let Some(peer) = state.peers.get_mut(&update.public_key) else { return };
            if replace {
                peer.allowed_ips.clear();
            }
            peer.allowed_ips.extend(ranges);
            peer.endpoint = update.endpoint.or(peer.endpoint);
            peer.keepalive_s = update.keepalive_s.unwrap_or(peer.keepalive_s);
        }
        PeerChange::Remove(key) => drop(state.peers.remove(key)),
    }
}

/// On one device a range has one peer.
fn take(state: &mut WireguardState, ranges: &[ipnet::IpNet]) {
    for peer in state.peers.values_mut() {
        peer.allowed_ips.retain(|range| !ranges.contains(range));
    }
}
