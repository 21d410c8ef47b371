//! Publishing, rolling back, comparing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Name;
use crate::release::Release;
use crate::risk::Risk;

/// `POST /v1/releases`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublishRequest {
    /// Why.
    #[serde(default)]
    pub message: String,
    /// Compile also the sites that run an uploaded bundle, and forget the upload.
    #[serde(default)]
    pub compiled: bool,
    /// Seconds within which it must prove itself on each site, 5 to 600; the network's `confirm.timeout_s` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_timeout_s: Option<u16>,
    /// Risks to the sites that are meant.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accept_risks: BTreeSet<Risk>,
}

/// `POST /v1/releases/{version}/rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RollbackRequest {
    /// Why.
    #[serde(default)]
    pub message: String,
    /// Seconds within which it must prove itself on each site, 5 to 600; the network's `confirm.timeout_s` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_timeout_s: Option<u16>,
    /// Risks to the sites that are meant.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accept_risks: BTreeSet<Risk>,
}

/// What publishing answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Published {
    /// The release; where nothing would change, the newest one.
    pub release: Release,
    /// Whether a release was made.
    pub created: bool,
    /// What the lint found that does not stand against it.
    pub warnings: Vec<String>,
}

/// `GET /v1/releases/{version}/diff?from=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseDiff {
    /// The older version; 0 is before the first.
    pub from: u64,
    /// The newer version.
    pub to: u64,
    /// The sites that differ, in order of name.
    pub sites: Vec<SiteDiff>,
}

/// What differs for one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SiteDiff {
    /// The site.
    pub site: Name,
    /// Whether it is new, gone or changed.
    pub change: Change,
    /// What differs, a line each, beginning with `+`, `~` or `-`.
    pub lines: Vec<String>,
}

/// What happened to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Change {
    /// It is new.
    Created,
    /// It differs.
    Updated,
    /// It is gone.
    Deleted,
    /// It is the same.
    Unchanged,
}

/// `GET /v1/releases/{version}/bundles/{siteId}/content` is the content itself; this is the key to verify bundles with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SigningKey {
    /// The key as a minisign public key file holds it: a comment line and the key line.
    pub public_key: String,
    /// Its key id in minisign's form.
    pub key_id: String,
}
