//! Which path carries what, in the kernel's routes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use patronus_core::apply::{Choices, Chosen, carrier};
use patronus_types::Name;
use patronus_types::bundle::{Content, Tunnel};

use crate::effects::model::{Observed, Owner, Route, RouteChange, Target, Via, class_of_route, class_table};
use crate::effects::{Device, Result};

/// What was chosen, for who only wants to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Choices>>);

impl Shared {
    pub(super) fn get(&self) -> Choices {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Choices> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A move: what goes to a site, all or that of one class, takes these uplinks, or goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// To which site.
    pub site: Name,
    /// The class's number; none for what has none.
    pub class: Option<u8>,
    /// By which uplinks; none for nowhere.
    pub uplinks: Option<(u8, u8)>,
}

/// The routes over tunnels, as they were set last.
#[derive(Debug)]
pub struct Steering {
    owner: Owner,
    chosen: Shared,
    routes: BTreeSet<Route>,
    /// What each site is sent.
    ranges: BTreeMap<Name, Vec<IpNet>>,
    /// The site's own addresses.
    addresses: Vec<IpAddr>,
}

impl Steering {
    pub(super) fn new(owner: Owner) -> Self {
        let (routes, ranges) = (BTreeSet::new(), BTreeMap::new());
        Self { owner, chosen: Shared::default(), routes, ranges, addresses: Vec::new() }
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    pub(super) fn shared(&self) -> Shared {
        self.chosen.clone()
    }

    /// Takes over what an agent before chose, from the routes that it left.
    pub(super) fn adopt(&mut self, content: &Content, observed: &Observed) {
        let mut chosen = self.chosen.lock();
        for peer in &content.peers {
            let to_peer = observed.routes.iter().filter(|route| peer.allowed_ips.contains(&route.destination));
            for route in to_peer {
                let led = |it: &&Tunnel| Some(&*self.owner.interface(it.local, it.remote)) == route.device();
                let Some(led) = content.tunnels.iter().find(led) else { continue };
                let uplinks = (led.local, led.remote);
                match class_of_route(route) {
                    Some(class) => {
                        chosen.classes.entry(class).or_default().insert(peer.name.clone(), Some(uplinks));
                    }
                    None if route.table == Route::MAIN && carrier(content, &Chosen::new(), peer) != Some(led) => {
                        chosen.default.insert(peer.name.clone(), uplinks);
                    }
                    None => {}
                }
            }
        }
    }

    /// Takes back what was chosen since.
    pub fn go_back(&mut self, chosen: Choices) {
        *self.chosen.lock() = chosen;
    }

    /// What was chosen, as far as a content has it still, with the numbers of its classes.
    pub fn prune(&mut self, content: Option<&Content>, classes: &[u8]) -> Choices {
        let mut chosen = self.chosen.lock();
        let has = |name: &Name, uplinks: Option<(u8, u8)>| {
            content.is_some_and(|content| {
                let there = |(local, remote)| {
                    content.tunnels.iter().any(|tunnel| (tunnel.local, tunnel.remote) == (local, remote))
                };
                content.peers.iter().any(|peer| peer.name == *name) && uplinks.is_none_or(there)
            })
        };
        chosen.default.retain(|name, uplinks| has(name, Some(*uplinks)));
        chosen.classes.retain(|class, _| classes.contains(class));
        for of_class in chosen.classes.values_mut() {
            of_class.retain(|name, uplinks| has(name, *uplinks));
        }
        chosen.clone()
    }

    /// The routes were set by somebody who held this.
    pub fn settle(&mut self, content: Option<&Content>, routes: BTreeSet<Route>) {
        self.routes = routes;
        let peers = content.into_iter().flat_map(|content| &content.peers);
        self.ranges = peers.map(|peer| (peer.name.clone(), peer.allowed_ips.clone())).collect();
        self.addresses = content.map(|content| content.addresses.clone()).unwrap_or_default();
    }

    /// Has traffic go by another path, in one batch. Where the spare tunnel carries it, that goes on.
    ///
    /// # Errors
    /// When the kernel refuses. The choice stands all the same, and the next look at the kernel brings its routes there.
    pub(super) async fn turn(&mut self, device: &dyn Device, turn: &Turn) -> Result<()> {
        self.note(turn);
        let turned = self.turned(turn);
        let changes: Vec<RouteChange> = turned.iter().map(|(_, new)| RouteChange::Replace(new.clone())).collect();
        if !changes.is_empty() {
            device.change_routes(&changes).await?;
        }
        for (old, new) in turned {
            self.routes.remove(&old);
            self.routes.insert(new);
        }
        Ok(())
    }

    fn note(&self, Turn { site, class, uplinks }: &Turn) {
        let mut chosen = self.chosen.lock();
        match (class, uplinks) {
            (Some(class), _) => _ = chosen.classes.entry(*class).or_default().insert(site.clone(), *uplinks),
            (None, Some(uplinks)) => _ = chosen.default.insert(site.clone(), *uplinks),
            (None, None) => {}
        }
    }

    /// The routes that become others.
    fn turned(&self, Turn { site, class, uplinks }: &Turn) -> Vec<(Route, Route)> {
        let Some(ranges) = self.ranges.get(site) else { return Vec::new() };
        let table = class.map_or(Route::MAIN, class_table);
        let to = uplinks.map(|(local, remote)| self.owner.interface(local, remote));
        let spare = self.owner.spare_interface();
        let source = |range: IpNet| self.addresses.iter().copied().find(|own| own.is_ipv4() == range.addr().is_ipv4());
        let turned = |route: &Route| {
            let is_meant = route.table == table && ranges.contains(&route.destination);
            let stays = route.device() == to.as_deref() || route.device() == Some(&spare);
            let target = match to.clone() {
                Some(device) => Target::Via(Via { device, gateway: None, source: source(route.destination) }),
                None => Target::Unreachable,
            };
            (is_meant && !stays).then(|| (route.clone(), Route { target, ..route.clone() }))
        };
        self.routes.iter().filter_map(turned).collect()
    }
}
