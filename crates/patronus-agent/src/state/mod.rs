//! What the agent keeps on disk.
//!
//! ```text
//! DIR/lock                      held by the running daemon
//! DIR/members.lock              held while a network is joined or left
//! DIR/agent.sock                where the daemon answers
//! DIR/networks/classes.json     the numbers that classes of traffic have on this host
//! DIR/networks/.joining-…/      keys and nonce of an enrolment that has no answer yet
//! DIR/networks/<network id>/
//!     identity.json             keys, token, pinned signing keys
//!     bundles/<digest>/         a verified bundle: bundle.json, wg/…, release.json
//!     current, previous         links to one of them
//!     versions.json             the highest accepted version of each signing key
//!     apply.json                the journal: a change is under way
//!     snapshot.json             what the bundle before does not say of how it was
//!     condemned.json            bundles that were tried and undone
//!     orders.json               what somebody on this host has paused, left or brought
//!     progress.json             the last outcome and report number
//!     earlier.json              the host's own settings from before they were changed
//! ```
//!
//! Every file and link changes in one instant and is on the disk before the next thing happens, so whenever the process or
//! the power ends, each of them holds its old or its new content. Networks share nothing: one that cannot be read is
//! reported and stops no other.

mod classes;
mod condemned;
mod earlier;
mod home;
mod identity;
mod joining;
mod journal;
mod keyring;
mod orders;
mod progress;
mod release;
mod versions;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use patronus_types::NetworkId;

pub use classes::{ClassIds, Classes, NoIds};
pub use condemned::{Condemned, CondemnedList};
pub use earlier::Earlier;
pub use home::Home;
pub use identity::{FORMAT, Identity, KeyPairs};
pub use joining::Joining;
pub use journal::{Journal, Snapshot};
pub use keyring::{Keyring, Source};
pub use orders::{Order, Orders};
pub use progress::Progress;
pub use release::Release;
pub use versions::{Refused, Versions};

use crate::effects::{self, disk};

const NETWORKS: &str = "networks";

/// Something in the state folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] effects::Error),
    /// A file holds something else than it should.
    #[error("{} cannot be read: {why}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A daemon has the folder.
    #[error("another patronus-agent runs on {}", .0.display())]
    Locked(PathBuf),
}

impl StateError {
    /// The same with what can be done about it in a network, where a file is damaged.
    pub fn with_advice(&self, network: NetworkId) -> String {
        match self {
            Self::Corrupt { .. } => format!(
                "{self}; put back a copy of the file, or run `patronus-agent leave --network {network}` and enrol the site anew"
            ),
            Self::Disk(_) | Self::Locked(_) => self.to_string(),
        }
    }
}

impl From<StateError> for crate::failure::Failure {
    fn from(error: StateError) -> Self {
        use crate::failure::Exit;
        match error {
            StateError::Disk(error) => error.into(),
            StateError::Corrupt { .. } => Self::new(Exit::State, error)
                .help("other networks are not affected; `patronus-agent leave --network ID` removes this one, then it can be enrolled anew"),
            StateError::Locked(_) => Self::new(Exit::Failed, error).help("stop it first, or use another --state folder"),
        }
    }
}

/// A result of reading or writing state.
pub type Result<T, E = StateError> = std::result::Result<T, E>;

/// The state folder.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

/// A network's folder and what its identity says.
#[derive(Debug)]
pub struct Entry {
    /// The network.
    pub network: NetworkId,
    /// Its folder.
    pub home: Home,
    /// Who this host is there, or why that cannot be read.
    pub identity: Result<Identity>,
}

impl StateDir {
    /// The folder, made if there is none.
    pub fn create(root: &Path) -> Result<Self> {
        disk::private_folder(root)?;
        disk::private_folder(&root.join(NETWORKS))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder, whether it is there or not. Nothing is written.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the daemon answers.
    pub fn socket(&self) -> PathBuf {
        self.root.join("agent.sock")
    }

    /// Takes the folder for this process.
    pub fn lock(&self) -> Result<disk::StateLock> {
        disk::StateLock::take(&self.root)?.ok_or_else(|| StateError::Locked(self.root.clone()))
    }

    /// Waits until no other process joins or leaves a network here.
    pub fn lock_members(&self) -> Result<File> {
        let path = self.root.join("members.lock");
        let lock = || {
            let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.lock().map(|()| file)
        };
        lock().map_err(|source| effects::Error::File { doing: "lock", path, source }.into())
    }

    /// The networks of this host, in order of their ids.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut networks: Vec<NetworkId> = self.names()?.iter().filter_map(|name| name.parse().ok()).collect();
        networks.sort_unstable();
        let entry = |network| {
            let home = self.home(network);
            Entry { network, identity: home.identity(), home }
        };
        Ok(networks.into_iter().map(entry).collect())
    }

    /// When a network was last joined or left.
    pub fn changed_at(&self) -> Option<std::time::SystemTime> {
        fs::metadata(self.networks()).and_then(|metadata| metadata.modified()).ok()
    }

    /// The folder of a network.
    pub fn home(&self, network: NetworkId) -> Home {
        Home::new(self.networks().join(network.to_string()))
    }

    /// The enrolments that have no answer yet.
    pub fn joining(&self) -> Result<Vec<Joining>> {
        let names = self.names()?;
        let pending = names.iter().filter(|name| name.starts_with(joining::PREFIX));
        Ok(pending.filter_map(|name| Joining::read(&self.networks().join(name)).ok().flatten()).collect())
    }

    fn networks(&self) -> PathBuf {
        self.root.join(NETWORKS)
    }

    fn names(&self) -> Result<Vec<String>> {
        let path = self.networks();
        let listed = fs::read_dir(&path).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned())).collect()
        });
        match listed {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(effects::Error::File { doing: "list", path, source }.into()),
        }
    }
}

/// Reads a JSON file; none if there is none.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(content) = disk::read(path)? else { return Ok(None) };
    let read = serde_json::from_slice(&content);
    read.map(Some).map_err(|error| StateError::Corrupt { path: path.to_owned(), why: error.to_string() })
}

/// Writes a JSON file in one instant.
fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_vec_pretty(value).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| StateError::Corrupt { path: path.to_owned(), why: error.to_string() })?;
    crate::failpoint::hit("before-write");
    disk::write(path, &text)?;
    crate::failpoint::hit("after-write");
    Ok(())
}

#[cfg(test)]
pub mod tests;
