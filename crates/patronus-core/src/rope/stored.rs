//! A rope as the store keeps it: chunks by digest, and a list of places in them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use patronus_types::Digest;
use serde::{Deserialize, Serialize};

use super::{Chunk, Rope, Slice};

/// One slice of a stored rope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceRef {
    /// The chunk's digest.
    pub chunk: Digest,
    /// Where in the chunk it begins.
    pub offset: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// A stored rope that does not fit its chunks: the store is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such chunk.
    #[error("chunk {0} is missing from the store; restore it from a backup or publish again")]
    Missing(Digest),
    /// A slice reaches beyond its chunk.
    #[error("a slice of chunk {0} reaches beyond its end; restore the store from a backup or publish again")]
    Range(Digest),
}

impl Rope {
    /// The slices as they are stored.
    pub fn refs(&self) -> Vec<SliceRef> {
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.slices()
            .iter()
            .map(|slice| SliceRef {
                chunk: slice.chunk.digest,
                offset: number(slice.range.start),
                len: number(slice.range.len()),
            })
            .collect()
    }

    /// The chunks the rope needs, each once.
    pub fn chunks(&self) -> BTreeMap<Digest, Chunk> {
        self.slices().iter().map(|slice| (slice.chunk.digest, slice.chunk.clone())).collect()
    }

    /// Makes a rope from stored slices; `chunk` finds a chunk by its digest and is asked once for each.
    pub fn resolve(refs: &[SliceRef], mut chunk: impl FnMut(Digest) -> Option<Chunk>) -> Result<Self, ResolveError> {
        let mut found: BTreeMap<Digest, Chunk> = BTreeMap::new();
        let mut rope = Self::default();
        for place in refs {
            let chunk = match found.entry(place.chunk) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let chunk = chunk(place.chunk).filter(|chunk| chunk.digest == place.chunk);
                    unknown.insert(chunk.ok_or(ResolveError::Missing(place.chunk))?)
                }
            };
            rope.push(place.of(chunk).ok_or(ResolveError::Range(place.chunk))?);
        }
        Ok(rope)
    }
}

impl SliceRef {
    fn of(&self, chunk: &Chunk) -> Option<Slice> {
        let start = usize::try_from(self.offset).ok()?;
        let end = start.checked_add(usize::try_from(self.len).ok()?)?;
        chunk.slice(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope() -> Rope {
        let (one, two) = (Chunk::new(*b"one"), Chunk::new(*b"two"));
        [one.slice(0..3), two.slice(1..3), one.slice(2..3)].into_iter().flatten().collect()
    }

    #[test]
    fn a_stored_rope_comes_back() {
        let chunks = rope().chunks();
        let mut asked = 0;
        let back = Rope::resolve(&rope().refs(), |digest| {
            asked += 1;
            chunks.get(&digest).cloned()
        });
        assert_eq!(back.unwrap(), rope());
        assert_eq!(asked, 2);
    }

    #[test]
    fn a_damaged_store_is_noticed() {
        let refs = rope().refs();
        assert_eq!(Rope::resolve(&refs, |_| None), Err(ResolveError::Missing(refs[0].chunk)));
        assert_eq!(Rope::resolve(&refs, |_| Some(Chunk::new(*b"other"))), Err(ResolveError::Missing(refs[0].chunk)));
        for (offset, len) in [(0, 4), (0, 0), (u64::MAX, 1), (1, u64::MAX)] {
            let place = SliceRef { offset, len, ..refs[0] };
            assert_eq!(Rope::resolve(&[place], |_| Some(Chunk::new(*b"one"))), Err(ResolveError::Range(place.chunk)));
        }
    }
}
