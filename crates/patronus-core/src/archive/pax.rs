//! Extended headers: accepted where they only tell times, owners and attributes, which are ignored anyway.
//!
//! Common packers write them unasked (Python for fractions of a second, macOS for attributes). A record that would
//! change a name, a size or a kind is refused: readers differ in how they take it, and then differ in what they see.

use super::ArchiveError;

/// Longest extended header that is looked at.
pub(super) const MAX_LEN: u64 = 64 * 1024;

const IGNORED: [&str; 8] = ["atime", "comment", "ctime", "gid", "gname", "mtime", "uid", "uname"];
const IGNORED_PREFIXES: [&str; 3] = ["LIBARCHIVE.", "SCHILY.acl.", "SCHILY.xattr."];

/// Checks all records (`LENGTH KEY=VALUE\n`) of the header at byte `at`.
pub(super) fn check(mut records: &[u8], at: u64) -> Result<(), ArchiveError> {
    while !records.is_empty() {
        let (key, rest) =
            record(records).ok_or(ArchiveError::Damaged { at, fault: "an extended header is malformed" })?;
        let ignored = IGNORED.contains(&key) || IGNORED_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
        if !ignored {
            return Err(ArchiveError::Extension(key.chars().take(60).collect()));
        }
        records = rest;
    }
    Ok(())
}

/// The key of the first record, and what follows the record.
fn record(records: &[u8]) -> Option<(&str, &[u8])> {
    let space = records.iter().take(8).position(|&byte| byte == b' ')?;
    let digits = records[..space].iter().all(u8::is_ascii_digit);
    let len: usize = std::str::from_utf8(&records[..space]).ok().filter(|_| digits)?.parse().ok()?;
    let (record, rest) = records.split_at_checked(len)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=')?;
    Some((std::str::from_utf8(&body[..equals]).ok()?, rest))
}
