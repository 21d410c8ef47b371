//! Pieces of text rendered one after the other into one chunk, of which sites take all but a few.

use std::ops::Range;

use crate::rope::{Chunk, Draft};

/// The pieces. Each begins with its separator, if there is one.
pub(super) struct Strip {
    chunk: Chunk,
    /// Where each piece begins, and the end of the last.
    bounds: Vec<usize>,
}

impl Strip {
    pub(super) fn new(pieces: impl Iterator<Item = String>) -> Self {
        let mut text = String::new();
        let mut bounds = vec![0];
        for piece in pieces {
            text.push_str(&piece);
            bounds.push(text.len());
        }
        Self { chunk: Chunk::new(text.into_bytes()), bounds }
    }

    /// Adds all pieces; the first without its separator of `separator` bytes.
    pub(super) fn put_all(&self, draft: &mut Draft, separator: usize) {
        self.put(draft, std::slice::from_ref(&(0..self.bounds.len() - 1)), separator);
    }

    /// Adds the pieces of some ranges of places; the first of them without its separator of `separator` bytes.
    pub(super) fn put(&self, draft: &mut Draft, places: &[Range<usize>], separator: usize) {
        let mut skip = separator;
        for range in places {
            let bounds = self.bounds.get(range.start).zip(self.bounds.get(range.end));
            let Some((&start, &end)) = bounds else { continue };
            if let Some(slice) = self.chunk.slice(start + skip..end) {
                draft.push_slice(slice);
                skip = 0;
            }
        }
    }
}
