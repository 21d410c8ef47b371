//! Numbers that look random and are the same for the same seed.

use std::ops::Range;
use std::time::Duration;

/// A row of numbers (SplitMix64: Steele, Lea and Flood 2014).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// The row of a seed, and of what it is for: what is drawn for one purpose does not change what is for another.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut this = Self(seed ^ purpose.wrapping_mul(0xd134_2543_de82_ef95));
        this.next_u64();
        this
    }

    /// The next.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next, in a range; its start where it is empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        let span = range.end.saturating_sub(range.start);
        let part = (u128::from(self.next_u64()) * u128::from(span)) >> 64;
        range.start + u64::try_from(part).unwrap_or_default()
    }

    /// Whether something comes about that does in this share of cases.
    pub fn chance(&mut self, share: f64) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "53 bits are enough for any share")]
        let drawn = (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        drawn < share
    }

    /// A time up to, and without, the longest.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_nanos(self.within(0..u64::try_from(most.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// A whole number of milliseconds.
    pub fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// One of several; none of none.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.within(0..list.len() as u64)).unwrap_or_default();
        list.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_row_and_another_purpose_another() {
        let row = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            std::array::from_fn::<u64, 4, _>(|_| random.next_u64())
        };
        assert_eq!(row(1, 2), row(1, 2));
        assert!(row(1, 2) != row(1, 3) && row(1, 2) != row(2, 2) && row(1, 2) != row(2, 1));
    }

    #[test]
    fn shares_and_ranges_are_kept() {
        let mut random = Random::new(7, 7);
        let hits = (0..10_000).filter(|_| random.chance(0.2)).count();
        assert!((1900..2100).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| (5..9).contains(&random.within(5..9))));
        assert_eq!((random.within(5..5), random.pick::<u8>(&[])), (5, None));
        assert!(!random.chance(0.0) && random.chance(1.0));
    }
}
