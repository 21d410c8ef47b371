//! Bytes as a list of slices of shared chunks.
//!
//! In a mesh of a thousand sites every bundle consists, but for a few hundred bytes, of the same peer blocks.
//! So the blocks are rendered once into a chunk, a bundle is a list of [`Slice`]s of it, and only what is hashed or
//! sent is ever walked. Chunks go by their SHA-256, which is also how the store keeps them.
//!
//! Invariants: a slice lies within its chunk and is not empty; a rope's adjacent slices are never two halves of one.

mod draft;
mod read;
mod stored;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use patronus_types::Digest;

use crate::digest::{Hasher, Hashes, sha256, sha256_of};

pub use draft::Draft;
pub use read::Reader;
pub use stored::{ResolveError, SliceRef};

/// Immutable bytes with their digest, cheap to share.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    digest: Digest,
    data: Arc<[u8]>,
}

impl Chunk {
    /// Takes bytes and computes their digest.
    pub fn new(data: impl Into<Arc<[u8]>>) -> Self {
        let data = data.into();
        Self { digest: sha256(&data), data }
    }

    /// Takes bytes whose digest the caller has checked.
    pub fn checked(digest: Digest, data: Arc<[u8]>) -> Self {
        debug_assert_eq!(digest, sha256(&data), "a chunk goes by its digest");
        Self { digest, data }
    }

    /// The SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// A part of the chunk; none if it is empty or reaches beyond the end.
    pub fn slice(&self, range: Range<usize>) -> Option<Slice> {
        let fits = range.start < range.end && range.end <= self.data.len();
        fits.then(|| Slice { chunk: self.clone(), range })
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({}, {} bytes)", self.digest.short(), self.data.len())
    }
}

/// A part of a chunk, never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Slice {
    chunk: Chunk,
    range: Range<usize>,
}

impl Slice {
    /// The chunk it is a part of.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// Where in the chunk it lies.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.chunk.data[self.range.clone()]
    }

    /// Grows by `next` if that follows at once in the same chunk.
    fn join(&mut self, next: &Self) -> bool {
        let follows = self.range.end == next.range.start && self.chunk.digest == next.chunk.digest;
        if follows {
            self.range.end = next.range.end;
        }
        follows
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}[{:?}]", self.chunk, self.range)
    }
}

/// A sequence of bytes as slices of chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rope {
    slices: Vec<Slice>,
}

impl Rope {
    /// The slices in order.
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// Adds a slice at the end.
    pub fn push(&mut self, slice: Slice) {
        let joined = self.slices.last_mut().is_some_and(|last| last.join(&slice));
        if !joined {
            self.slices.push(slice);
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> u64 {
        let total: usize = self.slices.iter().map(|slice| slice.range.len()).sum();
        u64::try_from(total).unwrap_or(u64::MAX)
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The bytes one by one; for more than a look use [`Rope::reader`].
    pub fn bytes(&self) -> impl Iterator<Item = u8> {
        self.slices.iter().flat_map(Slice::bytes).copied()
    }

    /// All bytes in one piece of memory.
    pub fn to_vec(&self) -> Vec<u8> {
        self.slices.iter().map(Slice::bytes).collect::<Vec<_>>().concat()
    }

    /// Both digests, in one pass.
    pub fn hashes(&self) -> Hashes {
        let mut hasher = Hasher::default();
        self.slices.iter().for_each(|slice| hasher.update(slice.bytes()));
        hasher.finish()
    }

    /// The SHA-256 alone, for where nothing is signed.
    pub fn digest(&self) -> Digest {
        sha256_of(self.slices.iter().map(Slice::bytes))
    }

    /// Reads the bytes from the beginning.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.slices)
    }

    /// Writes all bytes, for example into a compressor.
    pub fn write_to(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        self.slices.iter().try_for_each(|slice| out.write_all(slice.bytes()))
    }
}

impl FromIterator<Slice> for Rope {
    fn from_iter<I: IntoIterator<Item = Slice>>(slices: I) -> Self {
        let mut rope = Self::default();
        slices.into_iter().for_each(|slice| rope.push(slice));
        rope
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;
    use crate::digest::hashes;

    #[test]
    fn a_slice_lies_within_its_chunk() {
        let chunk = Chunk::new(*b"hello");
        assert_eq!(chunk.slice(1..3).unwrap().bytes(), b"el");
        let reversed = Range { start: 3, end: 1 };
        for range in [0..0, 5..5, 0..6, usize::MAX - 1..usize::MAX, reversed] {
            assert_eq!(chunk.slice(range), None);
        }
    }

    #[test]
    fn halves_of_one_slice_become_whole() {
        let chunk = Chunk::new(*b"hello");
        let rope: Rope = [0..2, 2..5, 0..1].into_iter().filter_map(|range| chunk.slice(range)).collect();
        assert_eq!(rope.slices().len(), 2);
        assert_eq!(rope.to_vec(), b"helloh");
    }

    proptest! {
        #[test]
        fn every_way_to_read_gives_the_same_bytes(
            data in prop::collection::vec(any::<u8>(), 1..200),
            cuts in prop::collection::vec((0usize..200, 0usize..200), 0..20),
            window in 1usize..64,
        ) {
            let chunk = Chunk::new(data.clone());
            let expected: Vec<u8> = cuts.iter().filter_map(|&(start, end)| data.get(start..end)).flatten().copied().collect();
            let rope: Rope = cuts.iter().filter_map(|&(start, end)| chunk.slice(start..end)).collect();

            prop_assert_eq!(rope.to_vec(), expected.clone());
            prop_assert_eq!(rope.bytes().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(rope.len(), expected.len() as u64);
            prop_assert_eq!(rope.hashes(), hashes(&expected));
            prop_assert_eq!(rope.digest(), rope.hashes().digest);

            let mut read = Vec::new();
            let mut reader = rope.reader();
            let mut buffer = vec![0; window];
            loop {
                let n = reader.read(&mut buffer).unwrap();
                if n == 0 { break; }
                read.extend_from_slice(&buffer[..n]);
            }
            prop_assert_eq!(read, expected);
        }
    }
}
