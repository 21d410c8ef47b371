//! How a change has to prove itself on a site.

use serde::{Deserialize, Serialize};

/// What must hold after a change for it to stay; otherwise the site goes back by itself. Beside what stands here, the server
/// must answer if it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirm {
    /// Seconds within which a change must prove itself, 5 to 600.
    #[serde(default = "default_timeout_s", deserialize_with = "crate::bound::confirm_timeout")]
    pub timeout_s: u16,
    /// How many of the peers that were alive before must be alive again, in percent, 0 to 100, rounded up.
    #[serde(default = "default_peers_percent", deserialize_with = "crate::bound::percent")]
    pub peers_percent: u8,
}

fn default_timeout_s() -> u16 {
    30
}

/// All of nine and fewer; of a thousand, a hundred may have trouble of their own.
fn default_peers_percent() -> u8 {
    90
}

impl Default for Confirm {
    fn default() -> Self {
        Self { timeout_s: default_timeout_s(), peers_percent: default_peers_percent() }
    }
}

impl Confirm {
    /// Whether it says nothing of its own.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
