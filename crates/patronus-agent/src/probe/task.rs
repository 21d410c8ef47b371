//! What runs a prober: sockets, time, and the routes that it decides on.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use patronus_core::path::prober::{Action, Burst, Plan, Prober};
use patronus_types::Name;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{Instant, interval, sleep_until};

use super::{Command, Setup, Steering, view};
use crate::echo::{Arrival, SharedLines};
use crate::effects::model::Owner;
use crate::world::World;

/// How often the counters are read that tell whether traffic flows.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How soon a move is tried again while somebody else changes routes.
const TURN_AGAIN: Duration = Duration::from_millis(10);
/// While nothing is measured.
const FAR: Duration = Duration::from_secs(3600);

struct Task {
    world: World,
    owner: Owner,
    steering: Arc<Mutex<Steering>>,
    lines: SharedLines,
    arrivals: mpsc::Receiver<Arrival>,
    prober: Prober,
    epoch: Instant,
    ports: BTreeMap<IpAddr, SocketAddr>,
    uplinks: Vec<String>,
    /// Moves that wait until nobody else changes routes.
    turns: BTreeMap<Name, (u8, u8)>,
    /// By device, what it had carried when that was last read, packets of ours aside.
    carried: BTreeMap<String, u64>,
}

/// Measures until it is told to leave.
pub(super) async fn run(
    world: World,
    (owner, steering): (Owner, Arc<Mutex<Steering>>),
    (lines, arrivals): (SharedLines, mpsc::Receiver<Arrival>),
    mut told: mpsc::UnboundedReceiver<Command>,
    silent: watch::Sender<bool>,
) {
    let seed = world.clock.random();
    let mut this = Task {
        world,
        owner,
        steering,
        lines,
        arrivals,
        prober: Prober::new(Plan::default(), seed, Duration::ZERO),
        epoch: Instant::now(),
        ports: BTreeMap::new(),
        uplinks: Vec::new(),
        turns: BTreeMap::new(),
        carried: BTreeMap::new(),
    };
    let mut counting = interval(COUNT_EVERY);
    loop {
        let (measures, wake) = (!this.prober.plan().peers.is_empty(), this.wake());
        tokio::select! {
            biased;
            tell = told.recv() => match tell {
                Some(Command::Follow(setup)) => this.follow(*setup),
                Some(Command::Show(answer)) => {
                    let _ = answer.send(view::all(&this.prober, &this.uplinks, this.now()));
                }
                Some(Command::Leave(answer)) => {
                    let now = this.now();
                    this.prober.leave(now);
                    this.act().await;
                    let _ = answer.send(());
                    return;
                }
                None => return,
            },
            Some(arrival) = this.arrivals.recv() => {
                this.take(&arrival);
                this.take_all();
            }
            () = sleep_until(wake) => {}
            _ = counting.tick(), if measures => this.count().await,
        }
        this.advance().await;
        let is_silent = this.prober.has_silent();
        silent.send_if_modified(|known| std::mem::replace(known, is_silent) != is_silent);
    }
}

impl Task {
    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn wake(&self) -> Instant {
        if !self.turns.is_empty() {
            return Instant::now() + TURN_AGAIN;
        }
        match self.prober.poll_timeout().filter(|_| !self.prober.plan().peers.is_empty()) {
            Some(at) => self.epoch + at,
            None => Instant::now() + FAR,
        }
    }

    fn follow(&mut self, setup: Setup) {
        let Setup { plan, ports, carriers, uplinks, present, anew } = setup;
        let now = self.now();
        if anew {
            self.prober = Prober::new(plan, self.world.clock.random(), now);
            self.turns.clear();
        } else if *self.prober.plan() != plan {
            self.prober.handle_plan(plan, now);
        }
        (self.ports, self.uplinks) = (ports, uplinks);
        for (local, is_present) in (0u8..).zip(present) {
            self.prober.handle_uplink(local, is_present, now);
        }
        // Whatever carries a site's traffic keeps it until something is measured.
        for pair in 0..self.prober.plan().peers.len() {
            let uplinks = self.prober.plan().peers.get(pair).and_then(|peer| carriers.get(&peer.name));
            if let Some(&uplinks) = uplinks {
                self.prober.adopt(pair, 0, uplinks);
            }
        }
        self.turns.retain(|name, _| self.prober.plan().peers.iter().any(|peer| peer.name == *name));
    }

    fn take(&mut self, arrival: &Arrival) {
        if let Some(uplinks) = self.owner.uplinks_of(&arrival.device) {
            let at = arrival.at.saturating_duration_since(self.epoch);
            self.prober.handle_packet(uplinks, arrival.from, &arrival.bytes, at);
        }
    }

    fn take_all(&mut self) {
        while let Ok(arrival) = self.arrivals.try_recv() {
            self.take(&arrival);
        }
    }

    /// Lets the prober do what is due.
    async fn advance(&mut self) {
        let now = self.now();
        if self.prober.poll_timeout().is_some_and(|at| at <= now) {
            self.prober.handle_timeout(now);
        }
        self.act().await;
        self.turn().await;
    }

    async fn act(&mut self) {
        while let Some(action) = self.prober.poll_action() {
            match action {
                Action::Send(burst) => self.send(&burst),
                Action::Read => {
                    // The sockets' readers are woken by the runtime when this one gives way.
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                    self.take_all();
                    let now = self.now();
                    self.prober.handle_timeout(now);
                }
                Action::Decide(change) => {
                    let moved = change.now.path.filter(|path| change.before.path != Some(*path) && change.class == 0);
                    if let Some((peer, way)) = moved.and_then(|path| self.prober.way(path)) {
                        self.turns.insert(peer.name.clone(), (way.local, way.remote));
                    }
                }
            }
        }
    }

    fn send(&self, burst: &Burst) {
        let device = self.owner.interface(burst.local, burst.remote);
        let packets = burst.packets.iter();
        let packets = packets.filter_map(|(address, packet, len)| Some((*self.ports.get(address)?, packet, *len)));
        self.lines.send(&device, packets);
    }

    /// Moves what is to be moved, unless somebody else changes routes now.
    async fn turn(&mut self) {
        let Ok(mut steering) = self.steering.try_lock() else { return };
        while let Some((name, uplinks)) = self.turns.pop_first() {
            let by = self.owner.interface(uplinks.0, uplinks.1);
            match steering.turn(self.world.device.as_ref(), &name, uplinks).await {
                Ok(()) => tracing::info!(site = %name, interface = by, "traffic goes by another path"),
                Err(error) => tracing::warn!(site = %name, interface = by, %error, "traffic could not be moved"),
            }
        }
    }

    /// Sees to which sites traffic flows: by each tunnel more than was measured.
    async fn count(&mut self) {
        let Ok(carried) = self.world.device.carried(&self.owner).await else { return };
        let own = self.lines.counts();
        let now = self.now();
        for (device, packets) in carried {
            let others = packets.saturating_sub(own.get(&device).copied().unwrap_or_default());
            let before = self.carried.insert(device.clone(), others);
            if before.is_some_and(|before| others > before)
                && let Some((local, remote)) = self.owner.uplinks_of(&device)
            {
                self.prober.handle_flow(local, remote, now);
            }
        }
    }
}
