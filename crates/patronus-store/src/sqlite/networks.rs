//! Networks on SQLite.

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
impl Networks for SqliteStore {
    async fn create_network(&self, _write: &Write, _new: NewNetwork) -> Result<Network> {
        Err(StoreError::Closed)
    }

    async fn network(&self, _tenant: TenantId, _reference: &Ref) -> Result<Network> {
        Err(StoreError::Closed)
    }

    async fn networks(&self, _tenant: TenantId, _page: Page) -> Result<Paged<Network>> {
        Err(StoreError::Closed)
    }

    async fn update_network(
        &self,
        _write: &Write,
        _id: NetworkId,
        _expected: u64,
        _spec: NetworkSpec,
    ) -> Result<Network> {
        Err(StoreError::Closed)
    }

    async fn delete_network(&self, _write: &Write, _id: NetworkId, _expected: u64) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn compile_input(&self, _tenant: TenantId, _id: NetworkId) -> Result<NetworkRecord> {
        Err(StoreError::Closed)
    }

    async fn apply(&self, _write: &Write, _ops: Vec<ApplyOp>) -> Result<Vec<Applied>> {
        Err(StoreError::Closed)
    }
}
