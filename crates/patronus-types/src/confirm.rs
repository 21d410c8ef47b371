//! How a change has to prove itself on a site.

use serde::{Deserialize, Serialize};

use crate::probe::Probe;

/// What must hold after a change for it to stay; otherwise the site goes back by itself. Beside what stands here, the server
/// must answer if it did before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirm {
    /// Seconds within which a change must prove itself, 5 to 600.
    #[serde(default = "default_timeout_s", deserialize_with = "crate::bound::confirm_timeout")]
    pub timeout_s: u16,
    /// How many of the peers that were alive before must be alive again, in percent, 0 to 100, rounded up.
    #[serde(default = "default_peers_percent", deserialize_with = "crate::bound::percent")]
    pub peers_percent: u8,
    /// How many of a site's peers a release may remove at once, in percent, 0 to 100; more is refused unless its
    /// publisher accepts the risk.
    #[serde(
        default = "default_max_removed_percent",
        skip_serializing_if = "is_default_max_removed_percent",
        deserialize_with = "crate::bound::percent"
    )]
    pub max_removed_percent: u8,
    /// What else must answer, if it did before; at most 16 on each site.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// How many of the probes that a site runs must pass, 1 to 16; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::bound::probes")]
    pub probes_required: Option<u8>,
}

fn default_timeout_s() -> u16 {
    30
}

/// All of nine and fewer; of a thousand, a hundred may have trouble of their own.
fn default_peers_percent() -> u8 {
    90
}

fn default_max_removed_percent() -> u8 {
    50
}

/// Left out, so that agents from before it was there read what does not use it.
fn is_default_max_removed_percent(percent: &u8) -> bool {
    *percent == default_max_removed_percent()
}

impl Default for Confirm {
    fn default() -> Self {
        Self {
            timeout_s: default_timeout_s(),
            peers_percent: default_peers_percent(),
            max_removed_percent: default_max_removed_percent(),
            probes: Vec::new(),
            probes_required: None,
        }
    }
}

impl Confirm {
    /// Whether it says nothing of its own.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// As it is for one site: with the probes that the site runs, each without from where.
    pub fn for_site(&self, runs: impl Fn(&Probe) -> bool) -> Self {
        let probes = self.probes.iter().filter(|probe| runs(probe));
        let probes: Vec<Probe> = probes.map(|probe| Probe { from: Vec::new(), ..probe.clone() }).collect();
        let probes_required = self.probes_required.filter(|_| !probes.is_empty());
        Self { probes, probes_required, ..*self }
    }
}
