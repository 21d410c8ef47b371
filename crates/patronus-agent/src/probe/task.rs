//! What runs a prober: sockets, time, and the routes that it decides on.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use patronus_core::path::prober::{Action, Burst, Plan, Prober};
use patronus_core::path::select::{Change, Standing};
use patronus_types::Name;
use patronus_types::api::paths::PathReport;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{Instant, interval, sleep_until};

use super::steering::Turn;
use super::{Command, PathNews, Setup, Steering, report, view};
use crate::echo::{Arrival, SharedLines};
use crate::effects::model::Owner;
use crate::world::World;

/// How often the counters are read that tell whether traffic flows.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How soon a move is tried again while somebody else changes routes.
const TURN_AGAIN: Duration = Duration::from_millis(10);
/// While nothing is measured.
const FAR: Duration = Duration::from_secs(3600);

/// By site and class, the uplinks; none for nowhere.
type Turns = BTreeMap<(Name, Option<u8>), Option<(u8, u8)>>;

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
    class_ids: Vec<u8>,
    policies: Vec<Vec<Name>>,
    /// When the server was last told.
    told_at: Instant,
    /// How often traffic has taken another path.
    turned: u64,
    /// Moves that wait until nobody else changes routes.
    turns: Turns,
    /// By device, what it had carried when that was last read, packets of ours aside.
    carried: BTreeMap<String, u64>,
}

/// Measures until it is told to leave.
pub(super) async fn run(
    world: World,
    (owner, steering): (Owner, Arc<Mutex<Steering>>),
    (lines, arrivals): (SharedLines, mpsc::Receiver<Arrival>),
    mut told: mpsc::UnboundedReceiver<Command>,
    news: watch::Sender<PathNews>,
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
        class_ids: Vec::new(),
        policies: Vec::new(),
        told_at: Instant::now(),
        turned: 0,
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
                Some(Command::Report(answer)) => {
                    let _ = answer.send(this.report());
                }
                Some(Command::Show(answer)) => {
                    let _ = answer.send(view::all(&this.prober, (&this.uplinks, &this.policies), this.now()));
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
        let (silent, measured) = (this.prober.silent(), this.prober.measured());
        let now = PathNews { silent, measured, turns: this.turned };
        news.send_if_modified(|known| std::mem::replace(known, now) != now);
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
        let Setup { plan, ports, carriers, class_ids, policies, uplinks, present, anew } = setup;
        let now = self.now();
        if anew {
            self.prober = Prober::new(plan, self.world.clock.random(), now);
            self.turns.clear();
        } else if *self.prober.plan() != plan {
            self.prober.handle_plan(plan, now);
        }
        (self.ports, self.uplinks, self.class_ids, self.policies) = (ports, uplinks, class_ids, policies);
        for (local, is_present) in (0u8..).zip(present) {
            self.prober.handle_uplink(local, is_present, now);
        }
        // Whatever carries a site's traffic keeps it until something is measured.
        let names: Vec<Name> = self.prober.plan().peers.iter().map(|peer| peer.name.clone()).collect();
        for (pair, name) in names.iter().enumerate() {
            carriers.default.get(name).into_iter().for_each(|uplinks| self.prober.adopt(pair, 0, *uplinks));
            for (class, id) in (1..).zip(&self.class_ids) {
                let known = carriers.classes.get(id).and_then(|known| known.get(name).copied().flatten());
                known.into_iter().for_each(|uplinks| self.prober.adopt(pair, class, uplinks));
            }
        }
        let class_ids = &self.class_ids;
        self.turns
            .retain(|(name, class), _| names.contains(name) && class.is_none_or(|class| class_ids.contains(&class)));
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
                Action::Decide(change) => self.note_turn(&change),
            }
        }
    }

    /// Notes a move where a decision is one.
    fn note_turn(&mut self, change: &Change) {
        let Change { pair, class, before, now } = change;
        let id = match class {
            0 => None,
            class => match self.class_ids.get(class - 1) {
                Some(id) => Some(*id),
                None => return,
            },
        };
        let drops = now.standing == Standing::Dropped;
        let Some(peer) = self.prober.plan().peers.get(*pair).filter(|_| drops || before.path != now.path) else {
            return;
        };
        let uplinks = now.path.and_then(|path| self.prober.way(path)).map(|(_, way)| (way.local, way.remote));
        if drops || uplinks.is_some() {
            self.turned += 1;
            self.turns.insert((peer.name.clone(), id), uplinks);
        }
    }

    fn send(&self, burst: &Burst) {
        let device = self.owner.interface(burst.local, burst.remote);
        let packets = burst.packets.iter();
        let packets = packets.filter_map(|(address, packet, len)| Some((*self.ports.get(address)?, packet, *len)));
        self.lines.send(&device, &packets.collect::<Vec<_>>());
    }

    /// Moves what is to be moved, unless somebody else changes routes now.
    async fn turn(&mut self) {
        let Ok(mut steering) = self.steering.try_lock() else { return };
        while let Some(((site, class), uplinks)) = self.turns.pop_first() {
            let by = uplinks.map_or_else(|| "none".to_owned(), |(local, remote)| self.owner.interface(local, remote));
            let turn = Turn { site, class, uplinks };
            let (site, result) = (&turn.site, steering.turn(self.world.device.as_ref(), &turn).await);
            match result {
                Ok(()) => tracing::info!(%site, class, interface = by, "traffic goes by another path"),
                Err(error) => tracing::warn!(%site, class, interface = by, %error, "traffic could not be moved"),
            }
        }
    }

    fn report(&mut self) -> Option<PathReport> {
        let past = std::mem::replace(&mut self.told_at, Instant::now()).elapsed();
        let now = self.now();
        report::report(&mut self.prober, &self.policies, past, now)
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
