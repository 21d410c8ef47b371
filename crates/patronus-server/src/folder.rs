//! The data folder: where everything lies that a server must not lose.
//!
//! ```text
//! DIR/initialised         written last by `init`: the folder is complete
//! DIR/secret              32 random bytes; every other secret derives from them      0600
//! DIR/signing.key, .pub   the key pair that signs bundles, in minisign's form        0600, 0644
//! DIR/tls/                private CA, server certificate, their keys                 keys 0600
//! DIR/patronus.db         the store
//! DIR/lock                held by the one server that runs on the folder
//! ```
//! Files are written whole or not at all, and the folder is open to its owner only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const MARKER: &str = "initialised";
const FORMAT: &str = "patronus data folder, format 1\n";

/// What can be wrong with a data folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no complete folder.
    #[error("`{0}` is not initialised; run: patronus-server init --data {0}")]
    NotInitialised(PathBuf),
    /// Somebody else's files.
    #[error("`{0}` holds files that are not Patronus's; choose an empty folder: patronus-server init --data DIR")]
    Foreign(PathBuf),
    /// Made by another version.
    #[error("`{0}` was made by a version of Patronus that this one does not know; use that version")]
    Format(PathBuf),
    /// Another server holds the lock.
    #[error("another patronus-server runs on `{0}`; stop it first, or choose another --data")]
    Locked(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} `{path}`: {error}{}", hint(.error))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run as the folder's owner, or choose another with --data DIR",
        io::ErrorKind::StorageFull => "; make room and run it again",
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "; a file is in the way: choose another folder with --data DIR"
        }
        io::ErrorKind::ReadOnlyFilesystem => "; choose a writable folder with --data DIR",
        _ => "",
    }
}

/// Holds the folder for one process until it is dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "the lock lives as long as the open file")] File);

/// A data folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder, or takes one that is empty or ours.
    pub fn create(root: &Path) -> Result<Self, FolderError> {
        let folder = Self { root: root.to_owned() };
        std::fs::create_dir_all(root).map_err(folder.io("create"))?;
        if !folder.is_ours()? {
            return Err(FolderError::Foreign(root.to_owned()));
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(root, private).map_err(folder.io("protect"))?;
        Ok(folder)
    }

    /// Opens a folder that `init` completed.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let folder = Self { root: root.to_owned() };
        if folder.is_complete()? { Ok(folder) } else { Err(FolderError::NotInitialised(root.to_owned())) }
    }

    /// Whether `init` completed it.
    pub fn is_complete(&self) -> Result<bool, FolderError> {
        match self.read(MARKER)? {
            None => Ok(false),
            Some(text) if text == FORMAT.as_bytes() => Ok(true),
            Some(_) => Err(FolderError::Format(self.root.clone())),
        }
    }

    /// Says that everything is in place.
    pub fn complete(&self) -> Result<(), FolderError> {
        self.write(MARKER, FORMAT.as_bytes(), 0o644)
    }

    /// When `init` completed it, by the file's time.
    pub fn completed_at(&self) -> Option<std::time::SystemTime> {
        std::fs::metadata(self.path(MARKER)).and_then(|metadata| metadata.modified()).ok()
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file's path.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes the folder for this process.
    pub fn lock(&self) -> Result<Lock, FolderError> {
        let path = self.path("lock");
        let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = options.map_err(|error| FolderError::Io { action: "open", path: path.clone(), error })?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(FolderError::Io { action: "lock", path, error }),
        }
    }

    /// Reads a file; none if it does not exist.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FolderError::Io { action: "read", path, error }),
        }
    }

    /// Writes a file that only the owner may read.
    pub fn write_private(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        self.write(name, bytes, 0o600)
    }

    /// Writes a file that others may read where they can see the folder.
    pub fn write_public(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        self.write(name, bytes, 0o644)
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FolderError::Io { action: "remove", path, error })
            }
            _ => Ok(()),
        }
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), FolderError> {
        let path = self.path(name);
        write_whole(&path, bytes, mode).map_err(|error| FolderError::Io { action: "write", path, error })
    }

    fn is_ours(&self) -> Result<bool, FolderError> {
        const OURS: [&str; 4] = [MARKER, "secret", "lock", "lost+found"];
        let entries = std::fs::read_dir(&self.root).map_err(self.io("read"))?;
        let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        Ok(names.is_empty() || names.iter().any(|name| OURS.iter().any(|ours| name == *ours)))
    }

    fn io(&self, action: &'static str) -> impl Fn(io::Error) -> FolderError {
        move |error| FolderError::Io { action, path: self.root.clone(), error }
    }
}

fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(parent)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_folder_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        assert!(matches!(Folder::create(dir.path()), Err(FolderError::Foreign(_))));
    }

    #[test]
    fn secrets_are_the_owners_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("new")).unwrap();
        folder.write_private("tls/key", b"x").unwrap();
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path("tls/key")), mode(folder.path("."))), (0o600, 0o700));
        assert!(matches!(Folder::open(&folder.path(".")), Err(FolderError::NotInitialised(_))));
        folder.complete().unwrap();
        Folder::open(&folder.path(".")).unwrap();
    }

    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let lock = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::Locked(_))));
        drop(lock);
        folder.lock().unwrap();
    }
}
