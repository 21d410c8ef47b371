//! Reading an archive: first all of it without keeping anything, then the files.

use std::io::{BufReader, Read};

use flate2::bufread::GzDecoder;

use super::walk::{Visitor, Walk};
use super::{ArchiveError, Limits};
use crate::digest::{Hasher, Hashes};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Headers are read in 512-byte pieces; the decompressor works better in larger ones.
const BUFFER: usize = 32 * 1024;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its relative name, without `./`.
    pub name: String,
    /// What it holds.
    pub data: Vec<u8>,
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The files in the archive's order; directories are left out.
    pub files: Vec<File>,
    /// The digests of the tar: its name, and what its signature is over.
    pub hashes: Hashes,
}

/// Checks a `.tar.gz` to its last byte, in constant memory, and gives the digests of its tar.
pub fn check(archive: &[u8], limits: &Limits) -> Result<Hashes, ArchiveError> {
    let mut hasher = Hasher::default();
    walk(archive, limits, Some(&mut hasher), &mut Ignore)?;
    Ok(hasher.finish())
}

/// Reads the files of a `.tar.gz`, once [`check`] has found nothing wrong with it.
pub fn read(archive: &[u8], limits: &Limits) -> Result<Contents, ArchiveError> {
    let hashes = check(archive, limits)?;
    let mut collect = Collect::default();
    walk(archive, limits, None, &mut collect)?;
    Ok(Contents { files: collect.files, hashes })
}

/// Reads the files of a tar that is not compressed and comes from a trusted place: the own store.
///
/// One pass: what was read before an error has been in memory, though it is not given out.
pub fn read_tar(tar: impl Read, limits: &Limits) -> Result<Contents, ArchiveError> {
    let mut hasher = Hasher::default();
    let mut collect = Collect::default();
    Walk::new(BufReader::with_capacity(BUFFER, tar), limits, Some(&mut hasher)).run(&mut collect)?;
    Ok(Contents { files: collect.files, hashes: hasher.finish() })
}

fn walk(
    archive: &[u8],
    limits: &Limits,
    hasher: Option<&mut Hasher>,
    visitor: &mut impl Visitor,
) -> Result<(), ArchiveError> {
    let len = u64::try_from(archive.len()).unwrap_or(u64::MAX);
    if len > limits.compressed {
        return Err(ArchiveError::Compressed { len, limit: limits.compressed });
    }
    if !archive.starts_with(&GZIP_MAGIC) {
        return Err(ArchiveError::NotTarGz);
    }
    let source = BufReader::with_capacity(BUFFER, GzDecoder::new(archive));
    let source = Walk::new(source, limits, hasher).run(visitor)?;
    // The decoder has read its checksum by now; a second gzip member or anything else would be left over.
    let rest = source.into_inner().into_inner();
    if rest.is_empty() { Ok(()) } else { Err(ArchiveError::Trailing) }
}

struct Ignore;

impl Visitor for Ignore {
    fn file(&mut self, _: String, _: u64) {}
    fn data(&mut self, _: &[u8]) {}
}

#[derive(Default)]
struct Collect {
    files: Vec<File>,
}

impl Visitor for Collect {
    fn file(&mut self, name: String, size: u64) {
        let data = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        self.files.push(File { name, data });
    }

    fn data(&mut self, piece: &[u8]) {
        if let Some(file) = self.files.last_mut() {
            file.data.extend_from_slice(piece);
        }
    }
}
