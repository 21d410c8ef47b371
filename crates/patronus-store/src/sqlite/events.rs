//! Events on SQLite.

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
impl Events for SqliteStore {
    async fn events(&self, _tenant: TenantId, _filter: EventFilter, _page: Page) -> Result<Paged<Event>> {
        Err(StoreError::Closed)
    }

    async fn newest_event(&self, _tenant: TenantId) -> Result<u64> {
        Err(StoreError::Closed)
    }
}
