//! One pass over a tar, front to back, in constant memory.

use std::io::Read;

use super::header::{BLOCK, Header, Kind, ZERO, padding};
use super::names::Names;
use super::{ArchiveError, Limits, pax};
use crate::digest::Hasher;

/// How much of a body is in memory at a time.
const WINDOW: usize = 32 * 1024;
/// Packers fill the last record with zeros: ten kilobytes by default, at most this.
const MAX_TAIL: u64 = 1 << 20;

/// Takes what a pass finds.
pub(super) trait Visitor {
    /// A file begins.
    fn file(&mut self, name: String, size: u64);
    /// The next piece of that file.
    fn data(&mut self, piece: &[u8]);
}

/// Reads a tar to its end, and checks that it is one.
pub(super) struct Walk<'a, R> {
    source: R,
    limits: &'a Limits,
    hasher: Option<&'a mut Hasher>,
    at: u64,
    entries: u32,
    names: Names,
    window: Vec<u8>,
}

impl<'a, R: Read> Walk<'a, R> {
    /// Begins; with a hasher every byte of the tar is hashed.
    pub(super) fn new(source: R, limits: &'a Limits, hasher: Option<&'a mut Hasher>) -> Self {
        Self { source, limits, hasher, at: 0, entries: 0, names: Names::default(), window: vec![0; WINDOW] }
    }

    /// Goes through all entries; gives back the source, which has ended.
    pub(super) fn run(mut self, visitor: &mut impl Visitor) -> Result<R, ArchiveError> {
        loop {
            let start = self.at;
            let block = self.block()?;
            if block == ZERO {
                break;
            }
            self.entry(&Header::parse(&block, start)?, start, visitor)?;
        }
        self.end()?;
        self.names.finish()?;
        Ok(self.source)
    }

    fn entry(&mut self, header: &Header, start: u64, visitor: &mut impl Visitor) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(ArchiveError::Entries { limit: self.limits.entries });
        }
        // A declared size alone is enough to refuse: a bomb need not be unpacked to be known.
        if header.size > self.limits.expanded.saturating_sub(self.at) {
            return Err(self.expanded());
        }
        match header.kind {
            Kind::File => {
                visitor.file(self.names.file(&header.name)?, header.size);
                self.body(header.size, |piece| visitor.data(piece))
            }
            Kind::Directory if header.size > 0 => {
                Err(ArchiveError::Damaged { at: start, fault: "a directory has content" })
            }
            Kind::Directory => self.names.directory(&header.name),
            Kind::Extension if header.size > pax::MAX_LEN => {
                Err(ArchiveError::Damaged { at: start, fault: "an extended header is longer than 64 KiB" })
            }
            Kind::Extension => {
                let mut records = Vec::new();
                self.body(header.size, |piece| records.extend_from_slice(piece))?;
                pax::check(&records, start)
            }
            Kind::Other(kind) => {
                Err(ArchiveError::Kind { name: String::from_utf8_lossy(&header.name).into_owned(), kind })
            }
        }
    }

    fn body(&mut self, size: u64, mut take: impl FnMut(&[u8])) -> Result<(), ArchiveError> {
        let mut window = std::mem::take(&mut self.window);
        let mut left = size;
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(WINDOW).min(WINDOW);
            self.fill(&mut window[..len])?;
            take(&window[..len]);
            left -= u64::try_from(len).unwrap_or(left);
        }
        let at = self.at;
        let rest = &mut window[..padding(size)];
        self.fill(rest)?;
        if *rest != ZERO[..rest.len()] {
            return Err(ArchiveError::Damaged { at, fault: "the space after a file is not empty" });
        }
        self.window = window;
        Ok(())
    }

    /// After the first empty block: a second one, zeros to the end of the record, and nothing else.
    fn end(&mut self) -> Result<(), ArchiveError> {
        if self.block()? != ZERO {
            return Err(ArchiveError::Trailing);
        }
        let limit = self.at + MAX_TAIL;
        let mut block = ZERO;
        loop {
            let n = self.some(&mut block)?;
            if n == 0 {
                return Ok(());
            }
            if block[..n] != ZERO[..n] || self.at > limit {
                return Err(ArchiveError::Trailing);
            }
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], ArchiveError> {
        let mut block = ZERO;
        self.fill(&mut block)?;
        Ok(block)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ArchiveError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.some(&mut buffer[filled..])? {
                0 => return Err(ArchiveError::Truncated { at: self.at }),
                n => filled += n,
            }
        }
        Ok(())
    }

    /// Reads what there is, counts it and hashes it; 0 is the end.
    fn some(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let n = self.source.read(buffer).map_err(|error| self.gzip(&error))?;
        self.at += u64::try_from(n).unwrap_or(u64::MAX);
        if self.at > self.limits.expanded {
            return Err(self.expanded());
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
        }
        Ok(n)
    }

    fn expanded(&self) -> ArchiveError {
        ArchiveError::Expanded { limit: self.limits.expanded }
    }

    fn gzip(&self, error: &std::io::Error) -> ArchiveError {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ArchiveError::Truncated { at: self.at },
            _ => ArchiveError::Gzip(error.to_string()),
        }
    }
}
