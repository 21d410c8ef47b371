//! Several blocks of one site as one.

use std::collections::BTreeMap;

use super::{Summary, encode};

/// Where a path stands in a block: 16 times the place of its site in a list, and 4 times the index of the local uplink, and that
/// of the far one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The place of the other site in a list that goes with the block.
    pub place: u32,
    /// Index of the local uplink, 0 to 3.
    pub local: u8,
    /// Index of the far one, 0 to 3.
    pub remote: u8,
}

impl Key {
    /// As a number; the largest one for a place that no list has.
    pub fn number(self) -> u32 {
        let low = 4 * u32::from(self.local & 3) + u32::from(self.remote & 3);
        self.place.checked_mul(16).map_or(u32::MAX, |high| high | low)
    }
}

impl From<u32> for Key {
    fn from(number: u32) -> Self {
        let [low, ..] = number.to_le_bytes();
        Self { place: number / 16, local: low >> 2 & 3, remote: low & 3 }
    }
}

/// The rows of a block with the sites by whose places its keys go.
pub type Rows<P> = (Vec<P>, Vec<(u32, Summary)>);

/// Joins the rows of several blocks, each with its list of sites, into one block with a list of its own. Rows whose site is not in
/// their list are left out.
pub fn fold<P: Ord + Copy>(blocks: &[Rows<P>]) -> (Vec<P>, Vec<u8>) {
    let mut rows: BTreeMap<(P, u8, u8), Summary> = BTreeMap::new();
    for (peers, of_block) in blocks {
        for (number, summary) in of_block {
            let Key { place, local, remote } = Key::from(*number);
            let peer = usize::try_from(place).ok().and_then(|place| peers.get(place));
            if let Some(peer) = peer {
                rows.entry((*peer, local, remote)).or_default().merge(summary);
            }
        }
    }
    let mut peers: Vec<P> = Vec::new();
    let mut numbered = Vec::with_capacity(rows.len());
    for ((peer, local, remote), summary) in rows {
        if peers.last() != Some(&peer) {
            peers.push(peer);
        }
        let place = u32::try_from(peers.len() - 1).unwrap_or(u32::MAX);
        numbered.push((Key { place, local, remote }.number(), summary));
    }
    (peers, encode(&numbered))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::decode;
    use super::*;

    #[test]
    fn minutes_with_different_lists_become_one_hour() {
        let trip = |millis: u64| {
            let mut summary = Summary::default();
            summary.add_trip(Duration::from_millis(millis), Duration::ZERO);
            summary
        };
        let key = |place, local, remote| Key { place, local, remote }.number();
        let first = (vec!['b', 'a'], vec![(key(0, 0, 0), trip(10)), (key(1, 3, 2), trip(7))]);
        let second = (vec!['a', 'b'], vec![(key(0, 3, 2), trip(9)), (key(1, 0, 0), trip(20)), (key(7, 0, 0), trip(1))]);
        let (peers, block) = fold(&[first, second]);
        let rows = decode(&block).unwrap();
        assert_eq!(peers, ['a', 'b']);
        let told: Vec<_> = rows.iter().map(|(number, it)| (Key::from(*number), it.trips, it.latency_sum_us)).collect();
        let (one, two) = (Key { place: 0, local: 3, remote: 2 }, Key { place: 1, local: 0, remote: 0 });
        assert_eq!(told, [(one, 2, 16_000), (two, 2, 30_000)]);
        assert_eq!(fold::<u8>(&[]), (Vec::new(), encode(&[])));
    }

    #[test]
    fn a_key_is_a_number_and_back() {
        for place in [0, 1, 999, 1_000_000] {
            for low in 0..16u8 {
                let key = Key { place, local: low / 4, remote: low % 4 };
                assert_eq!(Key::from(key.number()), key);
            }
        }
        assert_eq!(Key { place: u32::MAX, local: 0, remote: 0 }.number(), u32::MAX);
    }
}
