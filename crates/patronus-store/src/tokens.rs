//! Tokens: their hashes and what is known of them.

use patronus_types::permission::Role;
use patronus_types::token::{Token, TokenKind};
use patronus_types::{NetworkId, SiteId, TenantId, Timestamp, TokenId};

use crate::{Change, Page, Paged, Result, Write};

/// A token to make.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// `Api` or `Enrol`.
    pub kind: TokenKind,
    /// The hash under which it is found.
    pub hash: String,
    /// What it is for.
    pub description: String,
    /// What it may do.
    pub role: Role,
    /// The network and site of an enrolment token.
    pub site: Option<(NetworkId, SiteId)>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// Which tokens to list.
#[derive(Debug, Clone, Default)]
pub struct TokenFilter {
    /// Only those of a network.
    pub network: Option<NetworkId>,
}

/// What a store does with tokens.
#[async_trait::async_trait]
pub trait Tokens {
    /// Makes a token. `token.created`.
    async fn create_token(&self, write: &Write, new: NewToken) -> Result<Token>;

    /// Reads one.
    async fn token(&self, tenant: TenantId, id: TokenId) -> Result<Token>;

    /// Lists a tenant's tokens, newest first; refresh tokens are no part of it.
    async fn tokens(&self, tenant: TenantId, filter: TokenFilter, page: Page) -> Result<Paged<Token>>;

    /// Revokes one; again is no error. `token.revoked`.
    async fn revoke_token(&self, write: &Write, id: TokenId) -> Result<Token>;

    /// Writes down when tokens were last used; no event.
    async fn used(&self, used: Vec<(TokenId, Timestamp)>) -> Result<()>;

    /// Everything the server keeps in memory, as the changes that would make it: read once at start.
    async fn snapshot(&self) -> Result<Vec<Change>>;
}
