//! Logging in and out.

use patronus_types::api::auth::{LoginRequest, LoginResponse, Me, RefreshRequest};
use patronus_types::api::route::Op;
use patronus_types::token::Secret;

use crate::call::Call;
use crate::{Client, Error};

/// See [`Client::auth`].
#[derive(Debug, Clone, Copy)]
pub struct Auth<'a>(pub(crate) &'a Client);

impl Auth<'_> {
    /// Logs in with a name and a password.
    ///
    /// # Errors
    /// [`Error::Api`] with code `unauthenticated` when they are not right.
    pub async fn login(&self, username: &str, password: &str) -> Result<LoginResponse, Error> {
        let request = LoginRequest { username: username.to_owned(), password: password.to_owned() };
        self.0.send(Call::new(Op::AuthLogin, &[]).json(&request)?.harmless()).await?.json()
    }

    /// Renews a login. It is not repeated when the answer is lost: a token that is used twice ends the login.
    ///
    /// # Errors
    /// [`Error::Api`] with code `unauthenticated` when the login has ended.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<LoginResponse, Error> {
        let request = RefreshRequest { refresh_token: refresh_token.clone() };
        self.0.send(Call::new(Op::AuthRefresh, &[]).json(&request)?).await?.json()
    }

    /// Ends a login.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn logout(&self, refresh_token: &Secret) -> Result<(), Error> {
        let request = RefreshRequest { refresh_token: refresh_token.clone() };
        self.0.send(Call::new(Op::AuthLogout, &[]).json(&request)?.harmless()).await.map(drop)
    }

    /// Who the server takes the caller for.
    ///
    /// # Errors
    /// When the credential is not taken.
    pub async fn me(&self) -> Result<Me, Error> {
        self.0.send(Call::new(Op::AuthMe, &[])).await?.json()
    }
}
