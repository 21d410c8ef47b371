//! Tenants on SQLite.

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
impl Tenants for SqliteStore {
    async fn create_tenant(&self, _write: &Write, _name: Name) -> Result<Tenant> {
        Err(StoreError::Closed)
    }

    async fn tenant(&self, _reference: &Ref) -> Result<Tenant> {
        Err(StoreError::Closed)
    }
}
