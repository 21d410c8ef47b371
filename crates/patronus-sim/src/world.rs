//! Sites, what is between them, and time: the loop that runs them, and looks at each step whether all is as it must be.

mod act;
mod befall;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use anyhow::Result;

use crate::clock::Queue;
use crate::fault::Fault;
use crate::flow::Flow;
use crate::invariant::{Breach, check_flow, check_view};
use crate::model::{Model, Path};
use crate::random::Random;
use crate::setup::Setup;
use crate::site::{Arrival, Site};
use crate::trail::Trail;
use crate::wan::{Port, Wan};

/// How often flows are looked at, beside each time that one moves; and how often what sites say of their paths.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ASK_EVERY: u64 = 10;
/// How often an agent reads its counters.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How often each path may have something happen to it in a second, at most: packets both ways, their wake-ups, and as much again.
const STEPS: u64 = 400;

/// What happens next.
#[derive(Debug)]
enum Event {
    Fault(Box<Fault>),
    Arrive(usize, Arrival),
    Wake(usize, u64),
    Count(usize),
    Look(u64),
}

/// The (local, remote) uplinks of a path.
pub type Uplinks = (u8, u8);

/// A flow took another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// When.
    pub at: Duration,
    /// Whose.
    pub site: usize,
    /// To where.
    pub peer: usize,
    /// Of which class.
    pub class: usize,
    /// Before, and now.
    pub uplinks: (Option<Uplinks>, Option<Uplinks>),
}

/// A world.
#[derive(Debug)]
pub struct World {
    model: Model,
    wan: Wan,
    sites: Vec<Site>,
    peers: Vec<Vec<usize>>,
    flows: BTreeMap<(usize, usize, usize), Flow>,
    traffic: BTreeSet<(usize, usize)>,
    drained: BTreeMap<Port, bool>,
    queue: Queue<Event>,
    /// By site, which of its wake-ups counts.
    tickets: Vec<u64>,
    /// By which paths something came to an agent since it began.
    heard: BTreeSet<Path>,
    liars: Random,
    trail: Trail,
    steps: u64,
    moves: Vec<Move>,
    breach: Option<Breach>,
}

/// Why a run ended before its time.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What did not hold.
    pub breach: Breach,
    /// The seed.
    pub seed: u64,
    /// The sites, by the number of their uplinks.
    pub sites: Vec<u8>,
    /// What happened last.
    pub trail: String,
}

impl World {
    /// Everybody begins at once.
    ///
    /// # Errors
    /// When the setup is too large.
    pub fn new(setup: Setup) -> Result<Self> {
        let count = setup.costs.len();
        let mut this = Self {
            wan: Wan::new(setup.base, setup.links(), setup.seed),
            sites: (0..count).map(|site| Site::new(Random::new(setup.seed, site as u64))).collect(),
            peers: (0..count).map(|site| setup.peers(site)).collect(),
            flows: BTreeMap::new(),
            traffic: BTreeSet::new(),
            drained: BTreeMap::new(),
            queue: Queue::default(),
            tickets: vec![0; count],
            heard: BTreeSet::new(),
            liars: Random::new(setup.seed, u64::MAX),
            trail: Trail::default(),
            steps: 0,
            moves: Vec::new(),
            breach: None,
            model: Model::new(setup),
        };
        this.populate()?;
        Ok(this)
    }

    fn populate(&mut self) -> Result<()> {
        let setup = self.model.setup().clone();
        setup.weather.iter().for_each(|(place, weather)| self.wan.set(*place, *weather));
        self.tell_weather();
        let mut phases = Random::new(setup.seed, u64::MAX - 1);
        for (site, peers) in self.peers.clone().into_iter().enumerate() {
            let classes = 0..=setup.demands.len();
            let flows = peers.iter().flat_map(|peer| classes.clone().map(|class| (site, *peer, class)));
            self.flows.extend(flows.map(|(site, peer, class)| ((site, peer, class), Flow::new(site, peer, class))));
            // Hosts do not start in the same moment.
            self.queue.push(phases.up_to(COUNT_EVERY), Event::Fault(Box::new(Fault::Begin(site))));
            self.queue.push(phases.up_to(COUNT_EVERY), Event::Count(site));
            setup.plan(site, &self.drained)?;
        }
        for &(low, high) in &setup.traffic {
            self.befall(Fault::Traffic(low, high, true));
        }
        self.queue.push(LOOK_EVERY, Event::Look(1));
        Ok(())
    }

    /// Something is to happen.
    pub fn plan(&mut self, at: Duration, fault: Fault) {
        self.queue.push(at, Event::Fault(Box::new(fault)));
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// When an invariant does not hold.
    pub fn run(&mut self, time: Duration) -> Result<(), Box<Failure>> {
        let until = self.now() + time;
        let paths = self.model.setup().links().len() as u64;
        let most = self.steps + STEPS * (paths + 10) * (time.as_secs() + 10);
        while let Some(event) = self.queue.pop(until) {
            self.steps += 1;
            assert!(self.steps < most, "no end of steps: {}", self.trail);
            self.handle(event);
            if let Some(breach) = self.breach.take() {
                return Err(Box::new(self.failure(breach)));
            }
        }
        Ok(())
    }

    fn failure(&self, breach: Breach) -> Failure {
        let setup = self.model.setup();
        let sites = (0..setup.costs.len()).map(|site| setup.uplinks(site)).collect();
        Failure { breach, seed: setup.seed, sites, trail: self.trail.to_string() }
    }

    fn handle(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Fault(fault) => self.befall(*fault),
            Event::Arrive(site, arrival) => {
                self.note_heard(site, &arrival);
                self.sites[site].handle_arrival(arrival, now);
                self.settle(site);
            }
            Event::Wake(site, ticket) if self.tickets[site] == ticket => {
                self.sites[site].handle_wake(now);
                self.settle(site);
            }
            Event::Wake(..) => {}
            Event::Count(site) => self.count(site),
            Event::Look(turn) => self.look(turn),
        }
    }

    /// The counters of a site are read.
    fn count(&mut self, site: usize) {
        let now = self.now();
        for (pair, peer) in self.peers[site].clone().into_iter().enumerate() {
            if self.traffic.contains(&(site.min(peer), site.max(peer))) {
                self.sites[site].count(pair, now);
            }
        }
        self.queue.push(now + COUNT_EVERY, Event::Count(site));
        self.settle(site);
    }

    fn look(&mut self, turn: u64) {
        let now = self.now();
        let flows = self.flows.values().try_for_each(|flow| check_flow(&self.model, flow, now));
        let views = if turn.is_multiple_of(ASK_EVERY) { self.ask() } else { Ok(()) };
        self.breach = flows.and(views).err();
        self.queue.push(now + LOOK_EVERY, Event::Look(turn + 1));
    }

    /// Asks all sites what they know.
    fn ask(&self) -> Result<(), Breach> {
        for (site, peers) in self.peers.iter().enumerate() {
            let setup = self.model.setup();
            let paths = peers.iter().flat_map(|peer| setup.ways(site, *peer).into_iter().map(|way| (site, *peer, way)));
            for (index, path) in paths.enumerate() {
                let view = self.sites[site].view(index);
                check_view(&self.model, (path, &view), self.heard.contains(&path), self.now())?;
            }
        }
        Ok(())
    }

    /// The time.
    pub fn now(&self) -> Duration {
        self.queue.now()
    }

    /// What each flow does and did.
    pub fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.flows.values()
    }

    /// One of them.
    pub fn flow(&self, site: usize, peer: usize, class: usize) -> Option<&Flow> {
        self.flows.get(&(site, peer, class))
    }

    /// All moves from one path to another.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// A site.
    pub fn site_mut(&mut self, site: usize) -> Option<&mut Site> {
        self.sites.get_mut(site)
    }

    /// What a site knows of a path.
    pub fn view(&self, (site, peer, way): Path) -> Option<patronus_core::path::select::View> {
        let setup = self.model.setup();
        let before = self
            .peers
            .get(site)?
            .iter()
            .take_while(|it| **it != peer)
            .map(|it| setup.ways(site, *it).len())
            .sum::<usize>();
        let place = setup.ways(site, peer).iter().position(|it| *it == way)?;
        Some(self.sites.get(site)?.view(before + place))
    }

    /// A number for everything that happened.
    pub fn hash(&self) -> u64 {
        self.trail.hash()
    }

    /// How much happened.
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { breach, seed, sites, trail } = self;
        writeln!(f, "{breach}\nseed {seed}, sites with {sites:?} uplinks; what happened last:")?;
        f.write_str(trail)
    }
}
