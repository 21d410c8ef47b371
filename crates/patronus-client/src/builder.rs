//! Setting a client up.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{Inner, Limits, Watcher};
use crate::resolve::Reachable;
use crate::server::Servers;
use crate::{Client, Credential, Error, Scope, ServerUrl, Trust};

/// The largest JSON answer that is read, in bytes, where nothing else is said.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Collects what a [`Client`] needs.
#[derive(Debug, Clone)]
pub struct Builder {
    servers: Vec<String>,
    trust: Trust,
    credential: Credential,
    scope: Scope,
    user_agent: String,
    connect_timeout: Duration,
    request_timeout: Duration,
    total_timeout: Duration,
    idle_timeout: Duration,
    retries: u32,
    largest_answer: usize,
    http1: bool,
    watcher: Watcher,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            trust: Trust::System,
            credential: Credential::None,
            scope: Scope::default(),
            user_agent: concat!("patronus-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            retries: 3,
            largest_answer: LARGEST_ANSWER,
            http1: false,
            watcher: Watcher::default(),
        }
    }
}

impl Builder {
    /// Adds a server; the first is tried first.
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.servers.push(url.into());
        self
    }

    /// Adds servers.
    pub fn servers<S: Into<String>>(mut self, urls: impl IntoIterator<Item = S>) -> Self {
        self.servers.extend(urls.into_iter().map(Into::into));
        self
    }

    /// Whom to trust; the system's roots by default.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// What authenticates the calls.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// The tenant and network that calls are about.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The program that asks, as `name/version`.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// The longest that making a connection may take, for each try; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The longest that one try may take; 15 s by default. A download may take as long between two pieces.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// The longest that a call may take with all its tries; 30 s by default. Time that a call asks the server to wait is added.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// How long an unused connection is kept; 30 s by default. Keep it below the server's own idle timeout.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How often a failed call is repeated; 3 by default.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The largest answer that is read, in bytes; 64 MiB by default. Downloads have a limit of their own.
    pub fn largest_answer(mut self, bytes: usize) -> Self {
        self.largest_answer = bytes;
        self
    }

    /// Speaks HTTP/1.1 and never HTTP/2: less work for a client that asks one thing at a time.
    pub fn http1_only(mut self) -> Self {
        self.http1 = true;
        self
    }

    /// Tells of every try that failed and of what went wrong, also where a later one succeeds.
    pub fn on_failed_try(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.watcher = Watcher(Some(Arc::new(tell)));
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Setup`] when a server's address or the CA cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let servers: Vec<ServerUrl> = self.servers.iter().map(|url| ServerUrl::parse(url)).collect::<Result<_, _>>()?;
        if servers.is_empty() {
            return Err(Error::Setup("no server is named".to_owned()));
        }
        let mut tls = self.trust.config(&servers)?;
        if self.http1 {
            tls.alpn_protocols.clear();
        }
        let http = self.http(&servers, tls)?;
        let limits = Limits {
            request_timeout: self.request_timeout,
            total_timeout: self.total_timeout,
            retries: self.retries,
            watcher: self.watcher.clone(),
            largest_answer: self.largest_answer,
        };
        let inner = Inner { http, servers: Servers::new(servers), limits };
        Ok(Client { inner: Arc::new(inner), credential: self.credential, scope: self.scope })
    }

    pub(crate) fn http(&self, servers: &[ServerUrl], tls: rustls::ClientConfig) -> Result<reqwest::Client, Error> {
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(&self.user_agent)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(4)
            .tcp_nodelay(true)
            .dns_resolver(Reachable)
            // A redirect could carry the credential elsewhere; the contract has none.
            .redirect(reqwest::redirect::Policy::none());
        if servers.iter().all(ServerUrl::is_loopback) {
            http = http.no_proxy();
        }
        http.build().map_err(|error| Error::Setup(format!("the HTTP client cannot be made: {error}")))
    }
}
