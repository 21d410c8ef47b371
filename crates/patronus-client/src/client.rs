//! The client itself: what all calls share, and the doors to the nouns.

use std::sync::Arc;
use std::time::Duration;

use patronus_types::Ref;

use crate::server::Servers;
use crate::{
    Builder, Credential, Error, agent, apply, auth, bundles, events, health, networks, paths, policies, releases,
    sites, tokens,
};

/// A client of one or several servers. Cloning is cheap and shares connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) credential: Credential,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) servers: Servers,
    pub(crate) limits: Limits,
}

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) request_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) watcher: Watcher,
    pub(crate) largest_answer: usize,
}

/// Who is told of failed tries.
#[derive(Clone, Default)]
pub(crate) struct Watcher(pub(crate) Option<Arc<Tell>>);

pub(crate) type Tell = dyn Fn(&Error) + Send + Sync;

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Watcher(…)" } else { "None" })
    }
}

/// The tenant and network that calls are about, where the caller's own or the only one will not do.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The tenant.
    pub tenant: Option<Ref>,
    /// The network.
    pub network: Option<Ref>,
}

/// How to write.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// Check and answer as if, but change nothing.
    pub dry_run: bool,
    /// The idempotency key; one is made where none is given.
    pub idempotency_key: Option<String>,
}

impl Write {
    /// One that changes nothing.
    pub fn dry_run() -> Self {
        Self { dry_run: true, ..Self::default() }
    }
}

impl Client {
    /// Begins to set one up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same client with another scope.
    pub fn scoped(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }

    /// The same client with another credential.
    pub fn authenticated(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// The server that answered last, or the first.
    pub fn server(&self) -> &str {
        self.inner.servers.at(self.inner.servers.preferred()).as_str()
    }

    /// All servers, in the order they were given.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        (0..self.inner.servers.len()).map(|index| self.inner.servers.at(index).as_str())
    }

    /// Logging in and out.
    pub fn auth(&self) -> auth::Auth<'_> {
        auth::Auth(self)
    }

    /// Networks.
    pub fn networks(&self) -> networks::Networks<'_> {
        networks::Networks(self)
    }

    /// Sites.
    pub fn sites(&self) -> sites::Sites<'_> {
        sites::Sites(self)
    }

    /// Paths.
    pub fn paths(&self) -> paths::Paths<'_> {
        paths::Paths(self)
    }

    /// Policies.
    pub fn policies(&self) -> policies::Policies<'_> {
        policies::Policies(self)
    }

    /// Sets of manifests.
    pub fn apply(&self) -> apply::Apply<'_> {
        apply::Apply(self)
    }

    /// Releases.
    pub fn releases(&self) -> releases::Releases<'_> {
        releases::Releases(self)
    }

    /// What releases hold for single sites.
    pub fn bundles(&self) -> bundles::Bundles<'_> {
        bundles::Bundles(self)
    }

    /// Tokens.
    pub fn tokens(&self) -> tokens::Tokens<'_> {
        tokens::Tokens(self)
    }

    /// Events.
    pub fn events(&self) -> events::Events<'_> {
        events::Events(self)
    }

    /// What an agent does for its site.
    pub fn agent(&self) -> agent::Agent<'_> {
        agent::Agent(self)
    }

    /// Whether servers are well.
    pub fn health(&self) -> health::HealthCalls<'_> {
        health::HealthCalls(self)
    }
}
