//! One decision.

use std::time::Duration;

use super::rank::{Rank, Tier};
use super::{Change, Decision, Seat, Selector, Standing, View};
use crate::path::hearing::{Heard, INTERVALS};

impl Selector {
    /// Decides which path carries a class to a destination.
    pub(super) fn decide(&mut self, pair: usize, class: usize, now: Duration) {
        self.note_fitness(pair, class, now);
        let place = pair * self.classes.len() + class;
        let mut seat = self.seats[place];
        let is_beaten = self.is_beaten(pair, class, seat, now);
        seat.beaten = is_beaten.then(|| seat.beaten.unwrap_or(now));
        let Some(next) = self.next(pair, class, seat, now) else { return };
        let standing = self.standing(next, class, now);
        let path = Some(next.path).filter(|_| standing != Standing::Dropped);
        let decision = Decision { path, standing };
        let moves = seat.incumbent.is_some_and(|incumbent| incumbent != next.path);
        let moved = if moves { Some(now) } else { seat.moved };
        let beaten = seat.beaten.filter(|_| !moves);
        self.seats[place] = Seat { decision, incumbent: Some(next.path), moved, beaten };
        if decision != seat.decision {
            self.changes.push_back(Change { pair, class, before: seat.decision, now: decision });
        }
        if standing == Standing::Waiting {
            let back = self.paths(pair).filter(|path| self.views[*path].heard == Heard::Both);
            let settled: Vec<Duration> = back.map(|path| self.views[path].settled()).filter(|at| *at > now).collect();
            settled.into_iter().for_each(|at| self.wake(pair, at));
        }
        let hold = self.hold();
        let holds = [moved, beaten].into_iter().flatten().map(|since| since + hold);
        holds.filter(|end| *end > now).for_each(|end| self.wake(pair, end));
    }

    /// Notes since when each path is good enough for the class.
    fn note_fitness(&mut self, pair: usize, class: usize, now: Duration) {
        for path in self.paths(pair) {
            let is_fit = match self.views[path].heard {
                // Nothing is known, so nothing is held against it.
                Heard::Unknown => continue,
                Heard::Both => self.quality(path, class) == Tier::Eligible,
                Heard::OneWay | Heard::Silent => false,
            };
            let place = class * self.ways.len() + path;
            let since = is_fit.then(|| self.fit_since[place].unwrap_or(now));
            self.fit_since[place] = since;
            if let Some(end) = since.filter(|since| !since.is_zero()).map(|since| since + self.hold())
                && end > now
            {
                self.wake(pair, end);
            }
        }
    }

    /// The path that has it from now on, which is mostly the one that has it.
    fn next(&self, pair: usize, class: usize, seat: Seat, now: Duration) -> Option<Rank> {
        let Some(incumbent) = seat.incumbent else {
            return self.paths(pair).map(|path| self.rank(path, class, (None, None), now)).min();
        };
        let own = self.rank(incumbent, class, (Some(incumbent), None), now);
        match own.tier {
            Tier::Dead => Some(self.replacement(pair, class, incumbent, now).unwrap_or(own)),
            tier => {
                // What makes one path bad is mostly in an uplink.
                let failed = matches!(tier, Tier::Degraded | Tier::Poor).then(|| self.ways[incumbent]);
                let ranks = self.paths(pair).map(|path| self.rank(path, class, (Some(incumbent), failed), now));
                ranks.min().filter(|best| self.displaces(best, &own, seat, now)).or(Some(own))
            }
        }
    }

    /// What takes over from a path that failed: one that outlived it, and shares nothing with it if possible. Where all fell
    /// silent together, as when a host stalls, all come back together too, and the first of them is no better for that.
    fn replacement(&self, pair: usize, class: usize, failed: usize, now: Duration) -> Option<Rank> {
        let (way, gone) = (self.ways[failed], &self.views[failed]);
        let lives = |path: &usize| {
            let view = &self.views[*path];
            let was_there = view.since <= gone.since || now >= view.settled();
            was_there && (gone.cut && self.ways[*path].local != way.local || view.outlived(gone))
        };
        let heard = self.paths(pair).filter(|path| self.views[*path].heard == Heard::Both).filter(lives);
        let ranks = heard.map(|path| self.rank(path, class, (Some(failed), Some(way)), now));
        ranks.min().filter(|best| best.tier < Tier::Dead)
    }

    /// Whether the best path takes over from one that still carries.
    fn displaces(&self, best: &Rank, own: &Rank, seat: Seat, now: Duration) -> bool {
        let has_stayed = seat.moved.is_none_or(|moved| now >= moved + self.hold());
        match (own.tier, best.tier) {
            _ if best.path == own.path || best.tier > own.tier => false,
            // That something else is heard sooner does not speak against it.
            (Tier::Unknown, _) => false,
            // Fast down: what is not good enough is left for what is.
            (Tier::Missed | Tier::Degraded, Tier::Eligible) => true,
            (Tier::Poor, Tier::Eligible | Tier::Held) => true,
            (Tier::Drained | Tier::Forbidden, better) if better < own.tier => true,
            // Good, and only not for as long as the other: both came back together, and one of them was heard first.
            (Tier::Held, Tier::Eligible) => has_stayed && best.is_preferred_to(own),
            (worse, better) if better < worse => has_stayed,
            _ => {
                let has_been = seat.beaten.is_some_and(|beaten| now >= beaten + self.hold());
                has_stayed && (best.is_preferred_to(own) || has_been && self.is_better_by_margin(best, own))
            }
        }
    }

    /// Whether one that is no worse otherwise is better by the margin. A stall of either host makes one packet slow, so this
    /// must have lasted to be of weight.
    fn is_beaten(&self, pair: usize, class: usize, seat: Seat, now: Duration) -> bool {
        let Some(incumbent) = seat.incumbent else { return false };
        let rank = |path| self.rank(path, class, (Some(incumbent), None), now);
        let own = rank(incumbent);
        let compares = |other: &Rank| other.tier <= own.tier || other.tier == Tier::Held;
        self.paths(pair).map(rank).any(|other| compares(&other) && self.is_better_by_margin(&other, &own))
    }

    pub(super) fn is_better_by_margin(&self, best: &Rank, own: &Rank) -> bool {
        let (best_ms, own_ms) = (self.scores.figures(best.path).latency_ms, self.scores.figures(own.path).latency_ms);
        let margin = f32::from(self.settings.margin_ms).max(own_ms * f32::from(self.settings.margin_pct) / 100.0);
        !own.is_preferred_to(best) && best.score < own.score && best_ms + margin <= own_ms
    }

    fn standing(&self, next: Rank, class: usize, now: Duration) -> Standing {
        let drops = self.classes[class].drops();
        match self.rank(next.path, class, (Some(next.path), None), now).tier {
            Tier::Eligible => Standing::Eligible,
            // Good, and nothing else is: it is not worse for having been bad.
            Tier::Held => Standing::Eligible,
            Tier::Unknown => Standing::Unknown,
            _ if drops => Standing::Dropped,
            Tier::Dead => Standing::Waiting,
            _ => Standing::BestOfRest,
        }
    }
}

impl View {
    /// When it has been heard for as long as it takes to fall silent again.
    fn settled(&self) -> Duration {
        let (far, own) = self.intervals;
        self.since + far.max(own) * INTERVALS
    }

    /// Whether it carried packets both ways after another failed: had it failed in the same moment, it would not have been
    /// heard later than that one's next packet was due, nor would the far end have heard what was sent later than that.
    fn outlived(&self, failed: &View) -> bool {
        let latency = |view: &View| Duration::from_secs_f32(view.figures.map_or(0.0, |it| it.latency_ms) / 1000.0);
        // What was under way when it failed comes later by the slower path.
        let slower = latency(self).saturating_sub(latency(failed)) / 2;
        let (far, own) = failed.intervals;
        let is_later = |this: Option<Duration>, that: Option<Duration>, by| match (this, that) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(this), Some(that)) => this > that + by,
        };
        let heard = failed.heard == Heard::OneWay || is_later(self.last, failed.last, far + slower);
        heard && is_later(self.proven, failed.proven, own)
    }
}
