//! Tokens.

use patronus_types::Ref;
use patronus_types::api::route::Op;
use patronus_types::api::tokens::{TokenCreate, TokenCreated};
use patronus_types::token::Token;

use crate::call::Call;
use crate::{Client, Error, Pages, Write};

/// See [`Client::tokens`].
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'a>(pub(crate) &'a Client);

impl Tokens<'_> {
    /// All tokens that the caller may see, or those of a network. API tokens belong to no network, so the scope's is not used.
    pub fn list(&self, network: Option<&Ref>) -> Pages<Token> {
        let call = Call::new(Op::TokenList, &[]).query("tenant", self.0.scope.tenant.as_ref());
        Pages::of(self.0, call.query("network", network))
    }

    /// One token, by id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, token: &str) -> Result<Token, Error> {
        self.0.send(Call::new(Op::TokenGet, &[token]).query("tenant", self.0.scope.tenant.as_ref())).await?.json()
    }

    /// Creates a token. Its secret is in this answer and nowhere else.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn create(&self, token: &TokenCreate, write: &Write) -> Result<TokenCreated, Error> {
        let call = Call::new(Op::TokenCreate, &[]).scope(self.0);
        self.0.send(call.json(token)?.write(write)?).await?.json()
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// When it cannot be revoked.
    pub async fn revoke(&self, token: &str, write: &Write) -> Result<(), Error> {
        let call = Call::new(Op::TokenRevoke, &[token]).query("tenant", self.0.scope.tenant.as_ref());
        self.0.send(call.write(write)?).await.map(drop)
    }
}
