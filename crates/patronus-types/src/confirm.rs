//! How a change has to prove itself on a site.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Name;

/// What must hold after a change for it to stay. Otherwise the site goes back by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirm {
    /// Seconds within which a change must prove itself, 5 to 600.
    pub timeout_s: u16,
    /// How many of the peers that were alive before must be alive again, in percent, 0 to 100, rounded up.
    pub peers_percent: u8,
    /// How many of its peers a site may lose by one change, in percent, 0 to 100, rounded down; more has to be accepted by name.
    pub removals_percent: u8,
    /// Further things that must answer, at most 16.
    pub probes: Vec<Probe>,
}

impl Default for Confirm {
    fn default() -> Self {
        Self { timeout_s: 30, peers_percent: 90, removals_percent: 50, probes: Vec::new() }
    }
}

/// Something that must answer after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Probe {
    /// Its name, for people; unique in the network.
    pub name: Name,
    /// The sites that try it; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Name>,
    /// What must answer, 1 to 8.
    pub targets: Vec<Target>,
    /// How many of the targets must; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<u8>,
}

impl Probe {
    /// How many targets must answer.
    pub fn needed(&self) -> usize {
        self.need.map_or(self.targets.len(), usize::from)
    }
}

/// One thing that must answer, from the site itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Target {
    /// An address that answers ICMP echo.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::foreign::Address"))]
    Ping(IpAddr),
    /// An address and port that take a TCP connection.
    Tcp(SocketAddr),
    /// A URL that answers plain HTTP or HTTPS (its certificate is not checked) with a status.
    Http {
        /// `http://HOST[:PORT]/PATH` or `https://…`.
        url: String,
        /// The status; without it any from 200 to 399.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ping(address) => write!(f, "ping {address}"),
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::Http { url, .. } => f.write_str(url),
        }
    }
}
