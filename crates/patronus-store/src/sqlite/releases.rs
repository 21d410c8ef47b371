//! Releases on SQLite.

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
impl Releases for SqliteStore {
    async fn create_release(&self, _write: &Write, _new: NewRelease) -> Result<Release> {
        Err(StoreError::Closed)
    }

    async fn release(&self, _network: NetworkId, _version: Option<u64>) -> Result<Release> {
        Err(StoreError::Closed)
    }

    async fn releases(&self, _network: NetworkId, _page: Page) -> Result<Paged<Release>> {
        Err(StoreError::Closed)
    }

    async fn declared(&self, _network: NetworkId, _version: u64) -> Result<Declared> {
        Err(StoreError::Closed)
    }

    async fn bundles(&self, _network: NetworkId, _version: u64) -> Result<Vec<Bundle>> {
        Err(StoreError::Closed)
    }

    async fn bundle(&self, _network: NetworkId, _version: u64, _site: SiteId) -> Result<Bundle> {
        Err(StoreError::Closed)
    }

    async fn site_has_bundle(&self, _site: SiteId, _digest: Digest) -> Result<bool> {
        Err(StoreError::Closed)
    }

    async fn stored_bundle(&self, _digest: Digest) -> Result<StoredBundle> {
        Err(StoreError::Closed)
    }

    async fn keep_archive(&self, _digest: Digest, _archive: Arc<[u8]>) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn archive(&self, _digest: Digest) -> Result<Option<Arc<[u8]>>> {
        Err(StoreError::Closed)
    }
}
