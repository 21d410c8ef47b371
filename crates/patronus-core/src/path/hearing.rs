//! Whether the two ends of a path hear each other.
//!
//! ```text
//!            packet that says "I hear you"
//!   ┌─────────────────────────────────────────┐
//! Unknown ──▶ OneWay ◀──── any other ────▶ Both ──┐ nothing for too long
//!   ▲  │                                          ▼
//!   │  └─── nothing for too long ───────────▶ Silent ──▶ as from Unknown
//!   └────── packet that says "leaving", for 60 s
//! ```
//!
//! A far end that is met for the first time has three seconds to say that it hears this one, and the path is `Unknown` until then.
//! Only in `Both` is a path up: with one-way loss the two sides leave it in the same moment, each by itself.

use std::time::Duration;

use super::packet::Packet;

/// How many of the far end's intervals may pass without a packet.
pub const INTERVALS: u32 = 3;
/// How many times the jitter may be added to them.
const JITTERS: u32 = 4;
/// What timers and queues of two hosts add to that.
const SLACK: Duration = Duration::from_millis(10);
/// How long a far agent that left may stay away until its path is down.
pub const AWAY: Duration = Duration::from_secs(60);
/// How long a path may take to its first packet, a handshake included, until it is down.
pub const START: Duration = Duration::from_secs(3);
/// The shortest interval a far end may name, and the longest.
const LEAST_INTERVAL_MS: u16 = 20;
const MOST_INTERVAL_MS: u16 = 10_000;

/// What is heard on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nobody can tell yet, or the far agent said that it leaves for a while.
    Unknown,
    /// Each hears the other.
    Both,
    /// The far end is heard, and does not hear this one.
    OneWay,
    /// Nothing is heard.
    Silent,
}

/// One path's hearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearing {
    heard: Heard,
    /// Since when.
    since: Duration,
    last: Option<Duration>,
    far_interval: Duration,
    /// When nothing will have been heard for too long; none where that is so.
    deadline: Option<Duration>,
    /// Until when a far end that was just met may take to say that it hears this one.
    meets: Option<Duration>,
}

impl Hearing {
    /// Listens from now on.
    pub fn begin(now: Duration) -> Self {
        let deadline = Some(now.saturating_add(START));
        Self { heard: Heard::Unknown, since: now, last: None, far_interval: Duration::ZERO, deadline, meets: None }
    }

    /// What is heard.
    pub fn heard(&self) -> Heard {
        self.heard
    }

    /// Since when that is so.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// When the last packet came.
    pub fn last(&self) -> Option<Duration> {
        self.last
    }

    /// The far end's interval, as it said last; zero before.
    pub fn far_interval(&self) -> Duration {
        self.far_interval
    }

    /// Whether the far end is heard, which is what it is told.
    pub fn hears(&self) -> bool {
        matches!(self.heard, Heard::Both | Heard::OneWay) || self.meets.is_some()
    }

    /// A packet came. `own` is the interval of this end, for a far end that has none of its own; `jitter` is what the path
    /// has. Says whether [`Hearing::heard`] changed.
    pub fn handle_packet(&mut self, packet: &Packet, (own, jitter): (Duration, Duration), now: Duration) -> bool {
        self.last = Some(now);
        self.far_interval = match packet.interval_ms {
            0 => own,
            millis => Duration::from_millis(millis.clamp(LEAST_INTERVAL_MS, MOST_INTERVAL_MS).into()),
        };
        let patience = match packet.leaving {
            true => AWAY,
            false => self.far_interval * INTERVALS + jitter.saturating_mul(JITTERS) + SLACK,
        };
        self.deadline = Some(now.saturating_add(patience));
        let until = (self.heard == Heard::Unknown).then(|| self.meets.unwrap_or(now.saturating_add(START)));
        let meets = until.filter(|until| now < *until && !packet.hears && !packet.leaving);
        let heard = match packet {
            Packet { leaving: true, .. } => Heard::Unknown,
            Packet { hears: true, .. } => Heard::Both,
            // It cannot have heard of this one yet.
            _ if meets.is_some() => Heard::Unknown,
            _ => Heard::OneWay,
        };
        self.meets = meets;
        self.turn(heard, now)
    }

    /// The way out is gone: nothing can be heard. Says whether that is new.
    pub fn cut(&mut self, now: Duration) -> bool {
        (self.deadline, self.meets) = (None, None);
        self.turn(Heard::Silent, now)
    }

    /// The far end was heard by another path: if it was said to be away, it is back, and has until then to be heard by this one.
    pub fn expect(&mut self, until: Duration) {
        if self.heard == Heard::Unknown {
            self.deadline = self.deadline.map(|deadline| deadline.min(until));
        }
    }

    /// This end was not awake for a while, and cannot say that nothing was sent: it waits for one packet more.
    pub fn excuse(&mut self, now: Duration) {
        let next = now.saturating_add(self.far_interval + SLACK);
        self.deadline = self.deadline.map(|deadline| deadline.max(next));
    }

    /// Time has passed. Says whether it fell silent.
    pub fn handle_timeout(&mut self, now: Duration) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline) && self.cut(now)
    }

    /// When it falls silent.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.deadline
    }

    fn turn(&mut self, heard: Heard, now: Duration) -> bool {
        let is_new = self.heard != heard;
        if is_new {
            (self.heard, self.since) = (heard, now);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(5));

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn says(hears: bool) -> Packet {
        Packet { hears, interval_ms: 100, ..Packet::default() }
    }

    #[test]
    fn it_is_up_only_where_both_hear() {
        let mut path = Hearing::begin(ms(0));
        assert!(!path.hears() && path.heard() == Heard::Unknown);
        assert!(!path.handle_packet(&says(false), OWN, ms(50)));
        assert_eq!((path.heard(), path.hears()), (Heard::Unknown, true), "it cannot have heard of this end yet");
        assert!(path.handle_packet(&says(true), OWN, ms(150)));
        assert!(!path.handle_packet(&says(true), OWN, ms(250)), "nothing new");
        assert_eq!((path.heard(), path.since()), (Heard::Both, ms(150)));
        assert!(path.handle_packet(&says(false), OWN, ms(350)), "the far end fell silent: at once, not after a wait");
        assert_eq!(path.heard(), Heard::OneWay);
    }

    #[test]
    fn a_far_end_that_never_says_that_it_hears_is_heard_one_way() {
        let mut path = Hearing::begin(ms(0));
        for at in (100..3000).step_by(100) {
            assert!(!path.handle_packet(&says(false), OWN, ms(at)));
        }
        assert!(path.handle_packet(&says(false), OWN, ms(3100)));
        assert_eq!((path.heard(), path.hears()), (Heard::OneWay, true));
    }

    #[test]
    fn silence_is_three_of_the_far_ends_intervals_and_what_varies() {
        let mut path = Hearing::begin(ms(0));
        path.handle_packet(&says(true), OWN, ms(1000));
        assert_eq!(path.poll_timeout(), Some(ms(1330)));
        assert!(!path.handle_timeout(ms(1329)) && path.handle_timeout(ms(1330)));
        assert_eq!((path.heard(), path.hears(), path.poll_timeout()), (Heard::Silent, false, None));
        assert!(!path.handle_timeout(ms(9999)));
        let answered = Packet { interval_ms: 0, ..says(true) };
        path.handle_packet(&answered, OWN, ms(2000));
        assert_eq!(path.poll_timeout(), Some(ms(2330)), "who has no interval answers at ours");
        path.handle_packet(&Packet { interval_ms: 1, ..says(true) }, OWN, ms(3000));
        assert_eq!(path.poll_timeout(), Some(ms(3090)), "no shorter than 20 ms");
        path.handle_packet(&Packet { interval_ms: u16::MAX, ..says(true) }, OWN, ms(4000));
        assert_eq!(path.poll_timeout(), Some(ms(34_030)), "no longer than 10 s");
    }

    #[test]
    fn who_was_not_awake_waits_for_one_more() {
        let mut path = Hearing::begin(ms(0));
        path.handle_packet(&says(true), OWN, ms(1000));
        path.excuse(ms(1100));
        assert_eq!(path.poll_timeout(), Some(ms(1330)), "there is time");
        path.excuse(ms(1500));
        assert_eq!(path.poll_timeout(), Some(ms(1610)));
    }

    #[test]
    fn what_never_answers_is_down_after_a_while_and_a_cut_line_at_once() {
        let mut path = Hearing::begin(ms(0));
        assert!(!path.handle_timeout(ms(2999)) && path.handle_timeout(ms(3000)));
        assert_eq!((path.heard(), path.last()), (Heard::Silent, None));
        path.handle_packet(&says(true), OWN, ms(4000));
        assert!(path.cut(ms(4001)) && !path.cut(ms(4002)));
        assert_eq!((path.heard(), path.since()), (Heard::Silent, ms(4001)));
    }

    #[test]
    fn an_agent_that_leaves_is_waited_for() {
        let mut path = Hearing::begin(ms(0));
        path.handle_packet(&says(true), OWN, ms(100));
        assert!(path.handle_packet(&Packet { leaving: true, ..says(true) }, OWN, ms(200)));
        assert_eq!((path.heard(), path.hears()), (Heard::Unknown, false));
        assert!(!path.handle_timeout(ms(60_199)) && path.handle_timeout(ms(60_200)));
        path.handle_packet(&says(true), OWN, ms(60_300));
        assert_eq!(path.heard(), Heard::Both);
    }
}
