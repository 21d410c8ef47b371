//! Replacing a site's keys.

use serde::{Deserialize, Serialize};

use crate::rotation::{Rotation, Waiting};

/// `POST /v1/sites/{siteId}/rotate-key`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotateRequest {
    /// Go on without those who hold it open, to its end; they are cut off from the site until they follow.
    #[serde(default)]
    pub force: bool,
}

/// What a request to replace keys answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotated {
    /// How far it is.
    pub rotation: Rotation,
    /// Whether it began with this request.
    pub started: bool,
    /// Whom `force` leaves behind, and why.
    pub stranded: Vec<Waiting>,
}
