//! A login that renews itself, also when several programs share it.
//!
//! A refresh token works once: using it twice ends the login. So it is only used under the store's lock, and after
//! reading again whether somebody else has renewed meanwhile, and after trying whether the store takes a login at all; the
//! new one is kept before the lock is let go.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use patronus_types::api::auth::LoginResponse;
use patronus_types::api::error::ErrorCode;
use patronus_types::token::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{Client, Credential, Error, TokenSource};

/// A token is renewed this long before it ends, so that it does not end on its way.
const MARGIN: SignedDuration = SignedDuration::from_secs(20);

/// What is kept of a login.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The token for calls.
    pub access_token: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Renews the login, once.
    pub refresh_token: Secret,
}

impl Login {
    /// What a server answered at a time.
    pub fn new(answer: LoginResponse, now: Timestamp) -> Self {
        let lasts = SignedDuration::from_secs(i64::try_from(answer.expires_in).unwrap_or(i64::MAX));
        let expires_at = now.saturating_add(lasts).unwrap_or(Timestamp::MAX);
        Self { access_token: answer.access_token, expires_at, refresh_token: answer.refresh_token }
    }

    /// Whether the token for calls can still be used.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_until(self.expires_at) > MARGIN
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Where a login is kept. Its methods may block: they are called off the runtime.
pub trait LoginStore: Send + Sync + 'static {
    /// Keeps other programs from renewing, until what it returns is dropped.
    ///
    /// # Errors
    /// In words, when the lock cannot be had.
    fn lock(&self) -> Result<Box<dyn Any + Send>, String>;

    /// Reads the login.
    ///
    /// # Errors
    /// In words, when it cannot be read.
    fn load(&self) -> Result<Login, String>;

    /// Keeps a renewed login.
    ///
    /// # Errors
    /// In words, when it cannot be kept.
    fn save(&self, login: &Login) -> Result<(), String>;
}

/// Gives the tokens of a login and renews it.
pub struct Session {
    client: Client,
    store: Arc<dyn LoginStore>,
    current: Mutex<Option<Login>>,
}

impl Session {
    /// A session whose login is in the store; the client is only used to renew it.
    pub fn new(client: &Client, store: Arc<dyn LoginStore>) -> Self {
        Self { client: client.authenticated(Credential::None), store, current: Mutex::new(None) }
    }

    /// The same, with the login that was read from the store already.
    pub fn resume(client: &Client, store: Arc<dyn LoginStore>, login: Login) -> Self {
        Self { client: client.authenticated(Credential::None), store, current: Mutex::new(Some(login)) }
    }

    async fn renew(&self, rejected: Option<&str>) -> Result<Login, Error> {
        let lock = self.in_store(|store| store.lock()).await?;
        let known = self.in_store(|store| store.load()).await?;
        if usable(&known, rejected) {
            return Ok(known);
        }
        // A store that cannot be written, say on a full disk, must not cost the login: the renewed one would be lost.
        let same = known.clone();
        self.in_store(move |store| store.save(&same)).await?;
        let answer = self.client.auth().refresh(&known.refresh_token).await.map_err(ended)?;
        let login = Login::new(answer, Timestamp::now());
        let kept = login.clone();
        self.in_store(move |store| store.save(&kept)).await?;
        drop(lock);
        Ok(login)
    }

    async fn in_store<T: Send + 'static>(
        &self,
        act: impl FnOnce(&dyn LoginStore) -> Result<T, String> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || act(store.as_ref())).await;
        let refuse = |what: String| Error::Credential { what, login: false };
        done.map_err(|_| refuse("the credential store did not answer".to_owned()))?.map_err(refuse)
    }
}

fn usable(login: &Login, rejected: Option<&str>) -> bool {
    login.is_fresh(Timestamp::now()) && rejected != Some(login.access_token.as_str())
}

fn ended(error: Error) -> Error {
    if error.is(ErrorCode::Unauthenticated) {
        return Error::Credential { what: "the login has ended".to_owned(), login: true };
    }
    error
}

#[async_trait]
impl TokenSource for Session {
    async fn token(&self, rejected: Option<&str>) -> Result<String, Error> {
        let mut current = self.current.lock().await;
        let login = match current.take() {
            Some(login) if usable(&login, rejected) => login,
            _ => self.renew(rejected).await?,
        };
        let token = login.access_token.clone();
        *current = Some(login);
        Ok(token)
    }
}
