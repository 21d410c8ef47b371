//! Manifests: what `apply -f` reads. A document is `kind:` and the object's own fields.

use serde::{Deserialize, Serialize};

use crate::network::NetworkSpec;
use crate::policy::PolicyInput;
use crate::site::SiteInput;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Manifest {
    /// A network.
    Network(NetworkSpec),
    /// A site; without `network` it belongs to the only network in the documents, else to the tenant's only one.
    Site(Box<SiteInput>),
    /// A policy, likewise.
    Policy(Box<PolicyInput>),
}
