//! Tokens on SQLite.

use super::SqliteStore;
use crate::*;
use patronus_types::{
    api::page::StatusFilter,
    bundle::Bundle,
    event::Event,
    network::{Network, NetworkSpec},
    release::{Declared, Release},
    site::{Site, SiteSpec},
    tenant::Tenant,
    token::Token,
    user::User,
    *,
};
use std::sync::Arc;

#[async_trait::async_trait]
impl Tokens for SqliteStore {
    async fn create_token(&self, _write: &Write, _new: NewToken) -> Result<Token> {
        Err(StoreError::Closed)
    }

    async fn token(&self, _tenant: TenantId, _id: TokenId) -> Result<Token> {
        Err(StoreError::Closed)
    }

    async fn tokens(&self, _tenant: TenantId, _filter: TokenFilter, _page: Page) -> Result<Paged<Token>> {
        Err(StoreError::Closed)
    }

    async fn revoke_token(&self, _write: &Write, _id: TokenId) -> Result<Token> {
        Err(StoreError::Closed)
    }

    async fn used(&self, _used: Vec<(TokenId, Timestamp)>) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn snapshot(&self) -> Result<Vec<Change>> {
        Err(StoreError::Closed)
    }
}
