//! The state folder: what is written is there after a power loss or is not there at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Rights of a folder with secrets.
const PRIVATE_FOLDER: u32 = 0o700;
/// Rights of a file with secrets.
const PRIVATE_FILE: u32 = 0o600;

/// Makes a folder that only its owner can enter, with its parents; an existing one is closed to others.
pub fn private_folder(path: &Path) -> Result<()> {
    let make = || {
        DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(PRIVATE_FOLDER))
    };
    make().map_err(error("make the folder", path))
}

/// Writes a file that only its owner can read, in one instant: readers and a power loss see the old content or the new.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let folder = parent(path);
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(fs::Permissions::from_mode(PRIVATE_FILE))
            .tempfile_in(folder)
            .map_err(plain)?;
        // Past the wrapper, whose errors name a file of chance: the same fault must always read the same.
        file.as_file_mut().write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)?;
        sync_folder(folder)
    };
    write().map_err(error("write", path))
}

/// Points a symbolic link at another target, in one instant.
pub fn swap_link(link: &Path, target: &Path) -> Result<()> {
    let swap = || {
        let folder = parent(link);
        // A folder of its own, so that the name of the new link is free.
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(folder).map_err(plain)?;
        let fresh = new.path().join("link");
        symlink(target, &fresh)?;
        fs::rename(&fresh, link)?;
        sync_folder(folder)
    };
    swap().map_err(error("point the link", link))
}

/// Reads a file; none if there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(failed) if failed.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failed) => Err(error("read", path)(failed)),
    }
}

/// Removes a file and makes that last; nothing happens if there is none.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path).and_then(|()| sync_folder(parent(path))) {
        Err(failed) if failed.kind() != io::ErrorKind::NotFound => Err(error("remove", path)(failed)),
        _ => Ok(()),
    }
}

/// Writes a folder's entries through to the disk.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The state folder, held by one process at a time.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock; none while another process has it. It ends with the process, however that ends.
    pub fn take(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(PRIVATE_FILE).open(&path);
        let file = open.map_err(error("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(failed)) => Err(error("lock", &path)(failed)),
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The kind of an error, where its text would name a temporary file.
fn plain(error: io::Error) -> io::Error {
    error.kind().into()
}

fn error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::File { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_private_and_leaves_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        private_folder(&folder).unwrap();
        write(&folder.join("key"), b"1").unwrap();
        write(&folder.join("key"), b"22").unwrap();
        assert_eq!(read(&folder.join("key")).unwrap().as_deref(), Some(&b"22"[..]));
        assert_eq!((mode(&folder), mode(&folder.join("key"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        write(&path, b"old").unwrap();
        fs::create_dir(root.path().join("taken")).unwrap();
        fs::write(root.path().join("taken/x"), b"").unwrap();
        let refused = write(&root.path().join("taken"), b"new").unwrap_err().to_string();
        assert!(refused.contains("taken"), "{refused}");
        assert_eq!(read(&path).unwrap().as_deref(), Some(&b"old"[..]));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_same_fault_reads_the_same() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("missing");
        for fail in [|path: &Path| write(path, b"1"), |path: &Path| swap_link(path, Path::new("x"))] {
            let words = |()| fail(&missing.join("file")).unwrap_err().to_string();
            assert_eq!(words(()), words(()));
            assert!(!words(()).contains(".new-"), "{}", words(()));
        }
    }

    #[test]
    fn a_link_is_swapped() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("current");
        swap_link(&link, Path::new("bundles/1")).unwrap();
        swap_link(&link, Path::new("bundles/2")).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("bundles/2"));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_lock_has_one_holder() {
        let root = tempfile::tempdir().unwrap();
        let held = StateLock::take(root.path()).unwrap();
        assert!(held.is_some());
        assert!(StateLock::take(root.path()).unwrap().is_none());
        drop(held);
        assert!(StateLock::take(root.path()).unwrap().is_some());
    }

    #[test]
    fn removing_what_is_not_there_is_done() {
        let root = tempfile::tempdir().unwrap();
        remove(&root.path().join("none")).unwrap();
        assert_eq!(read(&root.path().join("none")).unwrap(), None);
    }
}
