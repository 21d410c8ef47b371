//! What an agent and the server say to each other.

use serde::{Deserialize, Serialize};

pub use super::standing::{Halted, Shadow};
use crate::bundle::Party;
use crate::rotation::OfferedKeys;
use crate::token::Secret;
use crate::{Digest, Name, NetworkId, PublicKey, SiteId, Timestamp};

/// `POST /v1/agent/enrol`, with the enrolment token in the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrolRequest {
    /// The one-time token.
    pub token: Secret,
    /// SHA-256 of the signing key that the invitation names. A server with another key refuses before it uses up the token.
    pub signing_key_sha256: Digest,
    /// Four public keys, one for each uplink the site can have.
    pub public_keys: Vec<PublicKey>,
    /// The first of the UDP ports that the agent found free, 1024 to 65,518: the probes' port is 17 above it.
    pub port_base: u16,
    /// 256 random bits in base64 that the agent keeps: with them, a repeat within an hour gets the same answer.
    pub nonce: String,
    /// The agent's version.
    pub agent_version: String,
    /// The host's name.
    pub hostname: String,
}

/// What enrolling answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrolResponse {
    /// The site.
    pub site: Party<SiteId>,
    /// The network.
    pub network: Party<NetworkId>,
    /// The agent's own token.
    pub agent_token: Secret,
    /// The keys that sign releases, as minisign public key files hold them; the first is the one the invitation names.
    pub signing_keys: Vec<String>,
    /// How often to ask for changes, in seconds.
    pub poll_interval_s: u16,
}

/// What the server wants of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Mode {
    /// Run this version.
    #[default]
    Apply,
    /// Plan and report, touch nothing.
    Shadow,
    /// Keep what runs.
    Hold,
    /// Go back to the previous digest that the signed release names.
    Return,
}

/// `GET /v1/agent/state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct State {
    /// What to do.
    pub mode: Mode,
    /// How often to ask for changes, in seconds.
    pub poll_interval_s: u16,
    /// The version to run; none while nothing is published for the site.
    pub desired: Option<Desired>,
    /// The [number](crate::rotation::Rotation::number) of the set of keys that the agent shall make and offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_keys: Option<u32>,
}

/// A version to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Desired {
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the site's tar.
    pub digest: Digest,
    /// Length of the tar in bytes.
    pub size: u64,
    /// Signatures over the tar, as `.minisig` files hold them.
    pub signatures: Vec<String>,
}

/// `POST /v1/agent/reports`. The newest sequence number wins, so a repeat is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Counts up over the agent's life.
    pub seq: u64,
    /// The agent's version.
    pub agent_version: String,
    /// The host's name.
    pub hostname: String,
    /// The WireGuard driver in use: `kernel` or `userspace`; none before there is a tunnel.
    pub driver: Option<String>,
    /// What runs.
    pub running: Option<Running>,
    /// The highest version it has accepted; the server never issues one at or below it.
    pub highest_accepted: u64,
    /// What became of the newest version it was told of.
    pub outcome: Option<Outcome>,
    /// Its interfaces, at most 17.
    pub tunnels: Vec<TunnelSummary>,
    /// What is wrong on the host, in words, at most 16 lines.
    pub warnings: Vec<String>,
    /// Bundles that were tried on the host and undone, and are not tried again, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<Undone>,
    /// The public halves of the keys of its uplinks, four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<PublicKey>,
    /// The public half of the key for a spare tunnel, another after each use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare_key: Option<PublicKey>,
    /// The keys it was asked to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_keys: Option<OfferedKeys>,
    /// Peers whose traffic has yet to move to where `running` wants it, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Name>,
    /// What somebody on the site has stopped; none where versions are applied as they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<Halted>,
    /// What the newest version would do, where the server wants it looked at only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
}

/// A bundle that did not prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Undone {
    /// The version as which it was tried.
    pub version: u64,
    /// SHA-256 of the tar.
    pub digest: Digest,
}

/// A version that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Running {
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the tar.
    pub digest: Digest,
}

/// What became of a version on a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outcome {
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the tar.
    pub digest: Digest,
    /// How it ended.
    pub result: OutcomeKind,
    /// Why, where it did not end in `applied`.
    pub reason: Option<String>,
    /// What was done.
    pub steps: Steps,
    /// Where it ended; unknown from older agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// Milliseconds from the first step to the last.
    pub duration_ms: u64,
    /// Milliseconds that each part took.
    #[serde(default)]
    pub timings: Timings,
    /// When it ended, by the site's clock.
    pub at: Timestamp,
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OutcomeKind {
    /// It runs.
    Applied,
    /// It was refused before anything was touched.
    Refused,
    /// A step failed.
    Failed,
    /// It was undone.
    Reverted,
}

/// The steps of a change: the one that refused it, or did not succeed, or the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Step {
    /// It was looked at: its signature, for whom it is, what it says, and what it risks.
    Verified,
    /// It was put onto the disk.
    Staged,
    /// The kernel was brought to it.
    Applying,
    /// It had to prove itself.
    Proving,
    /// It runs.
    Committed,
    /// It was undone after the agent or its host had ended in the middle of it.
    Reverted,
}

/// Milliseconds that the parts of a change took; nothing where a part did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Timings {
    /// The download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_ms: Option<u64>,
    /// Verifying it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_ms: Option<u64>,
    /// Putting it onto the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged_ms: Option<u64>,
    /// Finding out what works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_ms: Option<u64>,
    /// Changing the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_ms: Option<u64>,
    /// Waiting for the proof, up to where it was there or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_ms: Option<u64>,
    /// Taking away what only the bundle before had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleaned_ms: Option<u64>,
    /// Bringing back what was there, and finding out whether the change was to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_ms: Option<u64>,
}

/// Counts of what an apply did to tunnels and peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Steps {
    /// Left as they were.
    pub kept: u32,
    /// Changed in place, without loss.
    pub changed: u32,
    /// Made or torn down and made again.
    pub restarted: u32,
    /// Made.
    pub created: u32,
    /// Removed.
    pub removed: u32,
}

/// One interface of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TunnelSummary {
    /// Its name on the host.
    pub interface: String,
    /// Index of the local uplink; none for the spare tunnel.
    pub local: Option<u8>,
    /// Index of the peers' uplink, likewise.
    pub remote: Option<u8>,
    /// UDP port it listens on.
    pub port: u16,
    /// Peers configured.
    pub peers: u32,
    /// Peers with a handshake in the last 180 seconds.
    pub peers_alive: u32,
    /// Bytes received since the interface was made.
    pub rx_bytes: u64,
    /// Bytes sent since the interface was made.
    pub tx_bytes: u64,
}
