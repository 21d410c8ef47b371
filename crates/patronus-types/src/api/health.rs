//! `/health/live` and `/health/ready`.

use serde::{Deserialize, Serialize};

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
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// `store`, `writer`, `clock`.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What is wrong.
    pub detail: Option<String>,
}
