//! Releases and their bundles.

mod content;
mod create;
mod kept;
mod read;

use std::sync::Arc;

use patronus_types::bundle::Bundle;
use patronus_types::release::{Declared, Release};
use patronus_types::{Digest, NetworkId, SiteId};
use rusqlite::params;

pub(super) use self::content::forget_unused;
pub(super) use self::kept::Kept;
pub(super) use self::read::{DESIRED, desired as read_desired};
use super::SqliteStore;
use super::codec::{Json, Sha, Text};
use super::unit::{not_found, row, rows};
use crate::{NewRelease, Page, Paged, Releases, Result, StoredBundle, Write};

#[async_trait::async_trait]
impl Releases for SqliteStore {
    async fn create_release(&self, write: &Write, new: NewRelease) -> Result<Release> {
        self.write(write, move |unit| create::create(unit, &new)).await
    }

    async fn release(&self, network: NetworkId, version: Option<u64>) -> Result<Release> {
        self.readers.long(move |connection| read::one(connection, network, version)).await
    }

    async fn releases(&self, network: NetworkId, page: Page) -> Result<Paged<Release>> {
        self.readers.long(move |connection| read::list(connection, network, &page)).await
    }

    async fn declared(&self, network: NetworkId, version: u64) -> Result<Declared> {
        let sql = "SELECT declared FROM releases WHERE network_id = ?1 AND version = ?2";
        let read = move |connection: &rusqlite::Connection| {
            row(connection, sql, params![Text(network), version], |row| row.get::<_, Json<Declared>>(0))
        };
        let found = self.readers.long(read).await?;
        found.map(|Json(declared)| declared).ok_or_else(|| not_found("release", version))
    }

    async fn bundles(&self, network: NetworkId, version: u64) -> Result<Vec<Bundle>> {
        let sql = concat!(read::bundle_select!(), " WHERE network_id = ?1 AND version = ?2 ORDER BY site, site_id");
        let read = move |connection: &rusqlite::Connection| {
            rows(connection, sql, params![Text(network), version], read::bundle)
        };
        self.readers.long(read).await
    }

    async fn bundle(&self, network: NetworkId, version: u64, site: SiteId) -> Result<Bundle> {
        let sql = concat!(read::bundle_select!(), " WHERE network_id = ?1 AND version = ?2 AND site_id = ?3");
        let params = params![Text(network), version, Text(site)];
        let found = self.readers.short(|connection| row(connection, sql, params, read::bundle))?;
        found.ok_or_else(|| not_found("bundle", format_args!("{site} in version {version}")))
    }

    async fn site_has_bundle(&self, site: SiteId, digest: Digest) -> Result<bool> {
        let sql = "SELECT 1 FROM bundles WHERE digest = ?1 AND site_id = ?2 LIMIT 1";
        let params = params![Sha(digest), Text(site)];
        Ok(self.readers.short(|connection| row(connection, sql, params, |_| Ok(())))?.is_some())
    }

    async fn stored_bundle(&self, digest: Digest) -> Result<StoredBundle> {
        let kept = self.kept.clone();
        self.readers.long(move |connection| content::load(connection, &kept, digest)).await
    }

    async fn archive(&self, digest: Digest) -> Result<Option<Arc<[u8]>>> {
        self.readers.long(move |connection| content::archive(connection, digest)).await
    }

    async fn keep_archive(&self, digest: Digest, archive: Arc<[u8]>) -> Result<()> {
        self.maintain(move |connection| content::keep_archive(connection, digest, &archive)).await
    }
}
