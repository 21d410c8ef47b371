//! The local socket: one JSON object a line, a request and its answer. Only root can open it.

mod client;
mod server;

use std::path::{Path, PathBuf};

use patronus_types::NetworkId;
use serde::{Deserialize, Serialize};

use crate::state::Order;
use crate::status::NetworkStatus;

pub use client::{Client, LocalError};
pub use server::{Call, Listener};

/// What can be asked of a running agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// How it stands.
    Status,
    /// To look for networks that were joined meanwhile.
    Rescan,
    /// To try again what was undone.
    Retry {
        /// In which network.
        network: NetworkId,
    },
    /// To stop or to go on.
    Order {
        /// In which network.
        network: NetworkId,
        /// What.
        order: Order,
    },
    /// To go back.
    Revert {
        /// In which network.
        network: NetworkId,
    },
    /// To run a bundle, whose archive follows this line.
    Apply {
        /// In which network.
        network: NetworkId,
        /// The text of the `.minisig`.
        signature: String,
        /// Bytes of the archive.
        length: u64,
    },
    /// To leave a network.
    Leave {
        /// Which.
        network: NetworkId,
    },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Response {
    /// Done.
    Done,
    /// How its networks stand.
    Status(Vec<NetworkStatus>),
    /// A step of what was asked for; another answer follows.
    Step(String),
    /// How it ended.
    Ended(String),
    /// The network was left; with what went wrong on the way.
    Left(Vec<String>),
    /// It could not be done.
    Failed(String),
}

/// The path of the socket as the kernel takes it: 107 bytes at most, so a longer one goes by way of its folder.
struct Address {
    path: PathBuf,
    _folder: Option<std::fs::File>,
}

const LONGEST: usize = 100;

impl Address {
    fn of(path: &Path) -> std::io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(std::io::ErrorKind::InvalidInput.into());
        };
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let folder = std::fs::File::open(parent)?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

#[cfg(test)]
mod tests;
