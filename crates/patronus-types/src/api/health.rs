//! `/health/live` and `/health/ready`.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a health request answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`, or `failed` (with status 503).
    pub status: String,
    /// The server's version.
    pub version: String,
    /// What was looked at; empty for `live`.
    pub checks: Vec<Check>,
    /// How long the server's TLS certificate is valid; null for `live`, and where the server speaks plain HTTP.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// How long the server's TLS certificate is valid. A restart makes it anew once less than a year of it is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Certificate {
    /// Clients refuse it before this moment.
    pub not_before: Timestamp,
    /// Clients refuse it from this moment on.
    pub not_after: Timestamp,
    /// Whole days until `not_after`; negative when it is past.
    pub days_left: i64,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// `store`, `writer`, `clock`, and over TLS `certificate`.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What is wrong.
    pub detail: Option<String>,
}
