//! A path: one directed way from a site to another, by one uplink of each.

use serde::{Deserialize, Serialize};

use crate::schema::word_type;
use crate::{Decimal, Name, PathId, SiteId, Timestamp};

/// How a path does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PathStatus {
    /// Both ends hear each other, and the score is at or above the network's `up_score`.
    Up,
    /// Worse, but at or above `degraded_score`; or full packets do not pass.
    Degraded,
    /// Worse still, or not heard.
    Down,
}

word_type!(PathStatus, "status of a path", { Up: "up", Degraded: "degraded", Down: "down" });

/// How a network's paths are measured and chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathSettings {
    /// Milliseconds between two packets on a path that can take traffic over from another, 20 to 10,000.
    #[serde(deserialize_with = "crate::bound::path_interval")]
    pub interval_ms: u16,
    /// The score from which a path is `up`, 0 to 100.
    #[serde(deserialize_with = "crate::bound::percent")]
    pub up_score: u8,
    /// The score from which it is `degraded`, at most `up_score`.
    #[serde(deserialize_with = "crate::bound::percent")]
    pub degraded_score: u8,
    /// Seconds for which a path that was not good must be good before it is used again, 1 to 3600.
    #[serde(deserialize_with = "crate::bound::path_hold")]
    pub hold_s: u16,
    /// By how many milliseconds of latency a path must be better to displace a good one, 0 to 10,000.
    #[serde(deserialize_with = "crate::bound::path_margin")]
    pub margin_ms: u16,
    /// The same in percent of the good one's latency, 0 to 100; the larger of both counts.
    #[serde(deserialize_with = "crate::bound::percent")]
    pub margin_pct: u8,
    /// What measuring may take of an uplink, in kbit/s.
    #[serde(deserialize_with = "crate::bound::path_budget")]
    pub budget_kbps: u32,
    /// What it may take of a metered uplink, in kbit/s.
    #[serde(deserialize_with = "crate::bound::path_budget")]
    pub metered_budget_kbps: u32,
}

impl Default for PathSettings {
    fn default() -> Self {
        Self {
            interval_ms: 100,
            up_score: 80,
            degraded_score: 50,
            hold_s: 30,
            margin_ms: 10,
            margin_pct: 20,
            budget_kbps: 1000,
            metered_budget_kbps: 32,
        }
    }
}

impl PathSettings {
    /// Whether it is as by default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a path does now. All figures are null until it has been measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathState {
    /// How it does; `down` where it never answered.
    pub status: PathStatus,
    /// Whether it has ever answered.
    pub measured: bool,
    /// Smoothed round trip in milliseconds.
    pub latency_ms: Option<Decimal>,
    /// Smoothed difference between one round trip and the next, in milliseconds.
    pub jitter_ms: Option<Decimal>,
    /// Share of packets lost on the way there, in percent.
    pub packet_loss_pct: Option<Decimal>,
    /// The score, 0 to 100.
    pub health_score: Option<u8>,
    /// Why it is used or not, in words.
    pub reason: Option<String>,
}

/// Whether a class of packets goes by a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassUse {
    /// The policies whose packets these are; none for what no policy takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Name>,
    /// Whether they go by it.
    pub used: bool,
    /// Why or why not, where there is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Path {
    /// The id that the path between these uplinks always has.
    pub fn id_of((source, local): (SiteId, u8), (dest, remote): (SiteId, u8)) -> PathId {
        // FNV-1a of 128 bits over the text: an id needs to be spread well, not to be a secret.
        let text = format!("{source}/{local}..{dest}/{remote}");
        let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        PathId::from_bits(text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step))
    }
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Path {
    /// Its id: always the same for the same uplinks of the same sites.
    pub id: PathId,
    /// From where.
    pub source_site_id: SiteId,
    /// To where.
    pub dest_site_id: SiteId,
    /// The uplink by which it leaves.
    pub source_uplink: Name,
    /// The uplink by which it arrives.
    pub dest_uplink: Name,
    /// How it does.
    #[serde(flatten)]
    pub state: PathState,
    /// What goes by it: first what no policy takes, then each class of packets that policies make.
    pub classes: Vec<ClassUse>,
    /// Whether the site has not reported for longer than it should: this is how it did then.
    pub stale: bool,
    /// When it last answered.
    pub last_heard_at: Option<Timestamp>,
    /// When the site last reported it.
    pub updated_at: Option<Timestamp>,
}

/// What a path was like for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathHealth {
    /// The path.
    pub path_id: PathId,
    /// When the while began.
    pub timestamp: Timestamp,
    /// How long it was, in seconds.
    pub seconds: u32,
    /// Mean round trip in milliseconds; null where no answer came.
    pub latency_ms: Option<Decimal>,
    /// The shortest one.
    pub latency_min_ms: Option<Decimal>,
    /// The longest one.
    pub latency_max_ms: Option<Decimal>,
    /// Share of packets lost on the way there, in percent; null where nobody can tell.
    pub packet_loss_pct: Option<Decimal>,
    /// Mean difference between one round trip and the next, in milliseconds.
    pub jitter_ms: Option<Decimal>,
    /// Mean score, 0 to 100; 0 while it was not heard.
    pub health_score: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_given_one_by_one() {
        let settings: PathSettings = serde_json::from_str(r#"{"interval_ms": 20}"#).unwrap();
        assert_eq!(settings, PathSettings { interval_ms: 20, ..PathSettings::default() });
        assert!(serde_json::from_str::<PathSettings>(r#"{"interval": 20}"#).is_err());
        let refused = serde_json::from_str::<PathSettings>(r#"{"hold_s": -1}"#).unwrap_err().to_string();
        assert!(refused.starts_with("use 1 to 3600 seconds, not -1"), "{refused}");
        let status = serde_json::to_value(PathStatus::Degraded).unwrap();
        assert_eq!(serde_json::from_value::<PathStatus>(status).unwrap(), PathStatus::Degraded);
    }
}
