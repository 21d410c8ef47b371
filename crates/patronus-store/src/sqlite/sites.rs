//! Sites on SQLite.

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
impl Sites for SqliteStore {
    async fn create_site(&self, _write: &Write, _new: NewSite) -> Result<Site> {
        Err(StoreError::Closed)
    }

    async fn site(
        &self,
        _tenant: TenantId,
        _network: Option<NetworkId>,
        _reference: &Ref,
        _now: Timestamp,
    ) -> Result<Site> {
        Err(StoreError::Closed)
    }

    async fn sites(&self, _tenant: TenantId, _filter: SiteFilter, _page: Page, _now: Timestamp) -> Result<Paged<Site>> {
        Err(StoreError::Closed)
    }

    async fn update_site(
        &self,
        _write: &Write,
        _id: SiteId,
        _expected: u64,
        _spec: SiteSpec,
        _public_key: Option<PublicKey>,
    ) -> Result<Site> {
        Err(StoreError::Closed)
    }

    async fn delete_site(&self, _write: &Write, _id: SiteId, _expected: u64) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn enrol(&self, _write: &Write, _enrolment: Enrolment) -> Result<Enrolled> {
        Err(StoreError::Closed)
    }

    async fn report(&self, _write: &Write, _report: SiteReport) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn leave(&self, _write: &Write, _site: SiteId) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn heard(&self, _seen: Vec<(SiteId, Timestamp)>) -> Result<()> {
        Err(StoreError::Closed)
    }

    async fn site_name(&self, _id: SiteId) -> Result<Name> {
        Err(StoreError::Closed)
    }
}
