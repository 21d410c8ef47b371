//! An enrolment that has no answer yet. Its keys and nonce are on the disk before the first request, so that a repeat
//! after a crash sends the same request and gets the same answer.

use std::path::{Path, PathBuf};

use patronus_types::{Digest, Name};
use serde::{Deserialize, Serialize};

use super::identity::KeyPairs;
use super::{Identity, Result, StateDir, StateError, read_json, write_json};
use crate::effects::disk;
use crate::failpoint;

/// How the names of these folders begin.
pub(super) const PREFIX: &str = ".joining-";
const FILE: &str = "joining.json";

/// What was chosen for the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    /// SHA-256 of the invitation's token.
    pub invitation: Digest,
    /// The network and the site that it is for; unknown from older agents.
    #[serde(default)]
    pub joins: Option<(Name, Name)>,
    /// One key pair for each uplink the site can have.
    pub keys: KeyPairs,
    /// 256 random bits in base64.
    pub nonce: String,
    /// The network's number on this host.
    pub index: u8,
    /// The first of its UDP ports.
    pub port_base: u16,
}

impl Joining {
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        read_json(&folder.join(FILE))
    }

    /// What an earlier try with the same invitation chose.
    pub fn earlier(state: &StateDir, invitation: Digest) -> Result<Option<Self>> {
        Self::read(&folder(state, invitation))
    }

    /// Keeps the choice.
    pub fn save(&self, state: &StateDir) -> Result<()> {
        let folder = folder(state, self.invitation);
        disk::private_folder(&folder)?;
        write_json(&folder.join(FILE), self)
    }

    /// Turns it into a membership, in one instant.
    pub fn finish(&self, state: &StateDir, identity: &Identity) -> Result<()> {
        let folder = folder(state, self.invitation);
        write_json(&folder.join(super::home::IDENTITY), identity)?;
        disk::remove(&folder.join(FILE))?;
        failpoint::hit("before-join");
        let home = state.home(identity.network.id);
        move_folder(&folder, home.path())
    }

    /// The identity of an enrolment that was answered and then cut short.
    pub fn answered(state: &StateDir, invitation: Digest) -> Result<Option<Identity>> {
        read_json(&folder(state, invitation).join(super::home::IDENTITY))
    }

    /// Finishes what was cut short.
    pub fn resume(state: &StateDir, identity: &Identity) -> Result<()> {
        let folder = folder(state, identity.invitation);
        disk::remove(&folder.join(FILE))?;
        move_folder(&folder, state.home(identity.network.id).path())
    }

    /// Forgets it: the invitation is no good.
    pub fn forget(&self, state: &StateDir) -> Result<()> {
        let folder = folder(state, self.invitation);
        let removed = std::fs::remove_dir_all(&folder);
        removed.map_err(|source| crate::effects::Error::File { doing: "remove", path: folder, source }.into())
    }
}

fn folder(state: &StateDir, invitation: Digest) -> PathBuf {
    state.networks().join(format!("{PREFIX}{}", invitation.short()))
}

fn move_folder(from: &Path, to: &Path) -> Result<()> {
    let moved = std::fs::rename(from, to).and_then(|()| disk::sync_folder(to.parent().unwrap_or(to)));
    moved.map_err(|source| {
        StateError::Disk(crate::effects::Error::File { doing: "move the folder to", path: to.to_owned(), source })
    })
}
