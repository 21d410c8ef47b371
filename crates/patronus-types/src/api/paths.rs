//! What sites measure: how agents report it, and how people ask for it.

use serde::{Deserialize, Serialize};

use super::policies::TestVerdict;
use crate::path::{ClassUse, Path, PathState};
use crate::policy::{Dscp, Service};
use crate::{Name, PathId};

/// The most paths of a site: to a thousand sites with four uplinks on both sides.
pub const MAX_PATHS: usize = 16_384;
/// The most other sites in a report.
pub const MAX_PEERS: usize = 10_000;

/// `POST /v1/agent/paths`: what a site's paths were like for a while, and how they do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathReport {
    /// How many seconds ago the while ended: more than a moment where no server was there to be told.
    pub age_s: u32,
    /// How long it was, in seconds; 1 to 3600.
    pub seconds: u32,
    /// The other sites.
    pub peers: Vec<Name>,
    /// The sums of the while, as a block in base64. The key of a path is 16 times the place of its site in `peers`, and 4 times
    /// the index of the local uplink, and that of the far one.
    pub block: String,
    /// How each path does now; empty where the while is long past.
    pub paths: Vec<PathNow>,
}

/// How one path does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathNow {
    /// Its key, as in the block.
    pub key: u32,
    /// How it does.
    pub state: PathState,
    /// Milliseconds since it was last heard; none where it never was.
    pub heard_ms_ago: Option<u64>,
    /// What goes by it: first what no policy takes, then each class.
    pub classes: Vec<ClassUse>,
}

/// Why packets take the path that they take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathWhy {
    /// The policy that decides, and those before it that do not match.
    pub verdict: TestVerdict,
    /// The path that they take; none where they are dropped, or nothing was reported.
    pub chosen: Option<PathId>,
    /// All paths between the two sites, the chosen one first.
    pub paths: Vec<WhyPath>,
}

/// One path, and why it is taken or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WhyPath {
    /// The path.
    #[serde(flatten)]
    pub path: Path,
    /// Why packets of this kind take it or not, as the site said last.
    pub because: Option<String>,
}

/// Which packets: `POST /v1/paths/why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WhyRequest {
    /// The network, where the request does not say it otherwise (`?network=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<crate::Ref>,
    /// From which site.
    pub from: Name,
    /// To which site.
    pub to: Name,
    /// The protocol, and the destination port where it has ports; TCP without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The source port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    /// The class; 0 without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dscp: Option<Dscp>,
}
