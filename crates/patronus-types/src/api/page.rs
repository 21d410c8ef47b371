//! Paging: `?limit=` and `?cursor=`, answered with `Link: …; rel="next"`.

use serde::{Deserialize, Serialize};

use crate::path::PathStatus;
use crate::{Ref, Timestamp};

/// Objects on a page where nothing is said.
pub const DEFAULT_LIMIT: u32 = 100;
/// The most objects on a page.
pub const MAX_LIMIT: u32 = 1000;

/// The query of every list, and the scope of every reference by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListQuery {
    /// The tenant; the caller's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Ref>,
    /// The network; the tenant's only one by default where one is needed, all where it filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ref>,
    /// Objects per page, 1 to [`MAX_LIMIT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where to go on: the opaque text from the `Link` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether to count all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<bool>,
    /// Sites: `active`, `inactive` or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusFilter>,
    /// Events: only those of a type, or of a group (`site.`).
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Events: only those with a greater number, oldest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Events: with `after`, seconds to wait for one when there is none, at most 55.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
}

/// The scope and mode of a request for one object or a write.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScopeQuery {
    /// The tenant; the caller's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Ref>,
    /// The network; the tenant's only one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ref>,
    /// Check and answer as if, but change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Bundle uploads: the one site the archive is for; without it, the archive has a folder per site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Ref>,
    /// Release differences: the version to compare with; the one before by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Uploads and publishing: why, in the publisher's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Uploads: seconds within which it must prove itself on each site, 5 to 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_timeout_s: Option<u16>,
    /// Uploads: the codes of risks to the sites that are meant, parted by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_risks: Option<String>,
}

/// The query of what concerns paths.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathQuery {
    /// The tenant; the caller's own by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Ref>,
    /// The network; all where it filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ref>,
    /// Objects per page, 1 to [`MAX_LIMIT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where to go on: the opaque text from the `Link` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether to count all objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<bool>,
    /// Paths: only those from or to this site.
    #[serde(default, rename = "siteId", skip_serializing_if = "Option::is_none")]
    pub site: Option<Ref>,
    /// Paths: only those that do so: `up`, `degraded` or `down`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PathStatus>,
    /// Health: from when on; an hour before `until` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Health: up to when; now by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Health: `minute` or `hour`; by default hours where more than a day is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<HealthStep>,
}

/// Of how long a while each figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum HealthStep {
    /// About a minute, as the site reported it.
    Minute,
    /// An hour.
    Hour,
}

/// Which sites to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum StatusFilter {
    /// Heard within 120 seconds.
    Active,
    /// Not heard.
    Inactive,
    /// Both.
    #[default]
    All,
}
