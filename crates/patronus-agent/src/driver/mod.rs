//! The loops: all waiting of the agent happens here, and nothing is decided here.
//!
//! [`daemon`] holds the host's side: signals, the local socket, the kernel's news, the set of networks. [`network`] is one
//! membership's loop; each is a task of its own, so that a slow server or a stuck device of one delays no other.

pub mod daemon;
mod fetch;
pub mod network;
pub mod wheel;

use tokio::sync::oneshot;

use crate::network::Teller;
use crate::state::Order;
use crate::status::NetworkStatus;

/// What a network's loop can be asked.
#[derive(Debug)]
pub enum Command {
    /// How it stands.
    Status(oneshot::Sender<NetworkStatus>),
    /// To try again what was undone; answers with what that is, or with why it could not.
    Retry(oneshot::Sender<Result<String, String>>),
    /// To run what a file holds.
    Apply(File, Errand),
    /// To go back.
    Revert(Errand),
    /// To stop or to go on; answers with what that does, or with why it could not.
    Order(Order, oneshot::Sender<Result<String, String>>),
    /// To leave; answers with what went wrong on the way, or with why it could not.
    Leave(oneshot::Sender<Result<Vec<String>, String>>),
}

/// A bundle with its signature, as files hold them.
pub struct File {
    /// The tar.gz.
    pub archive: Vec<u8>,
    /// The text of the `.minisig`.
    pub signature: String,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File({} bytes)", self.archive.len())
    }
}

/// A change that somebody here waits for.
pub struct Errand {
    /// Takes a line at each step.
    pub teller: Teller,
    /// Takes how it ended: what can be said of it, or why it is not so.
    pub answer: oneshot::Sender<Result<String, String>>,
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Errand")
    }
}

#[cfg(test)]
mod tests;
