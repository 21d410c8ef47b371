//! The names in an archive: plain, relative, and each used once.

use std::collections::BTreeMap;

use super::{ArchiveError, NameFault};

const MAX_NAME: usize = 255;

/// The names seen so far, and whether each is a file.
#[derive(Debug, Default)]
pub(super) struct Names {
    seen: BTreeMap<String, bool>,
}

impl Names {
    /// Takes the name of a file.
    pub(super) fn file(&mut self, raw: &[u8]) -> Result<String, ArchiveError> {
        let name = plain(raw)?;
        if name.is_empty() {
            return Err(fault(&name, NameFault::Empty));
        }
        if raw.ends_with(b"/") {
            return Err(fault(&name, NameFault::FileWithSlash));
        }
        self.add(&name, true)?;
        Ok(name)
    }

    /// Takes the name of a directory. The archive's root (`./`) may be named, and means nothing.
    pub(super) fn directory(&mut self, raw: &[u8]) -> Result<(), ArchiveError> {
        let name = plain(raw)?;
        if name.is_empty() && !raw.starts_with(b".") {
            return Err(fault(&name, NameFault::Empty));
        }
        self.add(&name, false)
    }

    /// Looks for files that are directories too, once all names are known.
    pub(super) fn finish(self) -> Result<(), ArchiveError> {
        for name in self.seen.keys() {
            let parents = name.match_indices('/').map(|(end, _)| &name[..end]);
            for parent in parents {
                if self.seen.get(parent) == Some(&true) {
                    return Err(fault(parent, NameFault::FileAndDirectory));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, is_file: bool) -> Result<(), ArchiveError> {
        match self.seen.insert(name.to_owned(), is_file) {
            None => Ok(()),
            Some(_) => Err(fault(name, NameFault::Duplicate)),
        }
    }
}

/// The name without a leading `./` and a closing `/`, if every part of it is plain.
pub(super) fn plain(raw: &[u8]) -> Result<String, ArchiveError> {
    let Ok(whole) = std::str::from_utf8(raw) else {
        return Err(fault(&String::from_utf8_lossy(raw), NameFault::Encoding));
    };
    let check = |bad: bool, what| if bad { Err(fault(whole, what)) } else { Ok(()) };
    let forbidden = |letter: char| letter.is_control() || letter == '\\' || letter == ':';
    check(whole.len() > MAX_NAME, NameFault::Length)?;
    check(whole.contains(forbidden), NameFault::Character)?;
    check(whole.starts_with('/'), NameFault::Absolute)?;
    let name = if whole == "." { "" } else { whole.strip_prefix("./").unwrap_or(whole) };
    let name = name.strip_suffix('/').unwrap_or(name);
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    check(!name.is_empty() && name.split('/').any(odd), NameFault::Component)?;
    Ok(name.to_owned())
}

fn fault(name: &str, fault: NameFault) -> ArchiveError {
    ArchiveError::Name { name: name.to_owned(), fault }
}
