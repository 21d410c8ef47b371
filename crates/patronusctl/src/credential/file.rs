//! A credential in a file. One that others can read is refused.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{unfinished, write_private};

/// The largest credential that makes sense, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Reads the file; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, String> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    refuse_if_shared(path, &metadata)?;
    if metadata.len() > LARGEST {
        return Err(format!("{} is too large to be a credential", path.display()));
    }
    std::fs::read_to_string(path).map(Some).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

#[cfg(unix)]
fn refuse_if_shared(path: &Path, metadata: &std::fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        return Err(format!("others can read {shown}: chmod 600 {shown}"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_shared(_: &Path, _: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

/// Writes the file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    write_private(path, text.as_bytes()).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

/// Removes the file, and what programs that were killed while they wrote it have left.
pub(super) fn erase(path: &Path) -> Result<(), String> {
    for part in parts(path) {
        remove(&part)?;
    }
    remove(path)
}

fn parts(path: &Path) -> Vec<PathBuf> {
    let beginning = unfinished(path);
    let entries = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten();
    names.filter(|it| it.file_name().to_string_lossy().starts_with(&beginning)).map(|it| it.path()).collect()
}

fn remove(path: &Path) -> Result<(), String> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{} cannot be removed: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_private_and_a_shared_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/credential");
        assert_eq!(read(&path), Ok(None));
        write(&path, "secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path), Ok(Some("secret".to_owned())));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().contains("chmod 600"));
        let (left, other) = (path.with_file_name(".credential.part-x"), path.with_file_name(".another.part-x"));
        for part in [&left, &other] {
            std::fs::write(part, "secret").unwrap();
        }
        erase(&path).unwrap();
        erase(&path).unwrap();
        assert!(!path.exists() && !left.exists() && other.exists());
    }
}
