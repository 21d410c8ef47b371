//! The reference model: what is really so, from what was done to the world alone. It knows nothing of packets, estimates or
//! scores, and shares no code with `patronus-core`; where it cannot be sure it says neither yes nor no.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::setup::{Demand, Setup, link};
use crate::wan::{Link, Port, Weather};

/// What a path with so long a round trip is worth to anybody: certainly enough.
const SURELY_GOOD: Duration = Duration::from_millis(200);
/// As much jitter as no demand minds.
const STEADY: Duration = Duration::from_millis(20);
/// A path that loses as much is certainly not good.
const SURELY_LOSSY: f64 = 0.12;
/// How long one that said it leaves may be away, and some seconds.
const ABSENCE: Duration = Duration::from_secs(65);
/// Bits of a packet on the wire.
const PACKET_BITS: f64 = 1120.0;
/// Between two packets where no traffic flows.
const RELAXED: Duration = Duration::from_secs(1);
/// How many packets an agent remembers of a path, and some more.
const MEMORY: u32 = 140;
/// How many intervals two agents need to hear each other again.
const GREETING: u32 = 10;
/// How long an agent that begins may take until it says that it hears nothing, and until it knows of traffic.
const BEGINNING: Duration = Duration::from_secs(5);
/// How long it takes until full packets are tried again, and answered.
const FULL_AGAIN: Duration = Duration::from_secs(70);
/// How long a stall or another sudden change makes round trips seem to vary, at most, and by how much that prolongs silence.
const SHAKEN_FOR: Duration = Duration::from_secs(10);
const SHAKEN_BY: Duration = Duration::from_millis(600);

/// A path of a site to another: its (local, remote) uplinks.
pub type Path = (usize, usize, (u8, u8));

/// One direction.
#[derive(Debug, Clone, Copy)]
struct Truth {
    weather: Weather,
    /// Since when the weather has been the same.
    since: Duration,
    /// The same, but that it may have died since.
    same: Duration,
    /// Since when nothing has passed.
    dead: Option<Duration>,
    /// Since when nothing was lost.
    clear: Option<Duration>,
}

/// One agent.
#[derive(Debug, Clone, Copy, Default)]
struct Agent {
    /// When it last was as it should be, from its last trouble on; none while it is not.
    well: Option<Duration>,
    /// When it last began, or its clock leapt: it counts time anew.
    anew: Duration,
    /// When it was last shaken.
    shaken: Option<Duration>,
    /// When it last said that it leaves.
    left: Option<Duration>,
    lies: bool,
}

/// Everything that is so.
#[derive(Debug, Clone)]
pub struct Model {
    setup: Setup,
    links: BTreeMap<Link, Truth>,
    agents: Vec<Agent>,
    drained: BTreeMap<Port, (bool, Duration)>,
    traffic: BTreeMap<(usize, usize), Duration>,
}

/// Whether a path is good enough for a demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    /// Certainly.
    Yes,
    /// Certainly not.
    No,
    /// It is near the limit.
    Perhaps,
}

impl Model {
    /// Nothing has happened yet.
    pub fn new(setup: Setup) -> Self {
        let agents = vec![Agent::default(); setup.costs.len()];
        Self { setup, links: BTreeMap::new(), agents, drained: BTreeMap::new(), traffic: BTreeMap::new() }
    }

    /// The weather on a link is this now.
    pub fn note_weather(&mut self, link: Link, weather: Weather, now: Duration) {
        let known = self.links.get(&link);
        if known.is_some_and(|known| known.weather == weather) {
            return;
        }
        let since =
            |is: bool, before: fn(&Truth) -> Option<Duration>| is.then(|| known.and_then(before).unwrap_or(now));
        let dead = since(weather.is_dead(), |it| it.dead);
        let clear = since(weather.loss == 0.0 && weather.most_len >= 1500, |it| it.clear);
        let same = known.filter(|_| weather.is_dead()).map_or(now, |known| known.same);
        self.links.insert(link, Truth { weather, since: now, same, dead, clear });
    }

    /// An agent is in trouble.
    pub fn note_trouble(&mut self, site: usize, now: Duration) {
        self.agent_mut(site, |agent| (agent.well, agent.shaken) = (None, Some(now)));
    }

    /// An agent says that it leaves.
    pub fn note_leave(&mut self, site: usize, now: Duration) {
        self.agent_mut(site, |agent| agent.left = Some(now));
    }

    /// It is well again after a stall, or its clock is.
    pub fn note_well(&mut self, site: usize, leapt: bool, now: Duration) {
        let anew = |agent: &Agent| if leapt { now } else { agent.anew };
        self.agent_mut(site, |agent| {
            *agent = Agent { well: Some(now), anew: anew(agent), shaken: Some(now), ..*agent }
        });
    }

    /// It has begun.
    pub fn note_begin(&mut self, site: usize, now: Duration) {
        let (well, shaken) = (Some(now + BEGINNING), Some(now));
        self.agent_mut(site, |agent| *agent = Agent { well, anew: now, shaken, ..*agent });
    }

    /// It lies, or no longer.
    pub fn note_lies(&mut self, site: usize, lies: bool, now: Duration) {
        self.agent_mut(site, |agent| (agent.lies, agent.well) = (lies, (!lies).then_some(now + FULL_AGAIN)));
    }

    /// A port is drained, or no longer.
    pub fn note_drain(&mut self, port: Port, drained: bool, now: Duration) {
        self.drained.insert(port, (drained, now));
    }

    /// Traffic between two begins, or ends.
    pub fn note_traffic(&mut self, pair: (usize, usize), flows: bool, now: Duration) {
        match flows {
            true => _ = self.traffic.entry(pair).or_insert(now),
            false => _ = self.traffic.remove(&pair),
        }
    }

    fn agent_mut(&mut self, site: usize, change: impl FnOnce(&mut Agent)) {
        if let Some(agent) = self.agents.get_mut(site) {
            change(agent);
        }
    }

    fn both(&self, (site, peer, way): Path) -> [Option<&Truth>; 2] {
        let there = link(site, peer, way);
        [self.links.get(&there), self.links.get(&there.back())]
    }

    /// What a packet there goes through.
    pub fn weather(&self, path: Path) -> Weather {
        self.both(path)[0].map_or(Weather::DEAD, |truth| truth.weather)
    }

    /// What a packet there and back goes through.
    pub fn round_trip(&self, path: Path) -> Weather {
        self.both(path).into_iter().flatten().fold(Weather::CLEAR, |sum, truth| sum.and(truth.weather))
    }

    /// Since when one direction has let nothing pass; the earlier of both.
    pub fn dead_since(&self, path: Path) -> Option<Duration> {
        self.both(path).into_iter().flatten().filter_map(|truth| truth.dead).min()
    }

    /// Since when nothing has been lost either way.
    pub fn clear_since(&self, path: Path) -> Option<Duration> {
        let [there, back] = self.both(path);
        Some(there?.clear?.max(back?.clear?))
    }

    /// Since when everybody can know that full packets pass: where three in a row were lost they are tried again each minute.
    pub fn whole_since(&self, path: Path) -> Option<Duration> {
        self.clear_since(path).map(|clear| if clear.is_zero() { clear } else { clear + FULL_AGAIN })
    }

    /// Since when it has been as it is.
    pub fn steady_since(&self, path: Path) -> Duration {
        self.unshaken_since(path, |truth| truth.since)
    }

    /// When it, or one of the agents, last changed in such a way as `of` tells.
    fn unshaken_since(&self, path: Path, of: fn(&Truth) -> Duration) -> Duration {
        let shaken =
            [path.0, path.1].map(|site| self.agents.get(site).and_then(|agent| agent.shaken).unwrap_or_default());
        self.both(path).into_iter().flatten().map(of).chain(shaken).max().unwrap_or_default()
    }

    /// Since when both agents have been well; none while one is not.
    pub fn well_since(&self, site: usize, peer: usize) -> Option<Duration> {
        Some(self.agents.get(site)?.well?.max(self.agents.get(peer)?.well?))
    }

    /// Whether one may still be waited for: where nothing passes, nobody can know that it is back.
    pub fn may_seem_away(&self, site: usize, now: Duration) -> bool {
        self.agents.get(site).and_then(|agent| agent.left).is_some_and(|left| now < left + ABSENCE)
    }

    /// When a site last began to count time anew.
    pub fn anew(&self, site: usize) -> Duration {
        self.agents.get(site).map_or(Duration::ZERO, |agent| agent.anew)
    }

    /// Whether it sends rubbish.
    pub fn lies(&self, site: usize) -> bool {
        self.agents.get(site).is_some_and(|agent| agent.lies)
    }

    /// Since when a path has been drained, or has not.
    pub fn drained(&self, (site, peer, way): Path) -> (bool, Duration) {
        let link = link(site, peer, way);
        let known = [link.from, link.to].map(|port| self.drained.get(&port).copied().unwrap_or_default());
        (known.iter().any(|(is, _)| *is), known.into_iter().map(|(_, since)| since).max().unwrap_or_default())
    }

    /// The longest interval between two packets that may be in force between two sites.
    pub fn pace(&self, site: usize, peer: usize, now: Duration) -> Duration {
        let pace =
            if self.has_flowed(site, peer, 3 * RELAXED, now) { self.interval() } else { self.interval().max(RELAXED) };
        pace * self.stretch(site).max(self.stretch(peer))
    }

    /// Whether packets go often, since there was traffic and a choice of paths for so long.
    fn has_flowed(&self, site: usize, peer: usize, time: Duration, now: Duration) -> bool {
        let since = self.traffic.get(&(site.min(peer), site.max(peer))).copied();
        let since = since.zip(self.well_since(site, peer)).map(|(since, well)| since.max(well));
        since.is_some_and(|since| now >= since + time) && self.setup.uplinks(site).max(self.setup.uplinks(peer)) > 1
    }

    /// How many times the interval all paths of an uplink together may need to keep within its budget.
    fn stretch(&self, site: usize) -> u32 {
        let paths: u32 = self.peers(site).map(|peer| u32::from(self.setup.uplinks(peer))).sum();
        let wanted = f64::from(paths) * PACKET_BITS / self.interval().as_secs_f64();
        let budget = f64::from(self.setup.settings.budget_kbps) * 1000.0;
        // A tenth of a packet a second is given to each path first, and not all is divided evenly.
        (1..100).find(|times| wanted <= budget * 0.9 * f64::from(*times)).unwrap_or(100)
    }

    fn peers(&self, site: usize) -> impl Iterator<Item = usize> {
        let of_site = self.setup.pairs.iter().filter(move |(low, high)| *low == site || *high == site);
        of_site.map(move |(low, high)| if *low == site { *high } else { *low })
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.setup.settings.interval_ms.into())
    }

    /// How long two agents need to hear each other again.
    pub fn greeting(&self, site: usize, peer: usize, now: Duration) -> Duration {
        self.pace(site, peer, now) * GREETING
    }

    /// For how long two agents remember what a path was like.
    pub fn memory(&self, site: usize, peer: usize, now: Duration) -> Duration {
        let quick = self.interval() * MEMORY;
        let is_quick = self.has_flowed(site, peer, quick + 3 * RELAXED, now);
        if is_quick { quick } else { self.interval().max(RELAXED) * MEMORY }
    }

    /// How long a dead path may be kept while `other` is good.
    ///
    /// Silence is noticed after three intervals, four times the jitter and 10 ms (the design's words), counted from the last
    /// packet, which was under way when the path died; where only one direction died, the far end notices, and its word takes
    /// the other direction. What replaces it must have been heard later than the dead path's next packet was due, and must
    /// have been told of one that was sent later than that: two intervals and its round trip. 5 ms are for late timers.
    pub fn patience(&self, path: Path, other: Path, now: Duration) -> Duration {
        let pace = self.pace(path.0, path.1, now);
        let (dead, good) = (self.round_trip(path), self.round_trip(other));
        let longest = |weather: &Weather| weather.delay + weather.jitter;
        let overtaken = if dead.overtaken > 0.0 { dead.overtaken_by() } else { Duration::ZERO };
        let jitter = dead.jitter + overtaken + Duration::from_millis(3);
        let died = self.dead_since(path).unwrap_or(now);
        let same = [path, other].map(|path| self.unshaken_since(path, |truth| truth.same));
        let shaken = same.iter().any(|same| died < *same + SHAKEN_FOR);
        let shaken = if shaken { SHAKEN_BY } else { Duration::ZERO };
        pace * 5 + jitter * 4 + longest(&dead) + longest(&good) + shaken + Duration::from_millis(15)
    }

    /// Whether a path is good enough for a class; 0 is the default one.
    pub fn fits(&self, path: Path, class: usize) -> Fits {
        let trip = self.round_trip(path);
        let limit = self.demand(class).and_then(|demand| demand.latency_ms);
        let limit = limit.map(|millis| Duration::from_millis(millis.into()));
        let longest = trip.delay + trip.jitter;
        // What is lost on the way back is for the far end to avoid.
        if self.weather(path).loss >= SURELY_LOSSY
            || trip.is_dead()
            || limit.is_some_and(|limit| trip.delay > limit * 5 / 4 + STEADY)
        {
            return Fits::No;
        }
        let within =
            limit.is_none_or(|limit| longest < limit * 4 / 5) && longest <= SURELY_GOOD && trip.jitter <= STEADY;
        let whole = trip.loss == 0.0 && trip.overtaken == 0.0 && trip.most_len >= 1500;
        if within && whole && !self.drained(path).0 { Fits::Yes } else { Fits::Perhaps }
    }

    /// Whether there is any cause to leave a good path for another: it is named sooner or costs less, or is not much slower.
    pub fn is_better(&self, other: Path, path: Path, class: usize) -> bool {
        let cost = |(site, peer, way): Path| {
            let link = link(site, peer, way);
            let cost = |port: Port| self.setup.costs.get(port.site)?.get(usize::from(port.uplink)).copied();
            cost(link.from).unwrap_or_default() + cost(link.to).unwrap_or_default()
        };
        let demand = self.demand(class);
        let place = |path: Path| {
            demand.and_then(|demand| demand.prefer.iter().position(|it| *it == path.2.0)).unwrap_or(usize::MAX)
        };
        let (here, there) = (self.round_trip(path), self.round_trip(other));
        let margin = Duration::from_millis(self.setup.settings.margin_ms.into()) / 2;
        let is_faster = there.delay + margin <= here.delay + here.jitter;
        is_faster || (place(other), cost(other)) < (place(path), cost(path))
    }

    /// What the world is made of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Whether a class may go by a path at all.
    pub fn allows(&self, path: Path, class: usize) -> bool {
        self.demand(class).is_none_or(|demand| demand.allows(path.2.0))
    }

    /// Whether a class is dropped where no path is good enough.
    pub fn drops(&self, class: usize) -> bool {
        self.demand(class).is_some_and(|demand| demand.drops)
    }

    /// What a class asks for; nothing is asked for by the default one.
    fn demand(&self, class: usize) -> Option<&Demand> {
        class.checked_sub(1).and_then(|class| self.setup.demands.get(class))
    }

    /// The paths from a site to another that a class may use.
    pub fn paths(&self, site: usize, peer: usize, class: usize) -> impl Iterator<Item = Path> {
        let ways = self.setup.ways(site, peer).into_iter().map(move |way| (site, peer, way));
        ways.filter(move |path| self.allows(*path, class))
    }
}
