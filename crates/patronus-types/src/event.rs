//! Events: durable, numbered facts.

use serde::{Deserialize, Serialize};

use crate::{AnyId, NetworkId, Timestamp};

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Severity {
    /// As it should be.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// Its id, where it has one.
    pub id: Option<AnyId>,
    /// Its name.
    pub name: String,
}

impl Actor {
    /// The server itself.
    pub fn system() -> Self {
        Self { kind: ActorKind::System, id: None, name: "patronus-server".to_owned() }
    }
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ActorKind {
    /// A person who logged in.
    User,
    /// An API token.
    Token,
    /// A site's agent.
    Agent,
    /// The server itself.
    System,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resource {
    /// The kind of object: `site`, `network`, `release`, `token`, `user`.
    pub kind: String,
    /// Its id.
    pub id: AnyId,
    /// Its name when it happened; a release's is its version.
    pub name: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Its number: counted without gaps in its tenant.
    pub number: u64,
    /// When it was committed.
    pub time: Timestamp,
    /// Its type, dotted: `site.created`, `bundle.applied`, ….
    #[serde(rename = "type")]
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// Who caused it.
    pub actor: Actor,
    /// What it is about.
    pub resource: Option<Resource>,
    /// The network, where there is one.
    pub network_id: Option<NetworkId>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// One line for people.
    pub message: String,
    /// More, as an object; its shape belongs to the type.
    pub details: serde_json::Value,
}
