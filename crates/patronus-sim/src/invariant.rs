//! What must hold at every moment of every run.

use std::fmt;
use std::time::Duration;

use patronus_core::path::hearing::Heard;
use patronus_core::path::select::View;

use crate::flow::Flow;
use crate::model::{Fits, Model, Path};

/// How much loss among so few packets may differ from the truth, in standard deviations: one in 500 million.
const DEVIATIONS: f64 = 6.0;
/// How many packets the windows hold whose worse one is told.
const SHORT: f64 = 32.0;
/// What scheduling and the two hosts' timers add to a round trip.
const TIMERS_MS: f64 = 2.0;

/// The invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// No flow stays on a dead path for longer than [`Model::patience`] while another is good that was good all that time.
    LeavesTheDead,
    /// A flow moves at most once in a hold time, and only to what is better, unless something befell the path that it left.
    Rests,
    /// The same seed is the same run, packet by packet and decision by decision.
    Repeats,
    /// What was never heard is not measured, and no figure is impossible.
    InventsNothing,
    /// What is steady is told as it is: latency to 10 % and 2 ms, loss as exactly as so many packets can say.
    TellsTheTruth,
    /// A class goes by a path that is good enough, where one has been for the hold time; where none is, one that is to be
    /// dropped then goes nowhere.
    KeepsDemands,
    /// A drained uplink carries nothing while another path is good.
    DrainsDry,
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Which.
    pub invariant: Invariant,
    /// When.
    pub at: Duration,
    /// Who and what.
    pub detail: String,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::LeavesTheDead,
        Self::Rests,
        Self::Repeats,
        Self::InventsNothing,
        Self::TellsTheTruth,
        Self::KeepsDemands,
        Self::DrainsDry,
    ];

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeavesTheDead => "leaves-the-dead",
            Self::Rests => "rests",
            Self::Repeats => "repeats",
            Self::InventsNothing => "invents-nothing",
            Self::TellsTheTruth => "tells-the-truth",
            Self::KeepsDemands => "keeps-demands",
            Self::DrainsDry => "drains-dry",
        }
    }

    fn breach(self, at: Duration, detail: String) -> Result<(), Breach> {
        Err(Breach { invariant: self, at, detail })
    }
}

/// Everything about a flow that can be told at any moment.
///
/// # Errors
/// When an invariant does not hold.
pub fn check_flow(model: &Model, flow: &Flow, now: Duration) -> Result<(), Breach> {
    leaves_the_dead(model, flow, now)?;
    drains_dry(model, flow, now)?;
    keeps_demands(model, flow, now)
}

fn leaves_the_dead(model: &Model, flow: &Flow, now: Duration) -> Result<(), Breach> {
    let Some((path, well)) = flow.path().zip(model.well_since(flow.site, flow.peer)) else { return Ok(()) };
    let Some(dead) = model.dead_since(path) else { return Ok(()) };
    let start = dead.max(well + model.greeting(flow.site, flow.peer, now));
    let greeted = start.saturating_sub(model.greeting(flow.site, flow.peer, start));
    for other in model.paths(flow.site, flow.peer, flow.class) {
        let is_good = model.clear_since(other).is_some_and(|clear| clear <= greeted);
        let most = model.patience(path, other, now);
        if is_good && now > start + most {
            let is = now.saturating_sub(start);
            let detail =
                format!("{flow} stays for {is:?}, and not {most:?}, on a path that is dead; {:?} is not", other.2);
            return Invariant::LeavesTheDead.breach(now, detail);
        }
    }
    Ok(())
}

fn drains_dry(model: &Model, flow: &Flow, now: Duration) -> Result<(), Breach> {
    let Some((path, well)) = flow.path().zip(model.well_since(flow.site, flow.peer)) else { return Ok(()) };
    let (true, drained) = model.drained(path) else { return Ok(()) };
    let since = drained.max(well).max(flow.since);
    let greeting = model.greeting(flow.site, flow.peer, now);
    for other in model.paths(flow.site, flow.peer, flow.class) {
        let (is_drained, undrained) = model.drained(other);
        let good = model.clear_since(other).map(|clear| clear.max(undrained)).filter(|_| !is_drained);
        if good.is_some_and(|good| now > good.max(since) + 2 * greeting) {
            return Invariant::DrainsDry
                .breach(now, format!("{flow} stays on a drained uplink; {:?} is good", other.2));
        }
    }
    Ok(())
}

fn keeps_demands(model: &Model, flow: &Flow, now: Duration) -> Result<(), Breach> {
    let Some(well) = model.well_since(flow.site, flow.peer) else { return Ok(()) };
    let memory = model.memory(flow.site, flow.peer, now).max(Duration::from_secs(5));
    let steady = |path: &Path| now.saturating_sub(model.steady_since(*path).max(model.drained(*path).1).max(well));
    let is_unfit = |path: &Path| model.fits(*path, flow.class) == Fits::No && steady(path) > memory;
    let hold = Duration::from_secs(model.setup().settings.hold_s.into());
    let is_fit = |path: &Path| {
        let is_whole = model.whole_since(*path).is_some_and(|whole| now >= whole + hold);
        is_whole && model.fits(*path, flow.class) == Fits::Yes && steady(path) > hold + memory
    };
    let mut paths = model.paths(flow.site, flow.peer, flow.class);
    let is_carried = flow.path().is_some();
    if is_carried
        && model.drops(flow.class)
        && !model.may_seem_away(flow.peer, now)
        && paths.all(|path| is_unfit(&path))
    {
        return Invariant::KeepsDemands.breach(now, format!("{flow} is not dropped, and no path is good enough"));
    }
    if flow.path().is_some_and(|path| !is_unfit(&path)) {
        return Ok(());
    }
    match model.paths(flow.site, flow.peer, flow.class).find(is_fit) {
        Some(other) => Invariant::KeepsDemands.breach(now, format!("{flow}, and {:?} is good enough", other.2)),
        None => Ok(()),
    }
}

/// A flow is about to move from its path, to this one.
///
/// # Errors
/// When it should have moved long ago, or should not move.
pub fn check_move(model: &Model, flow: &Flow, to: Path, now: Duration) -> Result<(), Breach> {
    leaves_the_dead(model, flow, now)?;
    let Some(path) = flow.left().filter(|path| *path != to && is_untroubled(model, *path, flow, now)) else {
        return Ok(());
    };
    // A clock may be fast by so little that a thousandth is enough.
    let hold = Duration::from_secs(model.setup().settings.hold_s.into()) * 999 / 1000;
    let rested = flow.moved.filter(|moved| *moved > model.anew(flow.site)).map(|moved| now.saturating_sub(moved));
    if let Some(rested) = rested.filter(|rested| *rested < hold) {
        return Invariant::Rests.breach(now, format!("{flow} moves again after {rested:?}"));
    }
    match model.is_better(to, path, flow.class) {
        true => Ok(()),
        false => Invariant::Rests.breach(now, format!("{flow} moves to {:?}, which is no better", to.2)),
    }
}

/// Whether a path has been good for as long as anybody remembers, since before the flow's last move too.
fn is_untroubled(model: &Model, path: Path, flow: &Flow, now: Duration) -> bool {
    let memory = model.memory(flow.site, flow.peer, now);
    let Some(well) = model.well_since(flow.site, flow.peer) else { return false };
    let since = model.steady_since(path).max(model.drained(path).1).max(well) + memory;
    let is_whole = model.whole_since(path).is_some_and(|whole| whole <= now);
    is_whole && model.fits(path, flow.class) == Fits::Yes && since < flow.moved.unwrap_or(now).min(now)
}

/// What a site says of a path; `heard` tells whether anything ever came by it.
///
/// # Errors
/// When it cannot say so, or what it says is wrong.
pub fn check_view(model: &Model, (path, view): (Path, &View), heard: bool, now: Duration) -> Result<(), Breach> {
    let (site, peer, way) = path;
    let Some(figures) = view.figures else { return Ok(()) };
    let name = format!("s{site} to s{peer} by {way:?}");
    let is_sound = figures.latency_ms.is_finite() && figures.latency_ms >= 0.0 && figures.jitter_ms.is_finite();
    if !heard || !is_sound || !(0.0..=1.0).contains(&figures.loss) {
        return Invariant::InventsNothing.breach(now, format!("{name} is said to be like {figures:?}; heard: {heard}"));
    }
    tells_the_truth(model, (path, view), &name, now)
}

fn tells_the_truth(model: &Model, (path, view): (Path, &View), name: &str, now: Duration) -> Result<(), Breach> {
    let (site, peer, _) = path;
    let trip = model.round_trip(path);
    let since = model.well_since(site, peer).map(|well| well.max(model.steady_since(path)));
    let is_steady = since.is_some_and(|since| now > since + model.memory(site, peer, now));
    let Some(figures) = view.figures.filter(|_| is_steady && view.heard == Heard::Both && !model.lies(peer)) else {
        return Ok(());
    };
    if trip.overtaken > 0.0 || trip.loss > 0.5 {
        return Ok(());
    }
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    // Jitter is even in each direction; the smoothed value varies by a quarter of what one trip does.
    let (latency, spread) = (millis(trip.delay) + millis(trip.jitter) / 2.0, millis(trip.jitter) / 2.0);
    let off = (f64::from(figures.latency_ms) - latency).abs();
    if off > latency / 10.0 + TIMERS_MS + spread {
        return Invariant::TellsTheTruth.breach(now, format!("{name} takes {latency} ms, not {}", figures.latency_ms));
    }
    let (lost, told) = (model.weather(path).loss, f64::from(figures.loss));
    let most = lost + DEVIATIONS * (lost * (1.0 - lost) / SHORT).sqrt() + if lost > 0.0 { 0.1 } else { 0.0 };
    let least = lost - DEVIATIONS * (lost * (1.0 - lost) / (4.0 * SHORT)).sqrt() - 0.02;
    match (least..=most).contains(&told) {
        true => Ok(()),
        false => Invariant::TellsTheTruth.breach(now, format!("{name} loses {lost}, not {told}")),
    }
}

impl std::error::Error for Breach {}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold at {:.4} s: {}", self.invariant.name(), self.at.as_secs_f64(), self.detail)
    }
}
