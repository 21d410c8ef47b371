//! The one route table: it feeds the router, the client, the permission matrix and the OpenAPI document.

use crate::permission::Permission;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
    /// Changes (RFC 7396 merge patch).
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// The method as HTTP has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; what authenticates is in the body, if anything does.
    Public,
    /// Anybody with a valid credential.
    Authenticated,
    /// Whoever holds the permission.
    Needs(Permission),
}

macro_rules! routes {
    ($($(#[doc = $doc:literal])+ $op:ident: $method:ident $path:literal, $access:expr;)*) => {
        /// One operation of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Op {
            $($(#[doc = $doc])+ $op,)*
        }

        impl Op {
            /// All operations, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$op),*];

            /// The operation's route.
            pub fn route(self) -> Route {
                match self {
                    $(Self::$op => Route {
                        op: self,
                        name: stringify!($op),
                        summary: concat!($($doc),+).trim_ascii(),
                        method: Method::$method,
                        path: $path,
                        access: $access,
                    },)*
                }
            }
        }
    };
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The operation.
    pub op: Op,
    /// Its name, unique.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path with `{…}` for parameters (the form that axum takes too).
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

use Access::{Authenticated, Needs, Public};
use Permission::{
    AgentSelf, BundlePublish, BundleRead, EventRead, NetworkRead, NetworkWrite, PathRead, PolicyRead, PolicyWrite,
    SiteRead, SiteWrite, TokenEnrol, TokenRead,
};

routes! {
    /// Log in with a name and a password
    AuthLogin: Post "/v1/auth/login", Public;
    /// Renew a login
    AuthRefresh: Post "/v1/auth/refresh", Public;
    /// End a login
    AuthLogout: Post "/v1/auth/logout", Public;
    /// Say who the caller is
    AuthMe: Get "/v1/auth/me", Authenticated;

    /// List networks
    NetworkList: Get "/v1/networks", Needs(NetworkRead);
    /// Create a network
    NetworkCreate: Post "/v1/networks", Needs(NetworkWrite);
    /// Read a network
    NetworkGet: Get "/v1/networks/{networkId}", Needs(NetworkRead);
    /// Change a network
    NetworkUpdate: Patch "/v1/networks/{networkId}", Needs(NetworkWrite);
    /// Delete a network that has no sites
    NetworkDelete: Delete "/v1/networks/{networkId}", Needs(NetworkWrite);
    /// Read the key that verifies a network's bundles
    NetworkSigningKey: Get "/v1/networks/{networkId}/signing-key", Needs(NetworkRead);

    /// List sites
    SiteList: Get "/v1/sites", Needs(SiteRead);
    /// Create a site
    SiteCreate: Post "/v1/sites", Needs(SiteWrite);
    /// Read a site
    SiteGet: Get "/v1/sites/{siteId}", Needs(SiteRead);
    /// Change a site
    SiteUpdate: Patch "/v1/sites/{siteId}", Needs(SiteWrite);
    /// Set what a site does with the version it should run
    SiteMode: Post "/v1/sites/{siteId}/mode", Needs(SiteWrite);
    /// Delete a site; its agent's token ends with it
    SiteDelete: Delete "/v1/sites/{siteId}", Needs(SiteWrite);
    /// Replace a site's keys, or go on without those who hold that open
    SiteRotateKey: Post "/v1/sites/{siteId}/rotate-key", Needs(SiteWrite);
    /// Give up replacing a site's keys, as long as it still has the old ones
    SiteKeepKey: Delete "/v1/sites/{siteId}/rotate-key", Needs(SiteWrite);

    /// List paths, as their sites last reported them
    PathList: Get "/v1/paths", Needs(PathRead);
    /// Say which path packets take from a site to another, and why
    PathWhy: Post "/v1/paths/why", Needs(PathRead);
    /// Read a path
    PathGet: Get "/v1/paths/{pathId}", Needs(PathRead);
    /// Read what a path was like
    PathHealth: Get "/v1/paths/{pathId}/health", Needs(PathRead);

    /// List policies
    PolicyList: Get "/v1/policies", Needs(PolicyRead);
    /// Create a policy
    PolicyCreate: Post "/v1/policies", Needs(PolicyWrite);
    /// Say which policy decides about packets, and why the others do not
    PolicyTest: Post "/v1/policies/test", Needs(PolicyRead);
    /// List the applications that policies of a network can name
    AppList: Get "/v1/apps", Needs(PolicyRead);
    /// Read a policy
    PolicyGet: Get "/v1/policies/{policyId}", Needs(PolicyRead);
    /// Change a policy
    PolicyUpdate: Patch "/v1/policies/{policyId}", Needs(PolicyWrite);
    /// Delete a policy
    PolicyDelete: Delete "/v1/policies/{policyId}", Needs(PolicyWrite);

    /// Create and change networks, sites and policies in one transaction
    Apply: Post "/v1/apply", Needs(SiteWrite);

    /// List releases, newest first
    ReleaseList: Get "/v1/releases", Needs(BundleRead);
    /// Compile the declared state, sign it and make it the newest version
    ReleasePublish: Post "/v1/releases", Needs(BundlePublish);
    /// Read a release by its version, or `latest`
    ReleaseGet: Get "/v1/releases/{version}", Needs(BundleRead);
    /// Compare a release with an older one
    ReleaseDiff: Get "/v1/releases/{version}/diff", Needs(BundleRead);
    /// Publish an older release's declared state again
    ReleaseRollback: Post "/v1/releases/{version}/rollback", Needs(BundlePublish);
    /// List a release's bundles
    BundleList: Get "/v1/releases/{version}/bundles", Needs(BundleRead);
    /// Read what a release holds for a site
    BundleGet: Get "/v1/releases/{version}/bundles/{siteId}", Needs(BundleRead);
    /// Download a site's bundle as a tar.gz
    BundleDownload: Get "/v1/releases/{version}/bundles/{siteId}/archive", Needs(BundleRead);
    /// Publish WireGuard configurations of the operator's own, as a tar.gz
    BundleUpload: Post "/v1/bundles", Needs(BundlePublish);

    /// List tokens
    TokenList: Get "/v1/tokens", Needs(TokenRead);
    /// Create a token; API tokens need token:write
    TokenCreate: Post "/v1/tokens", Needs(TokenEnrol);
    /// Read a token
    TokenGet: Get "/v1/tokens/{tokenId}", Needs(TokenRead);
    /// Revoke a token; API tokens need token:write
    TokenRevoke: Delete "/v1/tokens/{tokenId}", Needs(TokenEnrol);

    /// List events
    EventList: Get "/v1/events", Needs(EventRead);

    /// Bring a site in
    AgentEnrol: Post "/v1/agent/enrol", Public;
    /// Ask for the version to run
    AgentState: Get "/v1/agent/state", Needs(AgentSelf);
    /// Download a bundle of one's own site
    AgentBundle: Get "/v1/agent/bundles/{digest}", Needs(AgentSelf);
    /// Report what runs
    AgentReport: Post "/v1/agent/reports", Needs(AgentSelf);
    /// Report what a site's paths are like
    AgentPaths: Post "/v1/agent/paths", Needs(AgentSelf);
    /// Leave the network: ends the agent's token
    AgentLeave: Post "/v1/agent/leave", Needs(AgentSelf);

    /// The OpenAPI document
    OpenApi: Get "/v1/openapi.json", Public;
    /// Whether the process runs
    HealthLive: Get "/health/live", Public;
    /// Whether the server can do its work
    HealthReady: Get "/health/ready", Public;
}

impl Op {
    /// The path with its parameters filled in, in order. Values are percent-encoded.
    pub fn path(self, parameters: &[&str]) -> String {
        let mut parameters = parameters.iter();
        let segment = |segment: &str| match segment.starts_with('{') {
            true => encode(parameters.next().copied().unwrap_or_default()),
            false => segment.to_owned(),
        };
        self.route().path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let escape = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_operations_share_a_route() {
        let mut seen = std::collections::BTreeSet::new();
        for op in Op::ALL {
            let route = op.route();
            assert!(seen.insert((route.method.as_str(), route.path)), "{}", route.name);
            assert!(!route.summary.is_empty());
        }
    }

    #[test]
    fn paths_are_filled_in() {
        assert_eq!(Op::BundleGet.path(&["7", "a b/c"]), "/v1/releases/7/bundles/a%20b%2Fc");
        assert_eq!(Op::SiteList.path(&[]), "/v1/sites");
    }
}
