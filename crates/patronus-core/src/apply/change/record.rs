//! What stands in the journal of a change.

use std::collections::BTreeSet;

use patronus_types::Name;
use serde::{Deserialize, Serialize};

/// How far it has come. Found at a start, it says that the agent ended in the middle of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// How often it was begun.
    pub attempts: u32,
    /// How far it has come.
    pub phase: Phase,
}

/// How far a change has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is made, or waits for its proof: what ran before comes back.
    Applying,
    /// It has proven itself: it stays.
    Proven,
    /// It is undone.
    Reverting(Undo),
}

/// Why a change is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The reason, for people.
    pub reason: String,
    /// Who is to blame.
    pub blame: Blame,
}

/// Who is to blame for a change that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The bundle: it is not tried again.
    Bundle,
    /// Something that may be otherwise another time.
    Nobody,
    /// The bundle if any of what was missing is back when it is undone; else nobody, since that is missing either way.
    Unclear(Missing),
}

/// What was there before a change and not after it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// The server.
    pub server: bool,
    /// Peers.
    pub peers: BTreeSet<Name>,
    /// Declared probes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub probes: BTreeSet<Name>,
}
