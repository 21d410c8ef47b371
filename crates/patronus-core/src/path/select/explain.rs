//! Why a path carries a class, and why each other one does not.

use std::fmt;
use std::time::Duration;

use super::rank::Tier;
use super::{Decision, Selector, View, Way};
use crate::path::hearing::Heard;

/// Why a path is not the one that is used; the first reason that holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// It is the one.
    Chosen,
    /// The class may only use uplinks that it names.
    NotNamed,
    /// Nothing has been heard yet, or its far agent is away for a moment.
    Unknown,
    /// Nothing is heard on it, since then.
    Silent(Duration),
    /// It is heard, and the far end does not hear, since then.
    OneWay(Duration),
    /// The site or one of the uplinks is drained.
    Drained,
    /// Full packets do not pass; an MTU of so many bytes would.
    Narrow(u16),
    /// Its score is too low.
    Score(f32),
    /// It is beyond a limit of the class: of what, how it is, and how it may be (milliseconds, or a share from 0 to 1).
    Limit(&'static str, f32, f32),
    /// It is good again, and may be used from then on.
    Held(Duration),
    /// It has not been seen to outlive the path that is used and failed.
    NotHeardSince,
    /// Its uplink comes later in the class's order.
    Later,
    /// Its uplinks cost more.
    Costlier,
    /// It is no better than the one that is used, by the margin.
    NoBetter,
    /// It is better, and will be used then if it still is.
    Soon(Duration),
}

/// One path to a destination.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its number.
    pub path: usize,
    /// What it is.
    pub way: Way,
    /// What is known of it.
    pub view: View,
    /// Its score, 0 to 100; none where it has not been measured.
    pub score: Option<f32>,
    /// Why it is used or not.
    pub reason: Reason,
}

/// A decision with all that was weighed, the path that is used first.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What is decided.
    pub decision: Decision,
    /// All paths, in the order of their rank.
    pub candidates: Vec<Candidate>,
}

impl Selector {
    /// Explains what carries a class to a destination.
    pub fn explain(&self, pair: usize, class: usize, now: Duration) -> Explanation {
        let decision = self.decision(pair, class);
        let used = decision.path;
        let paths = if class < self.classes.len() { self.paths(pair) } else { 0..0 };
        let mut ranks: Vec<_> = paths.map(|path| self.rank(path, class, (used, None), now)).collect();
        ranks.sort_by_key(|rank| (rank.challenges, *rank));
        let candidates = ranks.iter().map(|rank| {
            let path = rank.path;
            let view = self.views[path];
            let score = view.figures.map(|figures| figures.score());
            Candidate { path, way: self.ways[path], view, score, reason: self.reason(pair, class, path, now) }
        });
        Explanation { decision, candidates: candidates.collect() }
    }

    fn reason(&self, pair: usize, class: usize, path: usize, now: Duration) -> Reason {
        let view = &self.views[path];
        let used = self.decision(pair, class).path;
        match self.tier(path, class, now) {
            _ if used == Some(path) => Reason::Chosen,
            Tier::Forbidden => Reason::NotNamed,
            Tier::Unknown => Reason::Unknown,
            Tier::Dead if view.heard == Heard::OneWay => Reason::OneWay(view.since),
            Tier::Dead => Reason::Silent(view.since),
            Tier::Drained => Reason::Drained,
            Tier::Degraded | Tier::Poor => match view.narrow {
                Some(fits) => Reason::Narrow(fits),
                None => Reason::Score(self.scores.score(path)),
            },
            Tier::Missed => {
                let missed = view.figures.and_then(|figures| self.classes[class].limits.missed(figures));
                missed.map_or(Reason::Unknown, |(what, is, may)| Reason::Limit(what, is, may))
            }
            Tier::Held => {
                let since = self.fit_since[class * self.ways.len() + path].unwrap_or(now);
                Reason::Held(since + self.hold())
            }
            Tier::Eligible => self.less_than(used, class, path, now),
        }
    }

    /// Why an eligible path is not used.
    fn less_than(&self, used: Option<usize>, class: usize, path: usize, now: Duration) -> Reason {
        let Some(used) = used else { return Reason::NotHeardSince };
        let (own, other) =
            (self.rank(used, class, (Some(used), None), now), self.rank(path, class, (Some(used), None), now));
        let moved = self.moved(self.pair_of[path], class);
        match other {
            _ if own.tier == Tier::Dead => Reason::NotHeardSince,
            _ if own.is_preferred_to(&other) && own.place < other.place => Reason::Later,
            _ if own.is_preferred_to(&other) => Reason::Costlier,
            _ if other.is_preferred_to(&own) => Reason::Soon(moved.unwrap_or(now) + self.hold()),
            _ if self.is_better_by_margin(&other, &own) => {
                let last = [moved, self.beaten(self.pair_of[path], class)].into_iter().flatten().max();
                Reason::Soon(last.unwrap_or(now) + self.hold())
            }
            _ => Reason::NoBetter,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("carries the traffic"),
            Self::NotNamed => f.write_str("its uplink is not named by the policy, which drops otherwise"),
            Self::Unknown => f.write_str("nothing is known of it yet"),
            Self::Silent(_) => f.write_str("nothing is heard on it"),
            Self::OneWay(_) => f.write_str("the far end does not hear this one"),
            Self::Drained => f.write_str("it is drained"),
            Self::Narrow(fits) => write!(f, "full packets do not pass; an MTU of {fits} would fit"),
            Self::Score(score) => write!(f, "its score is {score:.0}"),
            Self::Limit("loss", is, may) => write!(f, "its loss of {:.1} % is above {:.1} %", is * 100.0, may * 100.0),
            Self::Limit(what, is, may) => write!(f, "its {what} of {is:.1} ms is above {may:.1} ms"),
            Self::Held(_) => f.write_str("it has not been good for long enough"),
            Self::NotHeardSince => f.write_str("nothing has been heard on it since the other failed"),
            Self::Later => f.write_str("its uplink comes later in the policy's order"),
            Self::Costlier => f.write_str("its uplinks cost more"),
            Self::NoBetter => f.write_str("it is no better by the margin"),
            Self::Soon(_) => f.write_str("it is better, but not for long enough yet"),
        }
    }
}
