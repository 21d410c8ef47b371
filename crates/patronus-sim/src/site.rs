//! One site: its agent, which runs the real machine as the real agent does, and its kernel's routes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use patronus_core::path::prober::{Action, Burst, Plan, Prober};
use patronus_core::path::score::Figures;
use patronus_core::path::select::{Change, Standing, View};
use patronus_core::path::summary::Summary;

use crate::clock::Clock;
use crate::defect::Defect;
use crate::random::Random;

/// How late a timer may fire.
const LATE: Duration = Duration::from_micros(1500);

/// A packet that came: by which interface, from where, and its bytes.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its (local, remote) uplinks.
    pub interface: (u8, u8),
    /// The sender's overlay address.
    pub from: IpAddr,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What an agent does to the world.
#[derive(Debug)]
pub enum Output {
    /// It sends these.
    Send(Burst),
    /// It sets a route: the place of the peer, the class, and the uplinks; none for nowhere.
    Route(usize, usize, Option<(u8, u8)>),
}

/// A site.
#[derive(Debug)]
pub struct Site {
    prober: Option<Prober>,
    /// Its host's clock.
    pub clock: Clock,
    /// Until when nothing runs.
    stalled: Option<Duration>,
    /// What came meanwhile.
    inbox: Vec<Arrival>,
    random: Random,
    /// What is wrong with it, on purpose.
    pub defect: Option<Defect>,
    /// The kernel's routes outlive the agent: by place of the peer and class.
    routes: BTreeMap<(usize, usize), Option<(u8, u8)>>,
    outputs: Vec<Output>,
}

impl Site {
    /// A host without an agent.
    pub fn new(mut random: Random) -> Self {
        let clock = Clock::new(random.millis(0..100_000_000), u32::try_from(random.within(0..200)).unwrap_or_default());
        let (routes, inbox, outputs) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { prober: None, clock, stalled: None, inbox, random, defect: None, routes, outputs }
    }

    /// The agent begins, with what the routes say.
    pub fn begin(&mut self, plan: Plan, now: Duration) {
        let shown = self.clock.read(now);
        let mut prober = Prober::new(Plan::default(), self.random.next_u64(), shown);
        prober.handle_plan(plan, shown);
        for (&(pair, class), uplinks) in &self.routes {
            uplinks.iter().for_each(|uplinks| prober.adopt(pair, class, *uplinks));
        }
        (self.prober, self.stalled) = (Some(prober), None);
        self.inbox.clear();
    }

    /// The agent ends; with a word to the far ends, or without.
    pub fn end(&mut self, says_so: bool, now: Duration) {
        let shown = self.clock.read(now);
        if let Some(prober) = self.prober.as_mut().filter(|_| says_so) {
            prober.leave(shown);
            self.act(now);
        }
        self.prober = None;
    }

    /// Whether an agent runs.
    pub fn is_running(&self) -> bool {
        self.prober.is_some()
    }

    /// The agent is told something else.
    pub fn follow(&mut self, plan: Plan, now: Duration) {
        let shown = self.clock.read(now);
        self.prober.iter_mut().for_each(|prober| prober.handle_plan(plan.clone(), shown));
        self.advance(now);
    }

    /// The device of an uplink is gone, or there again.
    pub fn handle_uplink(&mut self, local: u8, is_present: bool, now: Duration) {
        let shown = self.clock.read(now);
        self.prober.iter_mut().for_each(|prober| prober.handle_uplink(local, is_present, shown));
        self.advance(now);
    }

    /// The counters show traffic to this peer.
    pub fn count(&mut self, pair: usize, now: Duration) {
        let shown = self.clock.read(now);
        let uplinks = self.routes.get(&(pair, 0)).copied().flatten();
        if let Some(prober) = self.prober.as_mut().filter(|_| self.stalled.is_none())
            && let Some((local, remote)) = uplinks
        {
            prober.handle_flow(local, remote, shown);
            let others = prober.plan().peers.get(pair).into_iter().flat_map(|peer| &peer.ways);
            let other = others.map(|way| (way.local, way.remote)).find(|way| Some(*way) != uplinks);
            if self.defect == Some(Defect::Restless) && shown.as_secs().is_multiple_of(5) {
                self.set_route(pair, 0, other);
            }
        }
    }

    /// Nothing runs until then.
    pub fn stall(&mut self, until: Duration) {
        self.stalled = Some(self.stalled.map_or(until, |known| known.max(until)));
    }

    /// A packet came.
    pub fn handle_arrival(&mut self, arrival: Arrival, now: Duration) {
        if self.stalled.is_some() {
            return self.inbox.push(arrival);
        }
        self.take(&arrival, now);
        self.advance(now);
    }

    /// A timer may have fired, or a stall may be over.
    pub fn handle_wake(&mut self, now: Duration) {
        if self.stalled.is_some_and(|until| now >= until) {
            self.stalled = None;
            // Whether sockets or timers are looked at first is the runtime's choice.
            if self.random.chance(0.5) {
                self.read(now);
            }
        }
        if self.stalled.is_none() {
            self.advance(now);
            self.read(now);
            self.advance(now);
        }
    }

    /// When it is to be woken.
    pub fn poll_wake(&mut self) -> Option<Duration> {
        if self.stalled.is_some() {
            return self.stalled;
        }
        let shown = self.prober.as_ref()?.poll_timeout()?;
        Some(self.clock.when(shown) + self.random.up_to(LATE))
    }

    /// What it did.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// What it knows of a path; nothing where no agent runs.
    pub fn view(&self, path: usize) -> View {
        let prober = self.prober.as_ref();
        let view = prober.map_or(View::UNKNOWN, |prober| prober.selector().view(path));
        let figures = match &self.defect {
            Some(Defect::Inventive) => Some(view.figures.unwrap_or(Figures { latency_ms: 10.0, ..Figures::default() })),
            Some(Defect::Optimist) => view.figures.map(|it| Figures { latency_ms: it.latency_ms / 2.0, ..it }),
            _ => view.figures,
        };
        View { figures, ..view }
    }

    /// What its paths were like since this was last asked, as it tells the server.
    pub fn take_minute(&mut self) -> Vec<Summary> {
        self.prober.as_mut().map(Prober::take_minute).unwrap_or_default()
    }

    /// Packets that were not taken.
    pub fn refused(&self) -> u64 {
        let refused = self.prober.as_ref().map(Prober::refused).unwrap_or_default();
        refused.rubbish + refused.stranger + refused.misled + refused.too_many + refused.old
    }

    fn take(&mut self, arrival: &Arrival, now: Duration) {
        let shown = self.clock.read(now);
        if let Some(prober) = &mut self.prober {
            prober.handle_packet(arrival.interface, arrival.from, &arrival.bytes, shown);
        }
    }

    fn read(&mut self, now: Duration) {
        for arrival in std::mem::take(&mut self.inbox) {
            self.take(&arrival, now);
        }
    }

    fn advance(&mut self, now: Duration) {
        let shown = self.clock.read(now);
        if let Some(prober) = self.prober.as_mut().filter(|_| self.stalled.is_none())
            && prober.poll_timeout().is_some_and(|at| at <= shown)
        {
            prober.handle_timeout(shown);
        }
        if self.stalled.is_none() {
            self.act(now);
        }
    }

    fn act(&mut self, now: Duration) {
        let shown = self.clock.read(now);
        while let Some(action) = self.prober.as_mut().and_then(Prober::poll_action) {
            match action {
                Action::Send(burst) => self.outputs.push(Output::Send(burst)),
                Action::Read => {
                    self.read(now);
                    self.prober.iter_mut().for_each(|prober| prober.handle_timeout(shown));
                }
                Action::Decide(change) => self.route(&change),
            }
        }
    }

    /// Sets a route where a decision is a move.
    fn route(&mut self, change: &Change) {
        let Change { pair, class, before, now } = change;
        let drops = now.standing == Standing::Dropped;
        let way = |path| self.prober.as_ref()?.way(path).map(|(_, way)| (way.local, way.remote));
        let mut uplinks = now.path.and_then(way);
        if !drops && (uplinks.is_none() || before.path == now.path) {
            return;
        }
        let known = self.routes.get(&(*pair, *class)).copied();
        if let Some(defect) = &mut self.defect {
            let Some(chosen) = defect.choose(known, uplinks) else { return };
            uplinks = chosen;
        }
        if known != Some(uplinks) {
            self.set_route(*pair, *class, uplinks);
        }
    }

    fn set_route(&mut self, pair: usize, class: usize, uplinks: Option<(u8, u8)>) {
        self.routes.insert((pair, class), uplinks);
        self.outputs.push(Output::Route(pair, class, uplinks));
    }
}
