//! What every request needs: the store, the index, the secrets, and the one clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use patronus_core::signature::SigningKey;
use patronus_store::Store;
use patronus_types::{Digest, Timestamp};
use tokio::sync::{Semaphore, watch};

use crate::auth::jwt::Jwt;
use crate::auth::password::Passwords;
use crate::config::{History, Lifetimes, Limits};
use crate::error::{Error, Result};
use crate::handlers::health::Readiness;
use crate::index::Index;
use crate::keys::{ServerSecret, TokenHasher};
use crate::paths::Paths;
use crate::rotation::Troubles;

/// The only place where the time is read.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that a test moves.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// What an [`App`] is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The memory that the store's commits feed.
    pub index: Arc<Index>,
    /// The server secret.
    pub secret: ServerSecret,
    /// The key that signs bundles.
    pub signing_key: SigningKey,
    /// SHA-256 of the CA, where the server is reached over TLS.
    pub ca_sha256: Option<Digest>,
    /// From when until when the certificate it serves with is valid.
    pub certificate: Option<(Timestamp, Timestamp)>,
    /// Where agents and people reach the server.
    pub public_urls: Vec<String>,
    /// The clock.
    pub clock: Clock,
    /// A moment that is past: a clock that shows an earlier one is wrong.
    pub not_before: Timestamp,
    /// Bounds on connections and requests.
    pub limits: Limits,
    /// How long logins last.
    pub lifetimes: Lifetimes,
    /// How long it is known what paths were like.
    pub history: History,
}

/// The state that all requests share: the [`Parts`] it was made of, which it shows as its own, and what follows from them.
pub struct App {
    parts: Parts,
    /// Hashes tokens.
    pub tokens: TokenHasher,
    pub(crate) jwt: Jwt,
    pub(crate) passwords: Passwords,
    pub(crate) request_ids: crate::extract::RequestIds,
    pub(crate) publishing: Publishing,
    pub(crate) rotation_troubles: Troubles,
    pub(crate) readiness: Readiness,
    pub(crate) paths: Paths,
    /// Turns at compressing: a thousand agents ask for their archives in the moment when a thousand others wait to
    /// hear of the version, so it never takes all processors.
    pub(crate) packing: Semaphore,
    stopping: watch::Sender<bool>,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// One publication of a network at a time: a second one would only meet the first one's conflict.
#[derive(Default)]
pub(crate) struct Publishing(std::sync::Mutex<BTreeMap<patronus_types::NetworkId, Arc<tokio::sync::Mutex<()>>>>);

impl Publishing {
    pub(crate) async fn turn(&self, network: patronus_types::NetworkId) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = crate::index::locked(&self.0).entry(network).or_default().clone();
        turn.lock_owned().await
    }
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(parts: Parts) -> Result<Arc<Self>, crate::keys::KeyError> {
        Ok(Arc::new(Self {
            tokens: parts.secret.token_hasher(),
            jwt: Jwt::new(&parts.secret.derive("jwt", &[])),
            passwords: Passwords::new(&parts.secret.derive("nobody's password", &[])),
            request_ids: crate::extract::RequestIds::new(crate::keys::random()?),
            publishing: Publishing::default(),
            rotation_troubles: Troubles::default(),
            readiness: Readiness::default(),
            paths: Paths::default(),
            packing: Semaphore::new(half_of_the_processors()),
            stopping: watch::Sender::new(false),
            parts,
        }))
    }

    /// Random bytes.
    pub fn random<const N: usize>(&self) -> Result<[u8; N]> {
        crate::keys::random().map_err(Error::internal)
    }

    /// The time and ten random bytes, of which ids are made.
    pub fn id_parts(&self, now: Timestamp) -> Result<(u64, [u8; 10])> {
        Ok((u64::try_from(now.as_millisecond()).unwrap_or_default(), self.random()?))
    }

    /// Tells everything that waits to come to an end.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns once the server stops.
    pub async fn stopping(&self) {
        let mut stopping = self.stopping.subscribe();
        let _sender_lives_in_self = stopping.wait_for(|&stop| stop).await;
    }
}

fn half_of_the_processors() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1))
}

/// Makes an id of any kind from an app and a time.
macro_rules! new_id {
    ($app:expr, $now:expr, $type:ty) => {{
        let (millisecond, random) = $app.id_parts($now)?;
        <$type>::new(millisecond, &random)
    }};
}
pub(crate) use new_id;
