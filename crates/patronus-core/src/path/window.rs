//! The last packets of one direction: which came, and which did not.

/// How many packets are remembered.
pub const LONG: u32 = 128;
/// Of how many the loss is told too where it is worse: a path that has just become bad is left before the long window is full.
pub const SHORT: u32 = 32;
/// Fewer losses among the short window's packets may be chance: with 1 % of random loss three come once in a quarter of an
/// hour at 100 ms, with 20 % within 3 s.
const SHORT_LEAST: u32 = 3;

/// A sliding window over the last 128 packets, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Bit n is the packet n before the newest; set where it came.
    came: u128,
    len: u32,
}

impl Window {
    /// Adds `lost` packets that did not come, and then `came` that did.
    pub fn push(&mut self, lost: u32, came: u32) {
        self.shift(lost);
        self.shift(came);
        self.came |= ones(came);
    }

    /// A packet came out of order, `back` before the newest.
    pub fn repair(&mut self, back: u32) {
        if back < self.len {
            self.came |= 1 << back;
        }
    }

    /// The newest came so late that it counts as lost.
    pub fn spoil(&mut self) {
        self.came &= !1;
    }

    /// Whether the packet that is `back` before the newest came; none where it is not remembered.
    pub fn get(&self, back: u32) -> Option<bool> {
        (back < self.len).then(|| self.came >> back & 1 == 1)
    }

    /// So many of those that seemed lost came out of order; the newest are meant.
    pub fn forgive(&mut self, count: u32) {
        for _ in 0..count.min(self.lost(self.len)) {
            // Adding one carries up to the lowest bit that is not set.
            self.came |= self.came.wrapping_add(1);
        }
    }

    /// How many packets it knows of, at most 128.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether it knows of none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The share lost, 0 to 1: of all that is remembered, or of the last 32 where that is worse and they are at least three.
    /// Until there have been 32, it is as if those missing had come, so that one loss among the first is no verdict.
    pub fn loss(&self) -> f32 {
        let long = ratio(self.lost(self.len), self.len.max(SHORT));
        match self.lost(self.len.min(SHORT)) {
            few if few < SHORT_LEAST => long,
            lost => long.max(ratio(lost, SHORT)),
        }
    }

    fn lost(&self, last: u32) -> u32 {
        last - (self.came & ones(last)).count_ones()
    }

    fn shift(&mut self, by: u32) {
        self.came = self.came.checked_shl(by).unwrap_or(0);
        self.len = self.len.saturating_add(by).min(LONG);
    }
}

/// The lowest `count` bits set.
fn ones(count: u32) -> u128 {
    1u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
}

#[allow(clippy::cast_precision_loss, reason = "both are at most 128")]
fn ratio(part: u32, whole: u32) -> f32 {
    part as f32 / whole as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(packets: &[(u32, u32)]) -> Window {
        let mut window = Window::default();
        packets.iter().for_each(|&(lost, came)| window.push(lost, came));
        window
    }

    #[test]
    fn the_worse_of_both_windows_counts() {
        for (packets, loss) in [
            (&[][..], 0.0),
            (&[(0, 1)], 0.0),
            (&[(1, 1)], 1.0 / 32.0),
            (&[(0, 128)], 0.0),
            (&[(2, 126)], 2.0 / 128.0),
            (&[(0, 100), (2, 10)], 2.0 / 112.0),
            (&[(0, 100), (3, 10)], 3.0 / 32.0),
            (&[(0, 100), (6, 24), (0, 32)], 6.0 / 128.0),
            (&[(128, 0)], 1.0),
            (&[(0, 128), (5000, 0)], 1.0),
            (&[(5000, 128)], 0.0),
        ] {
            assert!((of(packets).loss() - loss).abs() < 1e-6, "{packets:?}: {}", of(packets).loss());
        }
    }

    #[test]
    fn what_came_late_is_not_lost() {
        let mut window = of(&[(0, 4), (2, 3)]);
        assert_eq!((window.get(2), window.get(3), window.get(4), window.get(5), window.get(9)), {
            (Some(true), Some(false), Some(false), Some(true), None)
        });
        window.repair(3);
        assert_eq!(window, of(&[(0, 4), (1, 4)]));
        window.forgive(7);
        assert_eq!(window, of(&[(0, 9)]));
        window.repair(200);
        assert_eq!(window, of(&[(0, 9)]));
        window.spoil();
        assert_eq!(window, of(&[(0, 8), (1, 0)]));
    }

    proptest! {
        #[test]
        fn a_window_is_a_list_of_the_last(steps in prop::collection::vec((0u32..200, 0u32..200), 0..20), back in 0u32..140) {
            let mut list: Vec<bool> = Vec::new();
            let mut window = Window::default();
            for (lost, came) in steps {
                list.extend((0..lost).map(|_| false).chain((0..came).map(|_| true)));
                window.push(lost, came);
            }
            list.reverse();
            list.truncate(128);
            prop_assert_eq!(window.len() as usize, list.len());
            prop_assert_eq!(window.get(back), list.get(back as usize).copied());
            prop_assert_eq!(window.lost(window.len()) as usize, list.iter().filter(|came| !**came).count());
            prop_assert!((0.0..=1.0).contains(&window.loss()));
        }

        #[test]
        fn one_more_loss_is_never_less(packets in prop::collection::vec(any::<bool>(), 0..128), lose in any::<prop::sample::Index>()) {
            let of = |packets: &[bool]| {
                let mut window = Window::default();
                packets.iter().for_each(|&came| window.push(u32::from(!came), u32::from(came)));
                window.loss()
            };
            let before = of(&packets);
            let mut packets = packets;
            if !packets.is_empty() {
                let index = lose.index(packets.len());
                packets[index] = false;
            }
            prop_assert!(of(&packets) >= before);
        }
    }
}
