//! How a site stands besides what runs there: what somebody has stopped, and what a version would do.

use serde::{Deserialize, Serialize};

use super::agent::Steps;

/// What somebody on the site has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Halted {
    /// Nothing that the server names is applied, until somebody there says `resume`.
    pub paused: bool,
    /// The version that a revert left: it and what is older is not applied again, until a newer one comes.
    pub left_version: Option<u64>,
}

/// What a version would do on a site that only looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shadow {
    /// The release's number.
    pub version: u64,
    /// What would become of tunnels and peers.
    pub steps: Steps,
    /// What would be done, in words, at most 16 lines; the last one says how many more there are.
    pub plan: Vec<String>,
    /// Why it could not be applied; none where it could.
    pub refusal: Option<String>,
}
