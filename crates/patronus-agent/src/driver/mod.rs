//! The loops: all waiting of the agent happens here, and nothing is decided here.
//!
//! [`daemon`] holds the host's side: signals, the local socket, the kernel's news, the set of networks. [`network`] is one
//! membership's loop; each is a task of its own, so that a slow server or a stuck device of one delays no other.

pub mod daemon;
mod fetch;
pub mod network;
pub mod wheel;

use tokio::sync::oneshot;

use crate::status::NetworkStatus;

/// What a network's loop can be asked.
#[derive(Debug)]
pub enum Command {
    /// How it stands.
    Status(oneshot::Sender<NetworkStatus>),
    /// To try again what was undone; answers with why it could not.
    Retry(oneshot::Sender<Result<(), String>>),
    /// To leave; answers with what went wrong on the way, or with why it could not.
    Leave(oneshot::Sender<Result<Vec<String>, String>>),
}

#[cfg(test)]
mod tests;
