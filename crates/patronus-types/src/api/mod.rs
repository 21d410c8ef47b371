//! The HTTP contract: routes, requests, responses, errors and paging. Objects themselves stand beside this module.

pub mod agent;
pub mod apply;
pub mod auth;
pub mod error;
pub mod health;
#[cfg(feature = "schema")]
pub mod openapi;
pub mod page;
pub mod paths;
pub mod policies;
pub mod releases;
pub mod rotation;
pub mod route;
pub mod standing;
pub mod tokens;

/// Header that names a request in answers, logs and events; taken from the caller or made by the server.
pub const REQUEST_ID: &str = "x-request-id";
/// Header by which a caller makes the repeat of a write harmless for 24 hours.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header with the number of all objects, sent with `?count=true`.
pub const TOTAL_COUNT: &str = "x-total-count";
/// Content type of errors (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Content type of bundle archives.
pub const GZIP: &str = "application/gzip";
/// The longest an agent's state request may wait, in seconds.
pub const MAX_WAIT_S: u32 = 55;
/// The largest bundle archive, in bytes.
pub const MAX_ARCHIVE_BYTES: usize = 10 * 1024 * 1024;
