//! How often each path is measured, and when its next packet goes.
//!
//! Where traffic flows and another path could take it over, often; otherwise each second; after an hour without traffic each
//! ten. What all of an uplink's paths take together keeps within a budget: paths that carry nothing are measured less often
//! first, and none less often than each ten seconds.

use std::time::Duration;

/// Bytes of one packet on the wire, IPv4 outside and inside.
pub const WIRE_LEN: u32 = 140;
/// Without traffic, and without a choice.
pub const RELAXED: Duration = Duration::from_secs(1);
/// After [`IDLE_AFTER`], and where a budget leaves no more.
pub const IDLE: Duration = Duration::from_secs(10);
/// For how long there was no traffic on a path that is idle.
pub const IDLE_AFTER: Duration = Duration::from_secs(3600);
/// For how long traffic is said to flow after some did.
pub const FLOWS_FOR: Duration = Duration::from_secs(10);
/// For how long a used path that lost a packet is measured twice as often: what begins to lose is known sooner for it.
pub const DOUBT: Duration = Duration::from_secs(3);
/// But no packet goes sooner after another: the shortest interval of a network.
pub const SHORTEST: Duration = Duration::from_millis(20);
/// How many paths of an interface are measured in one burst, where not all of them are due each time: one burst costs much
/// less than its packets one by one, and a thousand at once would fill a small uplink's queue.
const BURST: usize = 32;

/// How much a path's measurement is worth, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// It carries traffic that another could take over.
    Used,
    /// It could take that over.
    Standby,
    /// No traffic flows, or it has no alternative.
    Relaxed,
    /// There has been no traffic for an hour.
    Idle,
}

impl Worth {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Used, Self::Standby, Self::Relaxed, Self::Idle];

    /// Of a path to a site with so many paths, of which this one is or is not used; `quiet` is the time without traffic.
    pub fn of(paths: usize, is_used: bool, quiet: Duration) -> Self {
        match quiet {
            _ if quiet >= IDLE_AFTER => Self::Idle,
            _ if quiet >= FLOWS_FOR || paths < 2 => Self::Relaxed,
            _ if is_used => Self::Used,
            _ => Self::Standby,
        }
    }

    /// Its place in [`Worth::ALL`].
    pub fn index(self) -> usize {
        match self {
            Self::Used => 0,
            Self::Standby => 1,
            Self::Relaxed => 2,
            Self::Idle => 3,
        }
    }

    fn wanted(self, base: Duration) -> Duration {
        match self {
            Self::Used | Self::Standby => base,
            Self::Relaxed => base.max(RELAXED),
            Self::Idle => IDLE,
        }
    }
}

/// The intervals of one uplink's paths, by [`Worth::index`], each a multiple of `base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// By worth.
    pub of: [Duration; 4],
    /// Whether the paths take more than the budget even so.
    pub over_budget: bool,
    /// Whether it has room to measure each path that is used twice as often.
    pub room_to_double: bool,
}

/// Shares a budget of `kbps` among so many paths of each worth: what each ten seconds takes is given to all, the rest in
/// order of worth. `base` is the network's interval, 20 ms to 10 s.
pub fn intervals(count: [usize; 4], base: Duration, kbps: u32) -> Intervals {
    let per_second = f64::from(kbps) * 1000.0 / f64::from(8 * WIRE_LEN);
    let least = 1.0 / IDLE.as_secs_f64();
    let all: usize = count.iter().sum();
    let mut left = per_second - number(all) * least;
    let over_budget = left < 0.0;
    let of = Worth::ALL.map(|worth| {
        let paths = number(count[worth.index()]);
        let wanted = 1.0 / worth.wanted(base).as_secs_f64() - least;
        let given = (left.max(0.0) / paths.max(1.0)).min(wanted).max(0.0);
        left -= given * paths;
        round(Duration::from_secs_f64(1.0 / (least + given)), base)
    });
    let room_to_double = left >= number(count[Worth::Used.index()]) / of[Worth::Used.index()].as_secs_f64();
    Intervals { of, over_budget, room_to_double }
}

/// Up to the next multiple of `base`, but not above the longest one.
fn round(interval: Duration, base: Duration) -> Duration {
    // A nanosecond of rounding is not a whole interval more.
    let multiple =
        |duration: Duration| duration.saturating_sub(Duration::from_micros(1)).as_nanos() / base.as_nanos().max(1) + 1;
    let most = (IDLE.as_nanos() / base.as_nanos().max(1)).max(1);
    base * u32::try_from(multiple(interval).min(most)).unwrap_or(1)
}

#[allow(clippy::cast_precision_loss, reason = "a number of paths")]
fn number(count: usize) -> f64 {
    count as f64
}

/// When the packets of one interface's paths go: on a grid that begins at the interface's own phase, so that those of
/// several paths go in one burst, and interfaces not all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    phase: Duration,
    base: Duration,
}

impl Grid {
    /// `random` is any evenly distributed number.
    pub fn new(base: Duration, random: u64, now: Duration) -> Self {
        let nanos = u64::try_from(base.as_nanos()).unwrap_or(u64::MAX);
        let part = u64::try_from((u128::from(nanos) * u128::from(random)) >> 64).unwrap_or_default();
        Self { phase: now + Duration::from_nanos(part), base }
    }

    /// When the `path`-th of the interface's paths is next due after `now`. Not before its interval, which is a multiple of
    /// the grid's, has its turn; at most 32 of the paths have the same.
    pub fn next(&self, path: usize, interval: Duration, now: Duration) -> Duration {
        let turns = (interval.as_nanos() / self.base.as_nanos().max(1)).max(1);
        let turn = u32::try_from((path / BURST) as u128 % turns).unwrap_or_default();
        let first = (self.phase + self.base * turn).as_nanos() % interval.as_nanos().max(1);
        let passed = (now + interval).as_nanos().saturating_sub(first) % interval.as_nanos().max(1);
        now + interval - Duration::from_nanos(u64::try_from(passed).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: Duration = Duration::from_millis(100);

    fn millis(count: [usize; 4], kbps: u32) -> ([u128; 4], bool) {
        let Intervals { of, over_budget, .. } = intervals(count, BASE, kbps);
        (of.map(|interval| interval.as_millis()), over_budget)
    }

    #[test]
    fn what_is_worth_the_least_waits_first() {
        // A thousand packets a second are 1.12 Mbit/s.
        for (count, kbps, wanted) in [
            ([0, 0, 0, 0], 1000, ([100, 100, 1000, 10_000], false)),
            ([4, 12, 100, 800], 1000, ([100, 100, 1000, 10_000], false)),
            ([0, 0, 999, 0], 1000, ([100, 100, 1200, 10_000], false)),
            ([50, 50, 100, 0], 1000, ([100, 200, 10_000, 10_000], false)),
            ([50, 150, 800, 0], 1000, ([100, 500, 10_000, 10_000], false)),
            ([2, 6, 0, 0], 32, ([100, 700, 10_000, 10_000], false)),
            ([1, 0, 200, 0], 32, ([200, 10_000, 10_000, 10_000], false)),
            ([1, 0, 500, 0], 32, ([10_000, 10_000, 10_000, 10_000], true)),
        ] {
            let (got, over_budget) = millis(count, kbps);
            for worth in (0..4).filter(|worth| count[*worth] > 0) {
                assert_eq!(got[worth], wanted.0[worth], "{count:?}: {got:?}");
            }
            assert_eq!(over_budget, wanted.1, "{count:?}");
        }
    }

    #[test]
    fn used_paths_are_doubled_only_within_the_budget() {
        for (count, kbps, wanted) in [
            ([4, 12, 100, 800], 1000, true),
            ([4, 12, 700, 0], 1000, false),
            ([40, 40, 0, 0], 1000, false),
            ([1, 0, 0, 0], 32, true),
            ([2, 6, 0, 0], 32, false),
        ] {
            assert_eq!(intervals(count, BASE, kbps).room_to_double, wanted, "{count:?}");
        }
    }

    #[test]
    fn worth_is_choice_and_traffic() {
        let s = Duration::from_secs;
        for (paths, is_used, quiet, worth) in [
            (2, true, s(0), Worth::Used),
            (2, false, s(9), Worth::Standby),
            (1, true, s(0), Worth::Relaxed),
            (4, true, s(10), Worth::Relaxed),
            (4, true, s(3599), Worth::Relaxed),
            (4, true, s(3600), Worth::Idle),
        ] {
            assert_eq!(Worth::of(paths, is_used, quiet), worth);
        }
    }

    #[test]
    fn a_thousand_paths_go_in_bursts_of_32() {
        let grid = Grid::new(BASE, 1 << 62, Duration::from_secs(5));
        let mut due: Vec<Duration> =
            (0..1000).map(|path| grid.next(path, Duration::from_secs(10), Duration::from_secs(90))).collect();
        due.sort();
        let bursts: Vec<usize> = due.chunk_by(|a, b| a == b).map(<[_]>::len).collect();
        assert!(bursts.len() == 32 && bursts.iter().all(|burst| *burst <= 32), "{bursts:?}");
    }

    proptest! {
        #[test]
        fn the_budget_is_kept(count: [u8; 4], many in 0usize..1000, kbps in 1u32..2000, base in 20u64..10_000) {
            let mut count = count.map(usize::from);
            count[2] += many;
            let base = Duration::from_millis(base);
            let Intervals { of, over_budget, .. } = intervals(count, base, kbps);
            let packets: f64 = count.iter().zip(of).map(|(count, interval)| *count as f64 / interval.as_secs_f64()).sum();
            let longest = base * u32::try_from(IDLE.as_nanos() / base.as_nanos()).unwrap();
            // Rounding the longest down to a multiple of the base can take half as much again, for bases above a second.
            prop_assert!(over_budget || packets * 1.12 <= f64::from(kbps) * IDLE.as_secs_f64() / longest.as_secs_f64() + 0.01);
            prop_assert!(of.iter().all(|interval| *interval >= base && *interval <= IDLE && interval.as_nanos() % base.as_nanos() == 0));
            prop_assert!(of.windows(2).all(|pair| pair[0] <= pair[1]));
        }

        #[test]
        fn the_next_is_within_an_interval_and_then_regular(random: u64, path in 0usize..1000, turns in 1u32..100, now in 0u64..100_000) {
            let grid = Grid::new(BASE, random, Duration::from_secs(7));
            let (interval, now) = (BASE * turns, Duration::from_millis(now));
            let next = grid.next(path, interval, now);
            prop_assert!(next > now && next <= now + interval, "{next:?} after {now:?}");
            prop_assert_eq!(grid.next(path, interval, next), next + interval);
        }
    }
}
