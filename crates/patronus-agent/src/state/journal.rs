//! The journal of an apply in flight: what the host is on its way to.

use patronus_types::Digest;
use serde::{Deserialize, Serialize};

/// Written before the first step, removed when `current` points at the new bundle. Found at a start, it says that the
/// agent ended between the two, and that the kernel may hold some of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The version.
    pub version: u64,
    /// Its bundle.
    pub digest: Digest,
    /// How often it was begun. One that ends the agent each time is given up.
    pub attempts: u32,
}

impl Journal {
    /// How often an apply is begun that never comes to an end.
    pub const MAX_ATTEMPTS: u32 = 3;
}
