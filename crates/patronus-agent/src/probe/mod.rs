//! Measuring a network's paths, and moving traffic from one to another.
//!
//! `patronus_core::path::prober` decides; here are its sockets, its clock and the routes. It runs as a task of its own, so that
//! a path is left in a fraction of a second whatever else the network is busy with: a change that takes long, a server that
//! does not answer. The two meet in [`Steering`]: what the kernel's routes are, and who may change them now.

#[cfg(test)]
mod load;
mod report;
mod steering;
mod task;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use patronus_core::apply::{Choices, carrier};
use patronus_core::path::prober::Plan;
use patronus_core::policy::compile::{class_of, classes};
use patronus_types::Name;
use patronus_types::api::paths::PathReport;
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
    /// To say what paths were like since this was last asked, and how they do.
    Report(oneshot::Sender<Option<PathReport>>),
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
    /// By which path each site's traffic goes, the spare tunnel aside, and that of classes as far as it is known.
    carriers: Choices,
    /// The numbers of the classes.
    class_ids: Vec<u8>,
    /// The policies of each class.
    policies: Vec<Vec<Name>>,
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
    news: watch::Receiver<PathNews>,
}

/// What becomes of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathNews {
    /// On how many nothing is heard though their uplink is there.
    pub silent: usize,
    /// Of how many something is known.
    pub measured: usize,
    /// How often traffic has taken another one.
    pub turns: u64,
}

impl Probes {
    /// Nothing is measured yet.
    pub fn new(owner: Owner) -> Self {
        let steering = Steering::new(owner);
        Self {
            chosen: steering.shared(),
            steering: Arc::new(Mutex::new(steering)),
            tell: None,
            news: watch::channel(PathNews::default()).1,
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
        let (tell_news, news) = watch::channel(PathNews::default());
        let kernel = (*steering.owner(), Arc::clone(&self.steering));
        tokio::spawn(task::run(world.clone(), kernel, (lines, arrivals), told, tell_news));
        (self.tell, self.news) = (Some(tell), news);
    }

    /// Whether nothing comes by some path.
    pub fn has_silent(&self) -> bool {
        self.news.borrow().silent > 0
    }

    /// What becomes of them, as it does.
    pub fn news(&self) -> watch::Receiver<PathNews> {
        self.news.clone()
    }

    /// What was chosen.
    pub fn chosen(&self) -> Choices {
        self.chosen.get()
    }

    /// The routes; nobody else changes them while this is held.
    pub fn steering(&self) -> Arc<Mutex<Steering>> {
        Arc::clone(&self.steering)
    }

    /// Measures what the kernel holds now. `missing` are the local uplinks whose device is not there. With `anew` all that was
    /// measured is forgotten: it was measured under a change that is undone, and says nothing of what is there again.
    pub fn follow(&self, content: Option<&Content>, class_ids: &[u8], missing: &[u8], anew: bool) {
        let Some(tell) = &self.tell else { return };
        let present = std::array::from_fn(|local| !missing.iter().any(|gone| usize::from(*gone) == local));
        let chosen = self.chosen();
        let carries = |content: &Content, peer: &Peer| {
            let tunnel = carrier(content, &chosen.default, peer)?;
            Some((peer.name.clone(), (tunnel.local, tunnel.remote)))
        };
        let setup = match content {
            Some(content) => Setup {
                plan: Plan::of(content),
                ports: content.peers.iter().filter_map(port).collect(),
                carriers: Choices {
                    default: content.peers.iter().filter_map(|peer| carries(content, peer)).collect(),
                    classes: chosen.classes.clone(),
                },
                class_ids: class_ids.to_vec(),
                policies: policies(content),
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

    /// What the server is to be told of them; none where nothing is measured.
    pub async fn report(&self) -> Option<PathReport> {
        let (answer, told) = oneshot::channel();
        match &self.tell {
            Some(tell) if tell.send(Command::Report(answer)).is_ok() => told.await.ok().flatten(),
            _ => None,
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

/// The names of the policies that give packets each class; the default is no policy's.
fn policies(content: &Content) -> Vec<Vec<Name>> {
    let rules = &content.policies;
    let mut names = vec![Vec::new(); classes(rules).len() + 1];
    for rule in rules {
        match class_of(rules, rule) {
            0 => {}
            class => names[class].push(rule.name.clone()),
        }
    }
    names
}

fn port(peer: &Peer) -> Option<(IpAddr, SocketAddr)> {
    let address = *peer.addresses.first()?;
    Some((address, SocketAddr::new(address, peer.probe_port?)))
}
