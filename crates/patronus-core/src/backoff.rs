//! Waiting between attempts: exponential with full jitter.
//!
//! After the n-th failure the wait is drawn evenly from zero to the ceiling `base · 2ⁿ⁻¹`, never above `cap`.
//! The whole range, and not a band at its end, because a thousand agents that lost the same server at the same
//! moment must not come back together. Memory is two durations and a counter, however long it goes on.

use std::time::Duration;

/// The state of one thing that is tried again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with a ceiling of `base` and doubles it up to `cap`.
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self { base: base.min(cap), cap, failures: 0 }
    }

    /// Records a failure and says how long to wait; `random` is any evenly distributed number.
    pub fn fail(&mut self, random: u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        scale(self.ceiling(), random)
    }

    /// The same for a peer that named a time to wait (`Retry-After`): that time, and the jitter on top.
    pub fn fail_after(&mut self, at_least: Duration, random: u64) -> Duration {
        at_least.saturating_add(self.fail(random))
    }

    /// Records a success: the next failure starts over.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The longest wait after the failures so far.
    pub fn ceiling(&self) -> Duration {
        let factor = 2u32.checked_pow(self.failures.saturating_sub(1));
        factor.and_then(|factor| self.base.checked_mul(factor)).unwrap_or(self.cap).min(self.cap)
    }
}

/// The part `random / 2⁶⁴` of a duration, in whole nanoseconds.
fn scale(duration: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let part = (u128::from(nanos) * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: Duration = Duration::from_millis(500);
    const CAP: Duration = Duration::from_secs(60);

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let mut backoff = Backoff::new(BASE, CAP);
        let ceilings: Vec<u128> = (0..9)
            .map(|_| {
                backoff.fail(0);
                backoff.ceiling().as_millis()
            })
            .collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    }

    #[test]
    fn the_whole_range_is_used() {
        assert_eq!(Backoff::new(BASE, CAP).fail(0), Duration::ZERO);
        assert_eq!(Backoff::new(BASE, CAP).fail(1 << 63), BASE / 2);
        assert!(BASE - Backoff::new(BASE, CAP).fail(u64::MAX) <= Duration::from_nanos(1));
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_ceiling_and_more_chance_is_a_longer_wait(
            base in 0u64..100_000, cap in 0u64..10_000_000, rounds in 1u32..200, low: u64, high: u64,
        ) {
            let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap));
            let mut one = Backoff::new(base, cap);
            let mut other = one.clone();
            let mut ceiling_before = Duration::ZERO;
            for _ in 0..rounds {
                let (short, long) = (one.fail(low.min(high)), other.fail(low.max(high)));
                prop_assert!(short <= long && long <= one.ceiling() && one.ceiling() <= cap);
                prop_assert!(one.ceiling() >= ceiling_before);
                ceiling_before = one.ceiling();
            }
        }

        #[test]
        fn a_success_starts_over(failures in 0u32..1000, random: u64) {
            let mut backoff = Backoff::new(BASE, CAP);
            (0..failures).for_each(|_| { backoff.fail(random); });
            backoff.reset();
            prop_assert_eq!(&backoff, &Backoff::new(BASE, CAP));
        }

        #[test]
        fn a_named_time_is_kept(at_least in 0u64..1_000_000, random: u64) {
            let at_least = Duration::from_millis(at_least);
            let wait = Backoff::new(BASE, CAP).fail_after(at_least, random);
            prop_assert!(wait >= at_least && wait <= at_least + BASE);
        }

        #[test]
        fn no_time_overflows(base: u64, cap: u64, rounds in 0u32..100, random: u64) {
            let mut backoff = Backoff::new(Duration::from_secs(base), Duration::from_secs(cap));
            for _ in 0..rounds {
                prop_assert!(backoff.fail_after(Duration::MAX, random) == Duration::MAX);
            }
        }
    }
}
