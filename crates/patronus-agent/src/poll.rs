//! When to ask which server: a machine without clock, randomness or sockets.
//!
//! It is told how each request ended and says how long to wait for the next. One server is preferred until it fails, then
//! the others are tried at once; only when all have failed does it wait, ever longer, with jitter. Its memory is a few
//! numbers, however long that goes on.

use std::time::Duration;

use patronus_core::backoff::Backoff;
use patronus_types::api::MAX_WAIT_S;
use patronus_types::api::error::ErrorCode;

use crate::config::Polling;
use crate::control::ControlError;

const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A token that is refused once is refused again: a site that was deleted must not ask for ever each second.
const REFUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15 * 60));
/// A server that answers a waiting request sooner, and with nothing new, does not hold requests.
const HELD: Duration = Duration::from_secs(1);

/// How often and whom to ask.
#[derive(Debug, Clone)]
pub struct Poll {
    style: Polling,
    interval: Duration,
    servers: usize,
    preferred: usize,
    failed_in_a_row: usize,
    away: Backoff,
    refused: Backoff,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Index of the server.
    pub server: usize,
    /// How long the server may hold it, in seconds.
    pub wait_s: Option<u32>,
}

impl Poll {
    /// Asks `servers` servers; the first is preferred at first.
    pub fn new(style: Polling, servers: usize, interval: Duration) -> Self {
        Self {
            style,
            interval,
            servers: servers.max(1),
            preferred: 0,
            failed_in_a_row: 0,
            away: Backoff::new(AWAY.0, AWAY.1),
            refused: Backoff::new(REFUSED.0, REFUSED.1),
        }
    }

    /// What to ask now. The very first request is answered at once, so that a start does not wait for a change.
    pub fn ask(&self, known: bool) -> Ask {
        let wait_s = (known && self.style == Polling::Long).then_some(MAX_WAIT_S);
        Ask { server: self.preferred, wait_s }
    }

    /// The server sets how often.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval.clamp(Duration::from_secs(1), Duration::from_secs(3600));
    }

    /// The server that is asked next.
    pub fn preferred(&self) -> usize {
        self.preferred
    }

    /// How soon after a request the next one may follow, where it is not held.
    pub fn soonest(&self, ask: Ask) -> Duration {
        ask.wait_s.map_or(spread(self.interval, 0), |_| Duration::ZERO)
    }

    /// An answer came after `took`; how long to wait for the next request.
    pub fn succeeded(&mut self, news: bool, took: Duration, random: u64) -> Duration {
        self.failed_in_a_row = 0;
        self.away.reset();
        self.refused.reset();
        let held = self.style == Polling::Long && (news || took >= HELD);
        if held { Duration::ZERO } else { spread(self.interval, random) }
    }

    /// It failed; how long to wait for the next request, which may go to another server.
    pub fn failed(&mut self, error: &ControlError, random: u64) -> Duration {
        if let ControlError::Refused { code: ErrorCode::Unauthenticated | ErrorCode::Forbidden, .. } = error {
            return self.refused.fail(random).max(self.interval);
        }
        self.preferred = (self.preferred + 1) % self.servers;
        self.failed_in_a_row += 1;
        if self.failed_in_a_row < self.servers {
            return Duration::ZERO;
        }
        self.failed_in_a_row = 0;
        match error {
            ControlError::Refused { retry_after: Some(at_least), .. } => {
                self.away.fail_after((*at_least).min(REFUSED.1), random)
            }
            _ => self.away.fail(random),
        }
    }
}

/// The interval with a fifth of jitter to either side.
pub fn spread(interval: Duration, random: u64) -> Duration {
    let fifth = interval / 5;
    let jitter = fifth.saturating_mul(2).mul_f64(unit(random));
    interval - fifth + jitter
}

fn unit(random: u64) -> f64 {
    // 53 bits are what a double holds exactly.
    let bits = u32::try_from(random >> 32).unwrap_or(u32::MAX);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Duration = Duration::from_secs(5);

    fn away() -> ControlError {
        ControlError::Unreachable("connection refused".to_owned())
    }

    fn refused(code: ErrorCode, retry_after: Option<Duration>) -> ControlError {
        ControlError::Refused { code, detail: String::new(), retry_after }
    }

    #[test]
    fn a_waiting_request_follows_the_last_at_once() {
        let mut poll = Poll::new(Polling::Long, 1, FIVE);
        assert_eq!(poll.ask(false), Ask { server: 0, wait_s: None });
        assert_eq!(poll.ask(true), Ask { server: 0, wait_s: Some(55) });
        assert_eq!(poll.succeeded(false, Duration::from_secs(55), 7), Duration::ZERO);
        assert_eq!(poll.succeeded(true, Duration::from_millis(2), 7), Duration::ZERO);
    }

    #[test]
    fn a_server_that_does_not_hold_requests_is_asked_each_interval() {
        let mut poll = Poll::new(Polling::Long, 1, FIVE);
        let wait = poll.succeeded(false, Duration::from_millis(2), 0);
        assert_eq!(wait, Duration::from_secs(4));
        assert_eq!(poll.succeeded(false, Duration::from_millis(2), u64::MAX), Duration::from_secs(6));
    }

    #[test]
    fn plain_polling_keeps_its_interval() {
        let mut poll = Poll::new(Polling::Interval, 1, FIVE);
        assert_eq!(poll.ask(true).wait_s, None);
        assert_eq!(poll.soonest(poll.ask(true)), poll.succeeded(false, Duration::ZERO, 0));
        assert_eq!(poll.succeeded(true, Duration::from_secs(2), 0), Duration::from_secs(4));
        poll.set_interval(Duration::ZERO);
        assert_eq!(poll.succeeded(true, Duration::from_secs(2), 0), Duration::from_millis(800));
    }

    #[test]
    fn every_server_is_tried_before_it_waits() {
        let mut poll = Poll::new(Polling::Long, 3, FIVE);
        assert_eq!(poll.failed(&away(), u64::MAX), Duration::ZERO);
        assert_eq!(poll.preferred(), 1);
        assert_eq!(poll.failed(&away(), u64::MAX), Duration::ZERO);
        assert!(poll.failed(&away(), u64::MAX) > Duration::from_millis(999));
        assert_eq!(poll.preferred(), 0);
        poll.failed(&away(), 0);
        poll.succeeded(false, FIVE, 0);
        assert_eq!(poll.preferred(), 1, "the one that worked is asked again");
    }

    #[test]
    fn it_waits_ever_longer_up_to_half_a_minute() {
        let mut poll = Poll::new(Polling::Long, 1, FIVE);
        let longest = (0..1000).map(|_| poll.failed(&away(), u64::MAX)).max().unwrap();
        assert!(longest <= AWAY.1 && longest > AWAY.1 - Duration::from_millis(1));
    }

    #[test]
    fn a_refused_token_is_shown_seldom() {
        let mut poll = Poll::new(Polling::Long, 2, FIVE);
        let waits: Vec<Duration> =
            (0..20).map(|_| poll.failed(&refused(ErrorCode::Unauthenticated, None), u64::MAX)).collect();
        assert!(waits.iter().all(|wait| *wait >= FIVE), "{waits:?}");
        assert!(waits[19] > Duration::from_secs(899) && waits[19] <= Duration::from_secs(900));
        assert_eq!(poll.preferred(), 0, "another replica would say the same");
    }

    #[test]
    fn a_named_time_is_kept() {
        let mut poll = Poll::new(Polling::Long, 1, FIVE);
        let busy = refused(ErrorCode::RateLimited, Some(Duration::from_secs(60)));
        assert!(poll.failed(&busy, 0) >= Duration::from_secs(60));
        let absurd = refused(ErrorCode::Unavailable, Some(Duration::from_secs(1 << 40)));
        assert!(poll.failed(&absurd, 0) <= REFUSED.1 + AWAY.1);
    }
}
