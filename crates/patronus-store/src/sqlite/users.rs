//! Users on SQLite.

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
impl Users for SqliteStore {
    async fn create_user(&self, _write: &Write, _user: User, _password_hash: String) -> Result<User> {
        Err(StoreError::Closed)
    }

    async fn credential(&self, _name: &Name) -> Result<Credential> {
        Err(StoreError::Closed)
    }

    async fn user(&self, _id: UserId) -> Result<User> {
        Err(StoreError::Closed)
    }

    async fn has_users(&self) -> Result<bool> {
        Err(StoreError::Closed)
    }

    async fn begin_login(&self, _write: &Write, _user: UserId, _refresh: NewRefresh) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn rotate_refresh(&self, _write: &Write, _hash: &str, _next: NewRefresh) -> Result<Rotation> {
        Err(StoreError::Closed)
    }

    async fn end_login(&self, _write: &Write, _hash: &str) -> Result<()> {
        Err(StoreError::Closed)
    }
}
