//! `POST /v1/apply`: a set of manifests in one transaction.

use serde::{Deserialize, Serialize};

use super::releases::Change;
use crate::Name;
use crate::manifest::Manifest;

/// The manifests, in any order; networks are written before sites, and these before policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyRequest {
    /// At most 10,000.
    pub documents: Vec<Manifest>,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyResponse {
    /// One for each document, in the same order.
    pub results: Vec<Applied>,
    /// What is to be said of the networks' policies.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What became of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Applied {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: Name,
    /// What happened.
    pub change: Change,
    /// The fields that differ, with a dot between levels.
    pub fields: Vec<String>,
}
