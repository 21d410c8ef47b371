//! What one path is like: its round trip, how much that varies, and what is lost each way.
//!
//! Everything is made from packets that came; nothing is assumed. Times are this host's own; the far end's clock is only
//! sent back to it.

use std::time::Duration;

use super::score::Figures;
use super::window::{SHORT, Window};

/// A packet that is late by more than this many intervals waited for a handshake and says nothing of latency.
const LATE_INTERVALS: u32 = 10;
/// But it is late by at least so much, and at most: a satellite is not late at 20 ms, and no path of use has round trips of
/// more than that.
const LATE_LEAST: Duration = Duration::from_millis(200);
const LATE_MOST: Duration = Duration::from_secs(3);
/// So many late packets in a row are no accident: the way has become longer.
const LATE_ROW: u8 = 10;
/// A sequence number further back than this is not late: the far end has begun anew.
const FAR_BACK: u32 = 128;
/// The same forward: nobody sends so many while nothing comes.
const FAR_AHEAD: u32 = 1 << 20;

/// How many packets of one direction came, and how many did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Known not to have come.
    pub lost: u32,
    /// Known to have come.
    pub came: u32,
}

impl Count {
    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.lost = self.lost.saturating_add(other.lost);
        self.came = self.came.saturating_add(other.came);
    }
}

/// What a packet's sequence number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is the newest; those between it and the last one are counted with it.
    Newest(Count),
    /// It was overtaken, and had been counted as lost.
    Overtaken,
    /// It came before.
    Twice,
    /// The far end counts anew; or this is its first packet.
    Anew,
}

/// What a round trip says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// It counts.
    Taken,
    /// It took so long that it counts as lost.
    Late,
}

/// The estimate of one path.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    latency_ms: f32,
    jitter_ms: f32,
    last_ms: f32,
    trips: u32,
    late_row: u8,
    /// The highest sequence number heard.
    highest: Option<u32>,
    incoming: Window,
    /// What the far end last said: the highest number it heard, and how many.
    told: Option<(u32, u32)>,
    outgoing: Window,
}

impl Estimate {
    /// Takes a round trip; `interval` is the longer of both ends'. Smoothed latency as in RFC 6298, 2 (α = 1/8), the
    /// difference of trips as in RFC 3550, 6.4.1 (gain 1/16).
    pub fn handle_trip(&mut self, trip: Duration, interval: Duration) -> Trip {
        let millis = trip.as_secs_f32() * 1000.0;
        if self.is_late(trip, interval) {
            self.late_row += 1;
            if self.late_row < LATE_ROW {
                self.outgoing.spoil();
                return Trip::Late;
            }
            // The way has become longer for good; what was known of the old one is no start.
            self.trips = 0;
        }
        self.late_row = 0;
        match self.trips {
            0 => (self.latency_ms, self.jitter_ms) = (millis, 0.0),
            _ => {
                self.latency_ms += (millis - self.latency_ms) / 8.0;
                self.jitter_ms += ((millis - self.last_ms).abs() - self.jitter_ms) / 16.0;
            }
        }
        self.last_ms = millis;
        self.trips = self.trips.saturating_add(1);
        Trip::Taken
    }

    /// Takes the number of a packet that came.
    pub fn handle_seq(&mut self, seq: u32) -> Arrival {
        let Some(highest) = self.highest else { return self.begin(seq) };
        let (ahead, back) = (seq.wrapping_sub(highest), highest.wrapping_sub(seq));
        match (ahead, back) {
            (1..FAR_AHEAD, _) => {
                self.highest = Some(seq);
                let count = Count { lost: ahead - 1, came: 1 };
                add(&mut self.incoming, count);
                Arrival::Newest(count)
            }
            (_, 0..FAR_BACK) => match self.incoming.get(back) {
                Some(false) => {
                    self.incoming.repair(back);
                    Arrival::Overtaken
                }
                _ => Arrival::Twice,
            },
            _ => self.begin(seq),
        }
    }

    /// Takes what the far end has heard: the highest number, and how many. Says how many of ours came and did not, since it
    /// said so last.
    pub fn handle_told(&mut self, ack: u32, received: u32) -> Count {
        let Some((last_ack, last_received)) = self.told.replace((ack, received)) else { return Count::default() };
        let (sent, came) = (ack.wrapping_sub(last_ack), received.wrapping_sub(last_received));
        if sent >= FAR_AHEAD || came >= FAR_AHEAD {
            // An overtaken packet of the far end, or it counts anew.
            self.told = if last_ack.wrapping_sub(ack) < FAR_BACK { Some((last_ack, last_received)) } else { self.told };
            return Count::default();
        }
        self.outgoing.forgive(came.saturating_sub(sent));
        let count = Count { lost: sent.saturating_sub(came), came: came.min(sent) };
        add(&mut self.outgoing, count);
        count
    }

    /// Whether anything is known of it.
    pub fn is_measured(&self) -> bool {
        self.trips > 0
    }

    /// What is known of it; none before the first round trip.
    pub fn figures(&self) -> Option<Figures> {
        let (latency_ms, jitter_ms) = (self.latency_ms, self.jitter_ms);
        self.is_measured().then(|| Figures { latency_ms, loss: self.outgoing.loss(), jitter_ms })
    }

    /// Share lost of what the far end sends, 0 to 1.
    pub fn incoming_loss(&self) -> f32 {
        self.incoming.loss()
    }

    /// The smoothed difference between one round trip and the next.
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f32(self.jitter_ms.max(0.0) / 1000.0)
    }

    /// The highest number heard.
    pub fn highest(&self) -> Option<u32> {
        self.highest
    }

    fn is_late(&self, trip: Duration, interval: Duration) -> bool {
        let known = if self.trips > 0 { Duration::from_secs_f32(self.latency_ms / 1000.0) } else { Duration::ZERO };
        let over = if self.trips > 0 { (interval * LATE_INTERVALS).clamp(LATE_LEAST, LATE_MOST) } else { LATE_MOST };
        trip > known + over
    }

    fn begin(&mut self, seq: u32) -> Arrival {
        self.highest = Some(seq);
        self.incoming = Window::default();
        self.incoming.push(0, 1);
        self.told = None;
        Arrival::Anew
    }
}

/// A gap that fills the short window is an outage, and over; it would otherwise stay in the loss for long after it.
fn add(window: &mut Window, count: Count) {
    if count.lost > SHORT && count.lost > count.came {
        *window = Window::default();
        window.push(0, count.came);
    } else {
        window.push(count.lost, count.came);
    }
}

#[cfg(test)]
mod tests;
