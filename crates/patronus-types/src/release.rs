//! A release: one numbered version of a network.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bundle::Source;
use crate::network::NetworkSpec;
use crate::policy::PolicySpec;
use crate::risk::Risk;
use crate::site::SiteSpec;
use crate::{Name, NetworkId, ReleaseId, SiteId, Timestamp};

/// How a release came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ReleaseKind {
    /// Compiled from the declared state.
    Publish,
    /// Holds bundles that an operator uploaded.
    Upload,
    /// Compiled from an older release's declared state.
    Rollback,
    /// A step in the replacing of a site's keys, compiled from the declared state of the release before.
    Rotation,
}

/// What a publisher lays down for one release alone. It is part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Terms {
    /// Seconds within which the release must prove itself on each site, instead of the network's `confirm.timeout_s`.
    #[serde(default)]
    pub confirm_timeout_s: Option<u16>,
    /// The risks that its publisher accepted.
    #[serde(default)]
    pub accept_risks: BTreeSet<Risk>,
}

/// The declared state a release was compiled from. Identities (keys, addresses, membership) are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The network.
    pub network: NetworkSpec,
    /// Its sites, in order of id.
    pub sites: Vec<DeclaredSite>,
    /// Its policies, in order of name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySpec>,
}

/// One site of a declared state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredSite {
    /// Which site.
    pub id: SiteId,
    /// What was declared of it.
    pub spec: SiteSpec,
    /// Whether its bundle was compiled or uploaded.
    pub source: Source,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// The network.
    pub network_id: NetworkId,
    /// Its number, counted from 1 in the network; numbers only grow.
    pub version: u64,
    /// How it came to be.
    pub kind: ReleaseKind,
    /// The version whose declared state a rollback took.
    pub rollback_of: Option<u64>,
    /// Why, in the publisher's words.
    pub message: String,
    /// What holds for it alone.
    #[serde(flatten)]
    pub terms: Terms,
    /// The network's generation it was compiled from.
    pub generation: u64,
    /// How many sites have a bundle in it.
    pub sites: u64,
    /// How many of these are run by an agent, and so can report.
    pub agents: u64,
    /// Sites that have none, because they have no agent and no key yet.
    pub pending: Vec<Name>,
    /// How many sites' bundles differ from the release before.
    pub changed: u64,
    /// How many of its sites reported to run it (or a later one).
    pub applied: u64,
    /// How many of its sites reported that they could not apply it.
    pub failed: u64,
    /// How many of its sites have not applied it and keep what they run: held, in shadow, or paused by somebody there.
    #[serde(default)]
    pub held: u64,
    /// Who published it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}
