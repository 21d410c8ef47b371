//! Which path carries what, in the kernel's routes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use patronus_core::apply::{Chosen, carrier};
use patronus_types::Name;
use patronus_types::bundle::Content;

use crate::effects::model::{Observed, Owner, Route, RouteChange, Target, Via};
use crate::effects::{Device, Result};

/// What was chosen, for who only wants to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Chosen>>);

impl Shared {
    pub(super) fn get(&self) -> Chosen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Chosen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes over tunnels, as they were set last.
#[derive(Debug)]
pub struct Steering {
    owner: Owner,
    chosen: Shared,
    routes: BTreeSet<Route>,
    /// What each site is sent.
    ranges: BTreeMap<Name, Vec<IpNet>>,
}

impl Steering {
    pub(super) fn new(owner: Owner) -> Self {
        Self { owner, chosen: Shared::default(), routes: BTreeSet::new(), ranges: BTreeMap::new() }
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
            let of_peer = |route: &&Route| route.table == Route::MAIN && peer.allowed_ips.contains(&route.destination);
            let device = observed.routes.iter().filter(of_peer).find_map(Route::device);
            let led = content.tunnels.iter().find(|it| Some(&*self.owner.interface(it.local, it.remote)) == device);
            if let Some(led) = led.filter(|led| carrier(content, &Chosen::new(), peer) != Some(*led)) {
                chosen.insert(peer.name.clone(), (led.local, led.remote));
            }
        }
    }

    /// Takes back what was chosen since.
    pub fn go_back(&mut self, chosen: Chosen) {
        *self.chosen.lock() = chosen;
    }

    /// What was chosen, as far as a content has it still.
    pub fn prune(&mut self, content: Option<&Content>) -> Chosen {
        let mut chosen = self.chosen.lock();
        chosen.retain(|name, uplinks| {
            let there = |content: &Content| {
                content.peers.iter().any(|peer| peer.name == *name)
                    && content.tunnels.iter().any(|tunnel| (tunnel.local, tunnel.remote) == *uplinks)
            };
            content.is_some_and(there)
        });
        chosen.clone()
    }

    /// The routes were set by somebody who held this.
    pub fn settle(&mut self, content: Option<&Content>, routes: BTreeSet<Route>) {
        self.routes = routes;
        let peers = content.into_iter().flat_map(|content| &content.peers);
        self.ranges = peers.map(|peer| (peer.name.clone(), peer.allowed_ips.clone())).collect();
    }

    /// Has a site's traffic go by another path, in one batch. Where the spare tunnel carries it, that goes on.
    ///
    /// # Errors
    /// When the kernel refuses. The choice stands all the same, and the next look at the kernel brings its routes there.
    pub(super) async fn turn(&mut self, device: &dyn Device, name: &Name, uplinks: (u8, u8)) -> Result<()> {
        self.chosen.lock().insert(name.clone(), uplinks);
        let Some(ranges) = self.ranges.get(name) else { return Ok(()) };
        let (to, spare) = (self.owner.interface(uplinks.0, uplinks.1), self.owner.spare_interface());
        let turned = |route: &Route| {
            let Target::Via(via) = &route.target else { return None };
            let stays = via.device == to || via.device == spare || !ranges.contains(&route.destination);
            let target = Target::Via(Via { device: to.clone(), ..via.clone() });
            (!stays && route.table == Route::MAIN).then(|| (route.clone(), Route { target, ..route.clone() }))
        };
        let turned: Vec<(Route, Route)> = self.routes.iter().filter_map(turned).collect();
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
}
