//! Which path carries what: one decision for each destination site and class.
//!
//! A path is left at once when it fails, and returned to only when it has been good for the hold time; a good one is
//! displaced only by one that is preferred, or has been better by a margin for the hold time, and not twice within that. What replaces a failed
//! path must have carried packets both ways after that one did not, since often both share what failed.
//!
//! A decision is a lookup. It is made again when a measurement of its own paths changes, or a hold time ends.

mod class;
mod decide;
mod explain;
mod rank;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use patronus_types::path::{PathSettings, PathStatus};

use super::hearing::Heard;
use super::score::{Figures, Scores, status};

pub use class::{Class, Limits};
pub use explain::{Candidate, Explanation, Reason};

/// The most paths between two sites.
pub const MAX_WAYS: usize = 16;

/// One path, as it is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Index of the local uplink, 0 to 3.
    pub local: u8,
    /// Index of the far end's uplink, 0 to 3.
    pub remote: u8,
    /// Sum of both uplinks' costs.
    pub cost: u32,
    /// Whether the site or one of the uplinks is drained: it carries traffic only where nothing else can.
    pub drained: bool,
    /// Whether this end begins a session where there is none: two that begin at once undo each other.
    pub begins: bool,
}

/// One path, as it is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// What is heard on it.
    pub heard: Heard,
    /// Since when that is so.
    pub since: Duration,
    /// When the last packet came.
    pub last: Option<Duration>,
    /// When the last packet was sent of which the far end said that it came.
    pub proven: Option<Duration>,
    /// The far end's interval, and this end's.
    pub intervals: (Duration, Duration),
    /// The local device is gone.
    pub cut: bool,
    /// What it is like; none where it has not been measured.
    pub figures: Option<Figures>,
    /// The tunnel MTU that would fit, where full packets do not pass.
    pub narrow: Option<u16>,
}

impl View {
    /// Of a path of which nothing is known.
    pub const UNKNOWN: Self = Self {
        heard: Heard::Unknown,
        since: Duration::ZERO,
        last: None,
        proven: None,
        intervals: (Duration::ZERO, Duration::ZERO),
        cut: false,
        figures: None,
        narrow: None,
    };

    /// How it does: what its figures are worth where both ends hear each other and full packets pass.
    pub fn status(&self, settings: &PathSettings) -> PathStatus {
        match (self.heard, self.figures) {
            (Heard::Both, Some(figures)) => {
                let scored = status(figures.score(), settings);
                if self.narrow.is_some() { scored.max(PathStatus::Degraded) } else { scored }
            }
            _ => PathStatus::Down,
        }
    }
}

/// How a decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing has been heard yet: the cheapest path has it.
    Unknown,
    /// The path is good enough for the class.
    Eligible,
    /// None is; this is the best of them.
    BestOfRest,
    /// Its path failed, and nothing has been heard on another since then; it keeps the traffic until something is.
    Waiting,
    /// No path is good enough, and the class is to be dropped then.
    Dropped,
}

/// What is decided for one destination and class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The path; none where there is none at all, or it is dropped.
    pub path: Option<usize>,
    /// How that stands.
    pub standing: Standing,
}

/// A decision that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The destination.
    pub pair: usize,
    /// The class.
    pub class: usize,
    /// What was decided before.
    pub before: Decision,
    /// What is now. Routes change only where `path` differs.
    pub now: Decision,
}

/// What is remembered of one destination and class.
#[derive(Debug, Clone, Copy)]
struct Seat {
    decision: Decision,
    /// The path that has it, also while it is dropped.
    incumbent: Option<usize>,
    /// When it last moved.
    moved: Option<Duration>,
    /// Since when another has been better by the margin.
    beaten: Option<Duration>,
}

const EMPTY: Seat =
    Seat { decision: Decision { path: None, standing: Standing::Unknown }, incumbent: None, moved: None, beaten: None };

/// The machine of one network on one site.
#[derive(Debug, Clone)]
pub struct Selector {
    settings: PathSettings,
    ways: Vec<Way>,
    /// The paths of each destination, one after the other.
    pairs: Vec<Range<usize>>,
    pair_of: Vec<usize>,
    classes: Vec<Class>,
    views: Vec<View>,
    scores: Scores,
    /// Since when each path is good enough, by class and path; zero where it never was not.
    fit_since: Vec<Option<Duration>>,
    /// By destination and class.
    seats: Vec<Seat>,
    /// When a destination is decided anew though nothing is measured.
    wakes: Vec<Option<Duration>>,
    dirty: Vec<usize>,
    is_dirty: Vec<bool>,
    changes: VecDeque<Change>,
}

impl Selector {
    /// `pairs` are the paths to each destination, at most [`MAX_WAYS`] each; paths are numbered in that order. Class 0 is what
    /// no policy matches.
    pub fn new(settings: PathSettings, pairs: &[Vec<Way>], classes: Vec<Class>) -> Self {
        let ways: Vec<Way> = pairs.iter().flat_map(|ways| ways.iter().take(MAX_WAYS)).copied().collect();
        let mut ranges = Vec::with_capacity(pairs.len());
        let mut pair_of = Vec::with_capacity(ways.len());
        for (pair, ways) in pairs.iter().enumerate() {
            let first = pair_of.len();
            pair_of.extend(std::iter::repeat_n(pair, ways.len().min(MAX_WAYS)));
            ranges.push(first..pair_of.len());
        }
        let mut this = Self {
            settings,
            views: vec![View::UNKNOWN; ways.len()],
            scores: Scores::new(ways.len()),
            fit_since: vec![Some(Duration::ZERO); ways.len() * classes.len()],
            seats: vec![EMPTY; ranges.len() * classes.len()],
            wakes: vec![None; ranges.len()],
            dirty: Vec::new(),
            is_dirty: vec![false; ranges.len()],
            changes: VecDeque::new(),
            ways,
            pairs: ranges,
            pair_of,
            classes,
        };
        (0..this.pairs.len()).for_each(|pair| this.mark(pair));
        this
    }

    /// What carries a class to a destination.
    #[inline]
    pub fn decision(&self, pair: usize, class: usize) -> Decision {
        let seat = (class < self.classes.len()).then(|| self.seats.get(pair * self.classes.len() + class)).flatten();
        seat.map_or(EMPTY.decision, |seat| seat.decision)
    }

    /// The paths to a destination.
    pub fn paths(&self, pair: usize) -> Range<usize> {
        self.pairs.get(pair).cloned().unwrap_or_default()
    }

    /// The destination of a path.
    pub fn pair(&self, path: usize) -> Option<usize> {
        self.pair_of.get(path).copied()
    }

    /// What is known of a path.
    pub fn view(&self, path: usize) -> View {
        self.views.get(path).copied().unwrap_or(View::UNKNOWN)
    }

    /// A path was measured, or is heard in another way. Only its destination is decided anew.
    pub fn handle_view(&mut self, path: usize, view: View) {
        let Some(known) = self.views.get_mut(path) else { return };
        *known = view;
        if let Some(figures) = view.figures {
            self.scores.set(path, figures);
        }
        self.mark(self.pair_of[path]);
    }

    /// A path is drained, or no longer.
    pub fn handle_drain(&mut self, path: usize, drained: bool) {
        if let Some(way) = self.ways.get_mut(path) {
            way.drained = drained;
            self.mark(self.pair_of[path]);
        }
    }

    /// Whether something waits for any path to the same destination to be heard.
    pub fn is_waiting(&self, path: usize) -> bool {
        let classes = self.classes.len();
        let seats = self.pair(path).and_then(|pair| self.seats.get(pair * classes..(pair + 1) * classes));
        seats.is_some_and(|seats| seats.iter().any(|seat| seat.decision.standing == Standing::Waiting))
    }

    /// Decides what has to be decided; [`Selector::poll_action`] tells what changed.
    pub fn handle_timeout(&mut self, now: Duration) {
        for pair in 0..self.pairs.len() {
            if self.wakes[pair].is_some_and(|wake| now >= wake) {
                self.mark(pair);
            }
        }
        for pair in std::mem::take(&mut self.dirty) {
            self.is_dirty[pair] = false;
            self.wakes[pair] = None;
            (0..self.classes.len()).for_each(|class| self.decide(pair, class, now));
        }
    }

    /// When [`Selector::handle_timeout`] has something to do; at once where something was measured.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.dirty.is_empty() {
            return Some(Duration::ZERO);
        }
        self.wakes.iter().flatten().min().copied()
    }

    /// A decision that changed, in the order in which they were made.
    pub fn poll_action(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Gives a destination's class the path that carries it already, as routes on the host or an older plan say.
    pub fn adopt(&mut self, pair: usize, class: usize, path: usize, moved: Option<Duration>) {
        let classes = self.classes.len();
        if self.paths(pair).contains(&path) && class < classes {
            let decision = Decision { path: Some(path), standing: Standing::Unknown };
            self.seats[pair * classes + class] = Seat { decision, incumbent: Some(path), moved, beaten: None };
        }
    }

    /// When a class to a destination last moved.
    pub fn moved(&self, pair: usize, class: usize) -> Option<Duration> {
        self.seats.get(pair * self.classes.len() + class).and_then(|seat| seat.moved)
    }

    fn beaten(&self, pair: usize, class: usize) -> Option<Duration> {
        self.seats.get(pair * self.classes.len() + class).and_then(|seat| seat.beaten)
    }

    fn hold(&self) -> Duration {
        Duration::from_secs(self.settings.hold_s.into())
    }

    fn mark(&mut self, pair: usize) {
        if !std::mem::replace(&mut self.is_dirty[pair], true) {
            self.dirty.push(pair);
        }
    }

    fn wake(&mut self, pair: usize, at: Duration) {
        let wake = &mut self.wakes[pair];
        *wake = Some(wake.map_or(at, |known| known.min(at)));
    }
}

#[cfg(test)]
mod tests;
