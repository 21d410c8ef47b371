//! The order of paths: the derived order of [`Rank`], the best first.

use std::cmp::Reverse;
use std::time::Duration;

use patronus_types::path::PathStatus;

use super::{Selector, Way};
use crate::path::hearing::Heard;

/// What kind of candidate a path is for a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    /// Up, and within the limits.
    Eligible,
    /// Up, and not within them.
    Missed,
    /// Degraded, or full packets do not pass.
    Degraded,
    /// Good enough, but not for long yet.
    Held,
    /// Heard, and that is all.
    Poor,
    /// Heard, but to be left.
    Drained,
    /// Nobody can tell.
    Unknown,
    /// Not heard, or it does not hear.
    Dead,
    /// Not for this class.
    Forbidden,
}

/// Where a path stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub tier: Tier,
    /// Whether it shares an uplink with the path that failed; false where none did.
    pub shares: bool,
    /// The place of its uplink in the class's order.
    pub place: u8,
    /// What its uplinks cost: an order that holds where the class gives none.
    pub cost: u32,
    /// In hundredths.
    pub score: Reverse<u16>,
    /// Equals are left to the one that has it.
    pub challenges: bool,
    pub path: usize,
}

impl Rank {
    /// Whether it would be asked for by name or by cost.
    pub fn is_preferred_to(&self, other: &Self) -> bool {
        (self.place, self.cost) < (other.place, other.cost)
    }
}

impl Selector {
    /// Where a path stands for a class, `incumbent` having it and `failed` being that one if it does not carry any longer.
    pub(super) fn rank(
        &self,
        path: usize,
        class: usize,
        (incumbent, failed): (Option<usize>, Option<Way>),
        now: Duration,
    ) -> Rank {
        let way = self.ways[path];
        Rank {
            tier: self.tier(path, class, now),
            shares: failed.is_some_and(|failed| failed.local == way.local || failed.remote == way.remote),
            place: self.classes[class].place(way.local),
            cost: way.cost,
            score: Reverse(hundredths(self.scores.score(path))),
            challenges: incumbent != Some(path),
            path,
        }
    }

    pub(super) fn tier(&self, path: usize, class: usize, now: Duration) -> Tier {
        let way = &self.ways[path];
        let view = &self.views[path];
        let (fit, hold) = (self.fit_since[class * self.ways.len() + path], self.hold());
        match view.heard {
            _ if !self.classes[class].allows(way.local) => Tier::Forbidden,
            Heard::Silent | Heard::OneWay => Tier::Dead,
            Heard::Unknown => Tier::Unknown,
            Heard::Both if way.drained => Tier::Drained,
            Heard::Both => match (self.quality(path, class), fit) {
                (Tier::Eligible, Some(since)) if since.is_zero() || now >= since + hold => Tier::Eligible,
                (Tier::Eligible, _) => Tier::Held,
                (quality, _) => quality,
            },
        }
    }

    /// What the figures of a path that is heard both ways are worth to a class.
    pub(super) fn quality(&self, path: usize, class: usize) -> Tier {
        let view = &self.views[path];
        match (view.figures, view.status(&self.settings)) {
            (Some(figures), PathStatus::Up) => match self.classes[class].limits.missed(figures) {
                None => Tier::Eligible,
                Some(_) => Tier::Missed,
            },
            (Some(_), PathStatus::Degraded) => Tier::Degraded,
            _ => Tier::Poor,
        }
    }
}

fn hundredths(score: f32) -> u16 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a score is 0 to 100")]
    let hundredths = (score * 100.0).round() as u16;
    hundredths
}
