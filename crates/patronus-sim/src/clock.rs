//! Virtual time: a queue of what is to happen, and clocks that differ from it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// What is to happen, in the order of time; of two things at one time, in the order in which they were put in.
#[derive(Debug, Clone)]
pub struct Queue<E> {
    now: Duration,
    entries: BinaryHeap<Entry<E>>,
    sequence: u64,
}

#[derive(Debug, Clone)]
struct Entry<E> {
    at: Duration,
    sequence: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { now: Duration::ZERO, entries: BinaryHeap::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// The time, which is that of the event taken last.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Puts something in. What should have happened before happens next.
    pub fn push(&mut self, at: Duration, event: E) {
        self.sequence += 1;
        self.entries.push(Entry { at: at.max(self.now), sequence: self.sequence, event });
    }

    /// Takes what happens next, unless that is after `until`; then it is that time.
    pub fn pop(&mut self, until: Duration) -> Option<E> {
        match self.entries.peek() {
            Some(next) if next.at <= until => {
                let next = self.entries.pop()?;
                self.now = next.at;
                Some(next.event)
            }
            _ => {
                self.now = self.now.max(until);
                None
            }
        }
    }
}

impl<E> Ord for Entry<E> {
    /// The heap gives the greatest first, so the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Entry<E> {}

/// The clock of one host: it began somewhere, is a little fast, and can be set forward or stand still, but never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Where it stood at `since`.
    base: Duration,
    since: Duration,
    /// By how many millionths it is fast.
    fast_ppm: u32,
}

const MILLION: u64 = 1_000_000;

impl Clock {
    /// A clock that stands at `base` when the world begins.
    pub fn new(base: Duration, fast_ppm: u32) -> Self {
        Self { base, since: Duration::ZERO, fast_ppm }
    }

    /// What it shows.
    pub fn read(&self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.since);
        let ahead = u128::from(nanos(passed)) * u128::from(self.fast_ppm) / u128::from(MILLION);
        self.base + passed + Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX))
    }

    /// The earliest time at which it shows `shown` or more.
    pub fn when(&self, shown: Duration) -> Duration {
        let ahead = shown.saturating_sub(self.base);
        let passed = u128::from(nanos(ahead)) * u128::from(MILLION) / u128::from(MILLION + u64::from(self.fast_ppm));
        let at = self.since + Duration::from_nanos(u64::try_from(passed).unwrap_or(u64::MAX));
        // Rounding is less than two nanoseconds.
        (0..3).map(|late| at + Duration::from_nanos(late)).find(|at| self.read(*at) >= shown).unwrap_or(at)
    }

    /// It leaps ahead.
    pub fn leap(&mut self, by: Duration, now: Duration) {
        (self.base, self.since) = (self.read(now) + by, now);
    }

    /// It stands still until `until`.
    pub fn stop(&mut self, until: Duration, now: Duration) {
        (self.base, self.since) = (self.read(now), until);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_happens_at_once_happens_in_order_and_nothing_in_the_past() {
        let mut queue = Queue::default();
        [(3, 'c'), (1, 'a'), (3, 'd'), (1, 'b')].into_iter().for_each(|(at, event)| queue.push(MS * at, event));
        assert_eq!((queue.pop(MS * 2), queue.pop(MS * 2), queue.pop(MS * 2)), (Some('a'), Some('b'), None));
        assert_eq!(queue.now(), MS * 2);
        queue.push(MS, 'x');
        assert_eq!((queue.pop(MS * 9), queue.now()), (Some('x'), MS * 2));
        assert_eq!((queue.pop(MS * 9), queue.pop(MS * 9), queue.now()), (Some('c'), Some('d'), MS * 3));
    }

    #[test]
    fn a_clock_leaps_and_stands_still_and_never_goes_back() {
        let mut clock = Clock::new(MS * 77, 150);
        assert_eq!(clock.read(MS * 1_000_000), MS * 1_000_227);
        clock.leap(MS * 500, MS * 1_000_000);
        assert_eq!(clock.read(MS * 1_000_000), MS * 1_000_727);
        clock.stop(MS * 1_005_000, MS * 1_000_000);
        assert_eq!(clock.read(MS * 1_004_000), MS * 1_000_727);
        assert_eq!(clock.read(MS * 2_005_000), MS * 2_000_877);
        for shown in [1_000_727, 1_000_729, 1_234_567, 9_999_999].map(|shown| MS * shown) {
            let when = clock.when(shown);
            assert!(
                clock.read(when) >= shown && clock.read(when - Duration::from_nanos(2)) < shown
                    || when == MS * 1_005_000
            );
        }
    }
}
