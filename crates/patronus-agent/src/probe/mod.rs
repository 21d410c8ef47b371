//! Measuring a network's paths, and moving traffic from one to another.
//!
//! `patronus_core::path::prober` decides; here are its sockets, its clock and the routes. It runs as a task of its own, so that
//! a path is left in a fraction of a second whatever else the network is busy with: a change that takes long, a server that
//! does not answer. The two meet in [`Steering`]: what the kernel's routes are, and who may change them now.

mod steering;
mod task;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use patronus_core::apply::{Chosen, carrier};
use patronus_core::path::prober::Plan;
use patronus_types::bundle::{Content, Peer};
use patronus_types::site::MAX_UPLINKS;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::echo::Lines;
use crate::effects::model::{Observed, Owner};
use crate::world::World;

pub use steering::Steering;
pub use view::PathView;

/// What the task is told.
enum Command {
    /// What there is now.
    Follow(Box<Setup>),
    /// To say how the paths do.
    Show(oneshot::Sender<Vec<PathView>>),
    /// To tell the far ends that this one leaves for a while, and to end.
    Leave(oneshot::Sender<()>),
}

/// What is measured.
#[derive(Default)]
struct Setup {
    plan: Plan,
    /// Where each peer's agent takes packets.
    ports: BTreeMap<IpAddr, SocketAddr>,
    /// By which path each site's traffic goes, the spare tunnel aside.
    carriers: Chosen,
    /// The names of the site's own uplinks.
    uplinks: Vec<String>,
    /// Whether the device of each local uplink is there.
    present: [bool; MAX_UPLINKS],
    /// Whether all that was measured before is to be forgotten.
    anew: bool,
}

/// The measuring of one network.
pub struct Probes {
    steering: Arc<Mutex<Steering>>,
    chosen: steering::Shared,
    tell: Option<mpsc::UnboundedSender<Command>>,
    /// Whether nothing comes by some path.
    silent: watch::Receiver<bool>,
}

impl Probes {
    /// Nothing is measured yet.
    pub fn new(owner: Owner) -> Self {
        let steering = Steering::new(owner);
        Self {
            chosen: steering.shared(),
            steering: Arc::new(Mutex::new(steering)),
            tell: None,
            silent: watch::channel(false).1,
        }
    }

    /// Begins, with what the kernel's routes say that was chosen before.
    pub async fn begin(&mut self, world: &World, lines: &mut Lines, running: Option<(&Content, &Observed)>) {
        let mut steering = self.steering.lock().await;
        if let Some((content, observed)) = running {
            steering.adopt(content, observed);
        }
        let (lines, Some(arrivals)) = lines.share() else { return };
        let (tell, told) = mpsc::unbounded_channel();
        let (falls_silent, silent) = watch::channel(false);
        let kernel = (*steering.owner(), Arc::clone(&self.steering));
        tokio::spawn(task::run(world.clone(), kernel, (lines, arrivals), told, falls_silent));
        (self.tell, self.silent) = (Some(tell), silent);
    }

    /// Whether nothing comes by some path.
    pub fn has_silent(&self) -> bool {
        *self.silent.borrow()
    }

    /// The same, as it changes.
    pub fn silent(&self) -> watch::Receiver<bool> {
        self.silent.clone()
    }

    /// What was chosen.
    pub fn chosen(&self) -> Chosen {
        self.chosen.get()
    }

    /// The routes; nobody else changes them while this is held.
    pub fn steering(&self) -> Arc<Mutex<Steering>> {
        Arc::clone(&self.steering)
    }

    /// Measures what the kernel holds now. `missing` are the local uplinks whose device is not there. With `anew` all that was
    /// measured is forgotten: it was measured under a change that is undone, and says nothing of what is there again.
    pub fn follow(&self, content: Option<&Content>, missing: &[u8], anew: bool) {
        let Some(tell) = &self.tell else { return };
        let present = std::array::from_fn(|local| !missing.iter().any(|gone| usize::from(*gone) == local));
        let chosen = self.chosen();
        let carries = |content: &Content, peer: &Peer| {
            let tunnel = carrier(content, &chosen, peer)?;
            Some((peer.name.clone(), (tunnel.local, tunnel.remote)))
        };
        let setup = match content {
            Some(content) => Setup {
                plan: Plan::of(content),
                ports: content.peers.iter().filter_map(port).collect(),
                carriers: content.peers.iter().filter_map(|peer| carries(content, peer)).collect(),
                uplinks: content.uplinks.iter().map(|uplink| uplink.name.to_string()).collect(),
                present,
                anew,
            },
            None => Setup { present, ..Setup::default() },
        };
        let _ = tell.send(Command::Follow(Box::new(setup)));
    }

    /// How the paths do; none where nothing is measured.
    pub async fn show(&self) -> Vec<PathView> {
        let (answer, shown) = oneshot::channel();
        match &self.tell {
            Some(tell) if tell.send(Command::Show(answer)).is_ok() => shown.await.unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Ends; the far ends are told, so that they do not take it for an outage.
    pub async fn end(&mut self) {
        let (answer, left) = oneshot::channel();
        if let Some(tell) = self.tell.take()
            && tell.send(Command::Leave(answer)).is_ok()
        {
            let _ = left.await;
        }
    }
}

fn port(peer: &Peer) -> Option<(IpAddr, SocketAddr)> {
    let address = *peer.addresses.first()?;
    Some((address, SocketAddr::new(address, peer.probe_port?)))
}
