//! How this host's networks stand: one shape for the running agent's answer, for `-o json`, and for the table.

mod command;
mod look;
mod table;

use std::net::{IpAddr, SocketAddr};

use patronus_types::api::agent::{Halted, Mode, Outcome, Running, Shadow, Undone};
use patronus_types::bundle::Party;
use patronus_types::{Name, NetworkId, PublicKey, SiteId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::probe::PathView;

pub use command::command;
pub use look::tunnels;

/// A session is renewed every two minutes; one that is older than this is dead.
pub const ALIVE_S: i64 = 180;

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of this program.
    pub agent_version: String,
    /// Whether an agent runs on the folder; else what follows is what the disk and the kernel say.
    pub agent_running: bool,
    /// The networks.
    pub networks: Vec<NetworkStatus>,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkStatus {
    /// The network's id.
    pub network_id: NetworkId,
    /// What is known of the membership; none where its files cannot be read.
    pub member: Option<Member>,
    /// What is wrong, in words.
    pub warnings: Vec<String>,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The network.
    pub network: Party<NetworkId>,
    /// This site.
    pub site: Party<SiteId>,
    /// The servers.
    pub servers: Vec<String>,
    /// How it stands with them; none without a running agent.
    pub contact: Option<Contact>,
    /// What runs.
    pub running: Option<Running>,
    /// The newest version that the server named; none without a running agent.
    pub known_version: Option<u64>,
    /// The highest version that was accepted.
    pub highest_accepted: u64,
    /// What carries the tunnels: `kernel` or `userspace`.
    pub driver: Option<String>,
    /// The site's overlay addresses.
    pub addresses: Vec<IpAddr>,
    /// Its tunnels.
    pub tunnels: Vec<TunnelStatus>,
    /// The paths to the other sites; none without a running agent.
    #[serde(default)]
    pub paths: Vec<PathView>,
    /// What became of the newest version.
    pub outcome: Option<Outcome>,
    /// Bundles that were tried here and undone, and are not tried again.
    #[serde(default)]
    pub undone: Vec<Undone>,
    /// A change that has yet to prove itself.
    #[serde(default)]
    pub proving: Option<Proving>,
    /// Peers whose traffic has yet to move between the spare tunnel and the others.
    #[serde(default)]
    pub waits_for: Vec<Name>,
    /// What somebody here has stopped.
    #[serde(default)]
    pub halted: Option<Halted>,
    /// What the newest version would do, where the server wants it looked at only.
    #[serde(default)]
    pub shadow: Option<Shadow>,
}

/// A change that is undone unless it proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proving {
    /// The version.
    pub version: u64,
    /// Seconds until it is undone.
    pub left_s: u64,
    /// Whether the server has yet to answer.
    pub server: bool,
    /// The peers that have yet to answer; not all of them may have to.
    pub peers: Vec<Name>,
}

/// How it stands with the servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// The server that is asked.
    pub server: String,
    /// Whether the last request was answered.
    pub reachable: bool,
    /// How many were answered since the agent started.
    pub answers: u64,
    /// When one was last answered.
    pub last_answer_at: Option<Timestamp>,
    /// Why the last one was not.
    pub error: Option<String>,
    /// What the server wants of the site.
    pub mode: Option<Mode>,
}

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunnelStatus {
    /// Its name on the host.
    pub interface: String,
    /// Index of the local uplink; none for the spare tunnel.
    pub local: Option<u8>,
    /// Index of the peers' uplink, likewise.
    pub remote: Option<u8>,
    /// UDP port it listens on.
    pub port: u16,
    /// MTU in bytes.
    pub mtu: u32,
    /// Its peers.
    pub peers: Vec<PeerStatus>,
}

/// One peer of a tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// The site; none where the bundle does not know the key.
    pub name: Option<Name>,
    /// Its key.
    pub public_key: PublicKey,
    /// Where it is reached now.
    pub endpoint: Option<SocketAddr>,
    /// When the last handshake was completed.
    pub last_handshake_at: Option<Timestamp>,
    /// Seconds since then.
    pub handshake_age_s: Option<i64>,
    /// Whether there is a session.
    pub alive: bool,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
}

impl NetworkStatus {
    /// A network whose files cannot be read.
    pub fn unreadable(network_id: NetworkId, why: &dyn std::fmt::Display) -> Self {
        Self { network_id, member: None, warnings: vec![why.to_string()] }
    }
}
