//! What is to be measured and decided: the part of a bundle that concerns paths.

use std::net::IpAddr;
use std::time::Duration;

use patronus_types::Name;
use patronus_types::path::PathSettings;

use crate::path::select::{Class, Way};

/// Everything a [`super::Prober`] is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How the network measures and chooses.
    pub settings: PathSettings,
    /// MTU of every tunnel in bytes.
    pub mtu: u16,
    /// For each local uplink by index, whether traffic by it costs money.
    pub metered: Vec<bool>,
    /// The other sites.
    pub peers: Vec<Peer>,
    /// The classes; 0 is what no policy matches.
    pub classes: Vec<Class>,
}

/// Another site.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// Its name: what is known of its paths is kept from plan to plan under it.
    pub name: Name,
    /// The overlay address to which packets go and from which they come.
    pub address: IpAddr,
    /// The paths to it.
    pub ways: Vec<Way>,
}

impl Plan {
    /// The network's interval, within its bounds.
    pub fn base(&self) -> Duration {
        Duration::from_millis(self.settings.interval_ms.clamp(20, 10_000).into())
    }

    /// What measuring may take of a local uplink, in kbit/s.
    pub fn budget_kbps(&self, local: usize) -> u32 {
        match self.metered.get(local) {
            Some(true) => self.settings.metered_budget_kbps,
            _ => self.settings.budget_kbps,
        }
    }
}
