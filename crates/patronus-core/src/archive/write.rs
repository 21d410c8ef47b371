//! Writing an archive: the same files give the same bytes, on every machine and at any time.

use flate2::{Compression, GzBuilder};

use super::header::{NAME_FIELD, ZERO, file, padding};
use super::names::{Names, plain};
use super::{ArchiveError, NameFault};
use crate::rope::{Draft, Rope};

/// Level 1: a bundle is compressed when its agent asks, and a thousand may ask at once. For a site with 999 peers it
/// takes 1.4 ms and gives 137 kB of 387; level 2 takes 3.5 ms for 110 kB, level 6 6.2 ms for 108 kB.
const LEVEL: u32 = 1;

/// gzip's "unknown": the compressing machine's system is nobody's business.
const SYSTEM_UNKNOWN: u8 = 255;

/// Lays files out as a tar, in the order given. Headers and padding are private bytes of the draft, so that a bundle
/// is its shared chunks and one of its own.
pub fn pack(files: impl IntoIterator<Item = (String, Draft)>) -> Result<Draft, ArchiveError> {
    let mut tar = Draft::default();
    let mut names = Names::default();
    for (name, content) in files {
        check(&name, &mut names)?;
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        tar.push_bytes(&file(&name, size)?);
        tar.push_draft(content);
        tar.push_bytes(&ZERO[..padding(size)]);
    }
    names.finish()?;
    tar.push_bytes(&ZERO);
    tar.push_bytes(&ZERO);
    Ok(tar)
}

/// What is written must be readable here, and by everything that knows the oldest form of tar.
fn check(name: &str, names: &mut Names) -> Result<(), ArchiveError> {
    let refused = |fault| Err(ArchiveError::Name { name: name.to_owned(), fault });
    if plain(name.as_bytes())? != name {
        return refused(NameFault::Component);
    }
    if name.len() > NAME_FIELD {
        return refused(NameFault::Length);
    }
    names.file(name.as_bytes()).map(drop)
}

/// The `.tar.gz` of a tar: no name and no time in it.
pub fn compress(tar: &Rope) -> std::io::Result<Vec<u8>> {
    let header = GzBuilder::new().mtime(0).operating_system(SYSTEM_UNKNOWN);
    let mut gzip = header.write(Vec::new(), Compression::new(LEVEL));
    tar.write_to(&mut gzip)?;
    gzip.finish()
}
