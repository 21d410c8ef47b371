//! What a path was like for a while: whole numbers that add up, so that minutes make hours and nothing is rounded twice.
//!
//! They travel and are kept as a [block](encode): all paths of a site and one minute, about 25 bytes each.

mod block;
mod fold;

use std::time::Duration;

use patronus_types::path::PathHealth;
use patronus_types::{Decimal, PathId, Timestamp};

pub use block::{Broken, MAX_ROWS, decode, encode};
pub use fold::{Key, fold};

use super::estimate::Count;

/// The sums of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Packets that were known to have been lost on the way there in that while, and to have come.
    pub outgoing: Count,
    /// The same on the way back.
    pub incoming: Count,
    /// How many round trips were measured.
    pub trips: u32,
    /// All of them together, in microseconds.
    pub latency_sum_us: u64,
    /// The shortest; 0 where there is none.
    pub latency_min_us: u32,
    /// The longest.
    pub latency_max_us: u32,
    /// The smoothed difference of trips at each of them, in microseconds, added up.
    pub jitter_sum_us: u64,
    /// How often the score was looked at: with each packet sent.
    pub scored: u32,
    /// The scores, 0 to 100, added up; 0 where the two ends did not hear each other.
    pub score_sum: u64,
}

impl Summary {
    /// Adds a round trip and the jitter after it.
    pub fn add_trip(&mut self, trip: Duration, jitter: Duration) {
        let micros = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        let trip = micros(trip);
        let trip_as_one = Self {
            trips: 1,
            latency_sum_us: trip.into(),
            latency_min_us: trip,
            latency_max_us: trip,
            jitter_sum_us: micros(jitter).into(),
            ..Self::default()
        };
        self.merge(&trip_as_one);
    }

    /// Adds a look at the score, 0 to 100.
    pub fn add_score(&mut self, score: f32) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let score = score.clamp(0.0, 100.0).round() as u64;
        self.scored = self.scored.saturating_add(1);
        self.score_sum = self.score_sum.saturating_add(score);
    }

    /// Adds another while of the same path.
    pub fn merge(&mut self, other: &Self) {
        self.outgoing.add(other.outgoing);
        self.incoming.add(other.incoming);
        if other.trips > 0 {
            self.latency_min_us = match self.trips {
                0 => other.latency_min_us,
                _ => self.latency_min_us.min(other.latency_min_us),
            };
            self.latency_max_us = self.latency_max_us.max(other.latency_max_us);
        }
        self.trips = self.trips.saturating_add(other.trips);
        self.latency_sum_us = self.latency_sum_us.saturating_add(other.latency_sum_us);
        self.jitter_sum_us = self.jitter_sum_us.saturating_add(other.jitter_sum_us);
        self.scored = self.scored.saturating_add(other.scored);
        self.score_sum = self.score_sum.saturating_add(other.score_sum);
    }

    /// As the API tells it.
    pub fn health(&self, path_id: PathId, timestamp: Timestamp, seconds: u32) -> PathHealth {
        let millis = |micros: u64| Decimal::thousandths(u32::try_from(micros).unwrap_or(u32::MAX));
        let if_any = |micros: u64| (self.trips > 0).then(|| millis(micros));
        let trips = u64::from(self.trips.max(1));
        let Count { lost, came } = self.outgoing;
        let told = u64::from(lost) + u64::from(came);
        let loss = |lost: u64| Decimal::thousandths(u32::try_from(lost * 100_000 / told).unwrap_or(u32::MAX));
        PathHealth {
            path_id,
            timestamp,
            seconds,
            latency_ms: if_any(self.latency_sum_us / trips),
            latency_min_ms: if_any(self.latency_min_us.into()),
            latency_max_ms: if_any(self.latency_max_us.into()),
            packet_loss_pct: (told > 0).then(|| loss(lost.into())),
            jitter_ms: if_any(self.jitter_sum_us / trips),
            health_score: u8::try_from(self.score_sum / u64::from(self.scored.max(1))).unwrap_or(100),
        }
    }

    /// Whether such sums can come about at all.
    fn is_sound(&self) -> bool {
        let (trips, least, most) =
            (u64::from(self.trips), u64::from(self.latency_min_us), u64::from(self.latency_max_us));
        (trips * least..=trips * most).contains(&self.latency_sum_us)
            && (trips > 0 || most == 0 && self.jitter_sum_us == 0)
            && self.jitter_sum_us <= trips * u64::from(u32::MAX)
            && self.score_sum <= 100 * u64::from(self.scored)
    }
}

#[cfg(test)]
mod tests;
