//! Why a store method did not do its work.

use patronus_types::AnyId;

/// A store's error. The first group is the caller's to handle, the second is the database's trouble.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No such object in the scope that was given.
    #[error("no {kind} `{reference}`")]
    NotFound {
        /// The kind of object.
        kind: &'static str,
        /// What was looked for.
        reference: String,
    },
    /// The name, key or number is taken.
    #[error("{0}")]
    Exists(String),
    /// A name that several networks have.
    #[error("`{name}` is in several networks")]
    Ambiguous {
        /// The name.
        name: String,
        /// The objects that have it.
        ids: Vec<AnyId>,
    },
    /// The object's version is not the expected one.
    #[error("changed in the meantime: it is at version {current} now")]
    Changed {
        /// Its version now.
        current: u64,
    },
    /// The object's state does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// A network that was looked at has changed since.
    #[error("the network was changed in the meantime: try again")]
    Moved,
    /// A credential that does not exist, is used, expired or revoked. Which of these is for the log, not for the caller.
    #[error("the credential does not hold: {0}")]
    Credential(&'static str),
    /// The idempotency key stands for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// A cursor that no list of this kind gave out.
    #[error("the cursor is not from this list: start again without it")]
    Cursor,

    /// The disk is full; nothing of the batch was written.
    #[error("the disk is full")]
    Full,
    /// The store is closing, or its writer ended.
    #[error("the store is closed")]
    Closed,
    /// The database failed; nothing of the batch was written.
    #[error("database: {0}")]
    Database(String),
    /// What was read is not what was written.
    #[error("damaged: {0}")]
    Damaged(String),
}
