//! A rope in the making: slices of shared chunks, and bytes of its own between them.

use std::fmt;
use std::io;
use std::ops::Range;

use super::{Chunk, Rope, Slice};

/// Collects shared slices and private bytes; all private bytes end up in one chunk.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    own: Vec<u8>,
    parts: Vec<Part>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Part {
    Shared(Slice),
    /// A range of `own`.
    Own(Range<usize>),
}

impl Draft {
    /// The number of bytes so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds private bytes.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        let start = self.own.len();
        self.own.extend_from_slice(bytes);
        self.push_own(start..self.own.len());
    }

    /// Adds a part of a shared chunk.
    pub fn push_slice(&mut self, slice: Slice) {
        self.len += slice.bytes().len();
        self.parts.push(Part::Shared(slice));
    }

    /// Adds another draft; its private bytes become private bytes of this one.
    pub fn push_draft(&mut self, other: Self) {
        let base = self.own.len();
        self.own.extend_from_slice(&other.own);
        for part in other.parts {
            match part {
                Part::Shared(slice) => self.push_slice(slice),
                Part::Own(range) => self.push_own(base + range.start..base + range.end),
            }
        }
    }

    /// Makes the private chunk and the rope.
    pub fn seal(self) -> Rope {
        let own = Chunk::new(self.own);
        let slice = |part| match part {
            Part::Shared(slice) => Some(slice),
            Part::Own(range) => own.slice(range),
        };
        self.parts.into_iter().filter_map(slice).collect()
    }

    fn push_own(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        self.len += range.len();
        match self.parts.last_mut() {
            Some(Part::Own(last)) if last.end == range.start => last.end = range.end,
            _ => self.parts.push(Part::Own(range)),
        }
    }
}

impl From<Rope> for Draft {
    fn from(rope: Rope) -> Self {
        let mut draft = Self::default();
        rope.slices.into_iter().for_each(|slice| draft.push_slice(slice));
        draft
    }
}

impl fmt::Write for Draft {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_bytes(text.as_bytes());
        Ok(())
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_bytes_share_one_chunk() {
        let shared = Chunk::new(*b"shared").slice(0..6).unwrap();
        let mut inner = Draft::default();
        inner.push_bytes(b"<");
        inner.push_slice(shared.clone());
        inner.push_bytes(b">");
        let mut draft = Draft::default();
        draft.push_bytes(b"head ");
        draft.push_draft(inner.clone());
        draft.push_bytes(b"");
        draft.push_draft(inner);
        assert_eq!(draft.len(), 21);

        let rope = draft.seal();
        assert_eq!(rope.to_vec(), b"head <shared><shared>");
        assert_eq!(rope.len(), 21);
        let own: Vec<_> = rope.slices().iter().filter(|slice| slice.chunk() != shared.chunk()).collect();
        assert!(own.iter().all(|slice| slice.chunk() == own[0].chunk()));
        assert_eq!(own.len(), 3);
    }

    #[test]
    fn an_empty_draft_is_an_empty_rope() {
        assert!(Draft::default().is_empty());
        assert!(Draft::default().seal().is_empty());
    }
}
