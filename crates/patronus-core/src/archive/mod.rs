//! Bundles as archives: written deterministically, read as if an enemy had sent them.
//!
//! Writing: [`pack`] lays files out as a tar of fixed headers (mode 0644, no owner, no time), [`compress`] makes the
//! `.tar.gz` that travels. The tar is what is hashed and signed; the compressed form may differ between versions of
//! the compressor and means nothing.
//!
//! Reading: [`read()`] takes a `.tar.gz` through once without keeping anything, and only when all of it holds takes the
//! files in a second pass. So a bomb costs no more memory than a window, and nothing of a bad archive is ever used.
//! The format is the plain one of POSIX (ustar, also with GNU's magic): what only extensions can say is refused.
//! Modes, owners and times are ignored, and nothing is ever unpacked to a disk from here.

mod error;
mod header;
mod names;
mod pax;
mod read;
mod walk;
mod write;

pub use error::{ArchiveError, NameFault};
pub use read::{Contents, File, check, read, read_tar};
pub use write::{compress, pack};

/// What an archive may cost the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the `.tar.gz`.
    pub compressed: u64,
    /// Bytes of the tar in it.
    pub expanded: u64,
    /// Entries of any kind.
    pub entries: u32,
}

impl Limits {
    /// 10 MiB, 64 MiB and 10,000 entries: what the server takes and an agent accepts.
    pub const DEFAULT: Self = Self { compressed: 10 << 20, expanded: 64 << 20, entries: 10_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests;
