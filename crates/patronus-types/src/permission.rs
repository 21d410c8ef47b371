//! Who may do what: permissions are `noun:verb`, roles are sets of them.

use serde::{Deserialize, Serialize};

/// One thing a caller may be allowed to do. Every route names exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Permission {
    /// Read networks.
    #[serde(rename = "network:read")]
    NetworkRead,
    /// Create, change and delete networks.
    #[serde(rename = "network:write")]
    NetworkWrite,
    /// Read sites.
    #[serde(rename = "site:read")]
    SiteRead,
    /// Create, change and delete sites.
    #[serde(rename = "site:write")]
    SiteWrite,
    /// Read paths and what they were like.
    #[serde(rename = "path:read")]
    PathRead,
    /// Read and test policies.
    #[serde(rename = "policy:read")]
    PolicyRead,
    /// Create, change and delete policies.
    #[serde(rename = "policy:write")]
    PolicyWrite,
    /// Read releases and bundles.
    #[serde(rename = "bundle:read")]
    BundleRead,
    /// Publish, upload and roll back.
    #[serde(rename = "bundle:publish")]
    BundlePublish,
    /// List tokens.
    #[serde(rename = "token:read")]
    TokenRead,
    /// Create and revoke enrolment tokens.
    #[serde(rename = "token:enrol")]
    TokenEnrol,
    /// Create and revoke every token.
    #[serde(rename = "token:write")]
    TokenWrite,
    /// Read events.
    #[serde(rename = "event:read")]
    EventRead,
    /// What agents do for their own site.
    #[serde(rename = "agent:self")]
    AgentSelf,
}

/// A named set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also writes sites and enrolment tokens, and publishes.
    Operator,
    /// Also writes networks, policies and tokens.
    Admin,
    /// Agents and replicas.
    System,
}

impl Role {
    /// Whether the role holds the permission.
    pub fn allows(self, permission: Permission) -> bool {
        use Permission::{
            AgentSelf, BundlePublish, BundleRead, EventRead, NetworkRead, NetworkWrite, PathRead, PolicyRead,
            PolicyWrite, SiteRead, SiteWrite, TokenEnrol, TokenRead, TokenWrite,
        };
        match permission {
            NetworkRead | SiteRead | PathRead | PolicyRead | BundleRead | TokenRead | EventRead => self != Self::System,
            SiteWrite | BundlePublish | TokenEnrol => matches!(self, Self::Operator | Self::Admin),
            NetworkWrite | PolicyWrite | TokenWrite => self == Self::Admin,
            AgentSelf => self == Self::System,
        }
    }
}
