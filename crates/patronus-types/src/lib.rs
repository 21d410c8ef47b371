//! The nouns of Patronus and its wire contract: what the server, the agent, the command line and any other client agree on.
//!
//! Plain values only: no I/O, no clock, no randomness. Whoever makes an id or a token passes the time and the random bytes in.
//! The wire contract stands in [`api`]; its one route table feeds the router, the client and the OpenAPI document.

pub mod api;
pub mod bound;
pub mod bundle;
pub mod confirm;
mod decimal;
mod digest;
mod endpoint;
pub mod event;
mod foreign;
mod id;
mod key;
pub mod manifest;
mod name;
pub mod network;
pub mod path;
pub mod permission;
pub mod policy;
pub mod probe;
pub mod release;
pub mod risk;
pub mod rotation;
mod schema;
pub mod site;
pub mod tenant;
pub mod token;
pub mod user;
pub mod words;

pub use decimal::Decimal;
pub use digest::Digest;
pub use endpoint::{Endpoint, Host};
pub use id::{AnyId, NetworkId, PathId, PolicyId, ReleaseId, SiteId, TenantId, TokenId, UserId};
pub use jiff::Timestamp;
pub use key::PublicKey;
pub use name::{Name, Ref};

/// A value that could not be read, with the words a person needs to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// Makes one from anything that prints.
    pub fn new(message: impl std::fmt::Display) -> Self {
        Self(message.to_string())
    }
}
