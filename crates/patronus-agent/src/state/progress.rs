//! What is remembered for reports and for `status`. Losing it loses no network, and no report.

use patronus_types::api::agent::Outcome;
use patronus_types::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// The last outcome and the number of the last report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Number of the last report; at a start at least the clock's milliseconds.
    pub seq: u64,
    /// What became of the newest version.
    pub outcome: Option<Outcome>,
    /// A bundle whose change was cut short, and how often.
    pub interrupted: Option<(Digest, u32)>,
    /// What runs, and when the change to it began.
    pub changed: Option<(Digest, Timestamp)>,
}
