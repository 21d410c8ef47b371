//! Chunks that were read lately.
//!
//! The bundles of a release share their chunks, and its agents ask for all of them at once: read and checked anew for
//! each, the chunks of a large network would cost more than all else together. What is kept was checked when it was read.
//! Never more than a bounded number of bytes, the longest unused going first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patronus_types::Digest;

use crate::Chunk;

/// The chunks of a few releases of a network of a thousand sites.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The chunks; a clone shares them.
#[derive(Clone, Default)]
pub(in crate::sqlite) struct Kept(Arc<Mutex<VecDeque<Chunk>>>);

impl Kept {
    /// A chunk, if it is kept.
    pub(super) fn get(&self, digest: Digest) -> Option<Chunk> {
        let mut chunks = self.locked();
        let index = chunks.iter().rposition(|chunk| chunk.digest == digest)?;
        let chunk = chunks.remove(index)?;
        chunks.push_back(chunk.clone());
        Some(chunk)
    }

    /// Keeps a chunk whose digest was checked.
    pub(super) fn put(&self, chunk: &Chunk) {
        let mut chunks = self.locked();
        if chunks.iter().any(|kept| kept.digest == chunk.digest) {
            return;
        }
        chunks.push_back(chunk.clone());
        let mut bytes: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
        while bytes > MOST_BYTES {
            bytes -= chunks.pop_front().map_or(bytes, |chunk| chunk.bytes.len());
        }
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Chunk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: u8, bytes: usize) -> Chunk {
        Chunk { digest: Digest([name; 32]), bytes: vec![name; bytes].into() }
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let kept = Kept::default();
        let third = MOST_BYTES / 3;
        (1..=3).for_each(|name| kept.put(&chunk(name, third)));
        assert!(kept.get(Digest([1; 32])).is_some());
        kept.put(&chunk(4, third));
        let there = [1, 2, 3, 4].map(|name| kept.get(Digest([name; 32])).is_some());
        assert_eq!(there, [true, false, true, true]);
        kept.put(&chunk(5, MOST_BYTES + 1));
        assert!(kept.locked().is_empty(), "what is larger than all room is not kept");
    }

    #[test]
    fn a_chunk_is_kept_once() {
        let kept = Kept::default();
        (0..3).for_each(|_| kept.put(&chunk(1, 5)));
        assert_eq!(kept.locked().len(), 1);
    }
}
