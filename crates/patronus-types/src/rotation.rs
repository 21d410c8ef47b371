//! A site's keys are replaced: through a spare tunnel beside the others, in three releases, without loss.
//!
//! ```text
//! keys ─▶ spare ─▶ re-key ─▶ done
//! ```
//!
//! First the site's agent makes new keys. Then a release gives the site and its peers a spare tunnel with keys of its own, to
//! which each of them moves its traffic once it has a session. When all have reported that, the next one puts the new keys on
//! the ordinary tunnels, which are empty now, and everybody moves back, again each by itself. When all have reported that
//! too, the last one takes the spare tunnels away. One that is given up while traffic moves to the spare tunnels goes the same
//! way without new keys. Of a network one site's keys are replaced at a time.

use serde::{Deserialize, Serialize};

use crate::{Name, PublicKey, SiteId, Timestamp};

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Phase {
    /// The site's agent is to make new keys, and every agent concerned to name its spare key.
    Keys,
    /// Traffic moves to the spare tunnels.
    Spare,
    /// The ordinary tunnels have the new keys, and traffic moves back.
    Rekey,
    /// It was given up: traffic moves back to the ordinary tunnels, which have the old keys.
    Back,
}

/// A rotation under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rotation {
    /// Whose keys are replaced.
    pub site_id: SiteId,
    /// Its name.
    pub site: Name,
    /// How far it is.
    pub phase: Phase,
    /// Which set of keys of the site this is, counted from 1 with those of its enrolment.
    pub number: u32,
    /// The release that began the phase; none while it is still to be made.
    pub version: Option<u64>,
    /// Who holds it open.
    pub waiting: Vec<Waiting>,
    /// When it began.
    pub started_at: Timestamp,
}

/// A site that holds a rotation open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Waiting {
    /// The site.
    pub site: Name,
    /// What is missing, in words.
    pub reason: String,
}

/// Keys that an agent has made and that are in no bundle yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OfferedKeys {
    /// The [`Rotation::number`] they were made for.
    pub number: u32,
    /// Four public keys, one for each uplink the site can have.
    pub public_keys: Vec<PublicKey>,
}
