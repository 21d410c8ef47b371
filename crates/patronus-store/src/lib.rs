//! Where the server keeps what it must not lose.
//!
//! [`Store`] is one trait grouped by noun, with a backend per database below it. It shows no transaction: each write
//! method is one atomic unit that commits its change, its events, its idempotency row and nothing else. When a write
//! method answers `Ok`, the change is durable and the commit hook has seen it.
//!
//! No decision is taken here: what may be written is decided in `patronus-core` and by the handlers; the store
//! refuses only what would break its own invariants (uniqueness, versions, one-time use).

mod change;
#[cfg(test)]
mod conformance;
mod error;
mod events;
mod networks;
mod paths;
mod policies;
mod releases;
mod rotations;
mod sites;
pub mod sqlite;
mod tenants;
mod tokens;
mod users;
mod write;

pub use change::{AgentRecord, Change, CommitHook, PrincipalRecord};
pub use error::StoreError;
pub use events::{EventFilter, Events};
pub use networks::{Applied, ApplyOp, NetworkRecord, Networks, NewNetwork};
pub use paths::{PathBlock, Paths};
pub use policies::{NewPolicy, Policies};
pub use releases::{Chunk, NewBundle, NewRelease, Releases, Slice, StoredBundle};
pub use rotations::{Begun, Duty, NewRotation, RotationRecord, RotationStep, Rotations};
pub use sites::{Enrolled, Enrolment, NewSite, SiteFilter, SiteKeys, SiteRecord, SiteReport, Sites};
pub use sqlite::SqliteStore;
pub use tenants::Tenants;
pub use tokens::{NewToken, TokenFilter, Tokens};
pub use users::{Credential, NewRefresh, Rotation, Users};
pub use write::{Idempotency, Page, Paged, Write};

/// What store methods answer.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Everything a backend can do.
#[async_trait::async_trait]
pub trait Store:
    Tenants + Users + Networks + Sites + Paths + Policies + Releases + Rotations + Tokens + Events + Send + Sync
{
    /// Commits a small transaction through the writer, to show that writes work.
    ///
    /// # Errors
    /// Whatever would meet a real write; also [`StoreError::Full`] when there is hardly any room for one.
    async fn probe(&self) -> Result<()>;

    /// Whether the mark is the one that was given first. A server knows by it that the data is its own.
    async fn claim(&self, mark: patronus_types::Digest) -> Result<bool>;

    /// Ends the writer after the writes that wait, and closes every connection.
    async fn close(&self);
}
