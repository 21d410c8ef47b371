//! Where credentials are kept: the system's keyring, a file, or a command. Which one is always said, never guessed: there
//! is no falling back to plain text.
//!
//! A store holds one text: a login (JSON), or a token alone.

mod command;
mod file;
mod keyring;
mod login;

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use login::{Keeper, Kept};

/// Where a credential is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "store", rename_all = "lowercase", deny_unknown_fields)]
pub enum Store {
    /// The system's keyring, under the context's name.
    Keyring,
    /// A file that only its owner can read.
    File {
        /// Which.
        path: PathBuf,
    },
    /// A program that is called with `get`, `store` or `erase` as its last argument.
    Command {
        /// The program and its first arguments.
        command: Vec<String>,
    },
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("keyring"),
            Self::File { path } => write!(f, "file {}", path.display()),
            Self::Command { command } => write!(f, "command {}", command.join(" ")),
        }
    }
}

impl Store {
    /// Whether the store is there at all, before anything is asked of a server.
    ///
    /// # Errors
    /// In words.
    pub fn probe(&self, context: &str) -> Result<(), String> {
        match self {
            Self::Keyring => keyring::probe(context),
            Self::File { .. } | Self::Command { .. } => Ok(()),
        }
    }

    /// Reads the text; `None` where there is none.
    ///
    /// # Errors
    /// In words.
    pub fn read(&self, context: &str) -> Result<Option<String>, String> {
        match self {
            Self::Keyring => keyring::read(context),
            Self::File { path } => file::read(path),
            Self::Command { command } => command::read(command),
        }
    }

    /// Keeps a text.
    ///
    /// # Errors
    /// In words.
    pub fn write(&self, context: &str, text: &str) -> Result<(), String> {
        match self {
            Self::Keyring => keyring::write(context, text),
            Self::File { path } => file::write(path, text),
            Self::Command { command } => command::write(command, text),
        }
    }

    /// Forgets the text.
    ///
    /// # Errors
    /// In words.
    pub fn erase(&self, context: &str) -> Result<(), String> {
        match self {
            Self::Keyring => keyring::erase(context),
            Self::File { path } => file::erase(path),
            Self::Command { command } => command::erase(command),
        }
    }
}

/// Holds the lock file beside a file until it is dropped.
///
/// # Errors
/// In words.
pub fn lock_beside(path: &Path) -> Result<Box<dyn Any + Send>, String> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock = path.with_file_name(name);
    let say = |error: std::io::Error| format!("{} cannot be locked: {error}", lock.display());
    if let Some(folder) = lock.parent() {
        crate::config::make_private_folder(folder).map_err(say)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&lock).map_err(say)?;
    file.lock().map_err(say)?;
    Ok(Box::new(file))
}
