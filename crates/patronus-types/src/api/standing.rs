//! How a site stands besides what runs there: what somebody has stopped, and what a version would do.

use serde::{Deserialize, Serialize};

use super::agent::{Mode, Steps};

/// What a site does with the version it should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SiteMode {
    /// It applies it.
    #[default]
    Apply,
    /// It keeps what it runs.
    Hold,
    /// It reports what it would do, and keeps what it runs.
    Shadow,
}

impl From<SiteMode> for Mode {
    fn from(mode: SiteMode) -> Self {
        match mode {
            SiteMode::Apply => Self::Apply,
            SiteMode::Hold => Self::Hold,
            SiteMode::Shadow => Self::Shadow,
        }
    }
}

/// `POST /v1/sites/{siteId}/mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModeRequest {
    /// The mode.
    pub mode: SiteMode,
}

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
