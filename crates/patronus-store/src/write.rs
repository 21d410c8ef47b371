//! Who writes and under which conditions; pages of a list.

use patronus_types::event::Actor;
use patronus_types::{Digest, NetworkId, TenantId, Timestamp};

/// The circumstances of one write. Every write method takes one.
#[derive(Debug, Clone)]
pub struct Write {
    /// The tenant written in.
    pub tenant: TenantId,
    /// Who writes; stands on the events.
    pub actor: Actor,
    /// The request, where there is one; stands on the events.
    pub request_id: Option<String>,
    /// The time of the write.
    pub now: Timestamp,
    /// Do everything, answer the result, and take it back.
    pub dry_run: bool,
    /// Makes a repeat answer the first answer.
    pub idempotency: Option<Idempotency>,
    /// The generations of networks that were looked at: refused with [`crate::StoreError::Moved`] where one has moved on, unless
    /// it is a repeat.
    pub seen: Vec<(NetworkId, u64)>,
}

/// The key under which a write's answer is kept for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Caller, method and path.
    pub scope: String,
    /// The caller's key.
    pub key: String,
    /// SHA-256 of the request's body and query; another one under the same key is refused.
    pub body: Digest,
}

/// Which part of a list to read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// At most this many.
    pub limit: u32,
    /// Where the page before ended (opaque, from [`Paged::next`]).
    pub cursor: Option<String>,
    /// Whether to count all.
    pub count: bool,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// The objects.
    pub items: Vec<T>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
    /// How many there are in all, if asked.
    pub total: Option<u64>,
}
