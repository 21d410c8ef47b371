//! Sites: what is declared, who they are, and what their agents tell.

mod change;
mod enrol;
mod key;
mod mode;
mod record;
mod report;
mod row;

use patronus_types::api::page::StatusFilter;
use patronus_types::api::standing::SiteMode;
use patronus_types::site::{Site, SiteSpec};
use patronus_types::{Name, NetworkId, PublicKey, Ref, SiteId, TenantId, Timestamp};
use rusqlite::{Connection, params};

pub(super) use self::change::{create, update};
pub(super) use self::key::{adopt as adopt_keys, forget_old, replace as replace_keys};
pub(super) use self::mode::{MODES, read as read_mode};
pub(super) use self::record::{RECORDS, read as read_record};
pub(super) use self::row::load;
use super::SqliteStore;
use super::codec::{Columns, Ms, Text};
use super::failure::Outcome;
use super::page;
use super::unit::{not_found, row as one, rows};
use crate::{Enrolled, Enrolment, NewSite, Page, Paged, Result, SiteFilter, SiteReport, Sites, StoreError, Write};

#[async_trait::async_trait]
impl Sites for SqliteStore {
    async fn create_site(&self, write: &Write, new: NewSite) -> Result<Site> {
        self.write(write, move |unit| create(unit, &new)).await
    }

    async fn site(
        &self,
        tenant: TenantId,
        network: Option<NetworkId>,
        reference: &Ref,
        now: Timestamp,
    ) -> Result<Site> {
        self.readers.short(|connection| find(connection, tenant, network, reference, now))
    }

    async fn sites(&self, tenant: TenantId, filter: SiteFilter, page: Page, now: Timestamp) -> Result<Paged<Site>> {
        let size = page.limit;
        self.readers.sized(size, move |connection| list(connection, tenant, &filter, &page, now)).await
    }

    async fn update_site(
        &self,
        write: &Write,
        id: SiteId,
        expected: u64,
        spec: SiteSpec,
        public_key: Option<PublicKey>,
    ) -> Result<Site> {
        self.write(write, move |unit| update(unit, id, expected, &spec, public_key)).await
    }

    async fn set_site_mode(&self, write: &Write, id: SiteId, mode: SiteMode) -> Result<Site> {
        self.write(write, move |unit| mode::set(unit, id, mode)).await
    }

    async fn delete_site(&self, write: &Write, id: SiteId, expected: u64) -> Result<()> {
        self.write(write, move |unit| change::delete(unit, id, expected)).await
    }

    async fn enrol(&self, write: &Write, enrolment: Enrolment) -> Result<Enrolled> {
        self.write(write, move |unit| enrol::enrol(unit, &enrolment)).await
    }

    async fn report(&self, write: &Write, report: SiteReport) -> Result<()> {
        self.write(write, move |unit| report::keep(unit, &report)).await
    }

    async fn leave(&self, write: &Write, site: SiteId) -> Result<()> {
        self.write(write, move |unit| enrol::leave(unit, site)).await
    }

    async fn heard(&self, seen: Vec<(SiteId, Timestamp)>) -> Result<()> {
        self.maintain(move |connection| heard(connection, &seen)).await
    }

    async fn home_of(&self, id: SiteId) -> Result<(TenantId, NetworkId)> {
        let sql = "SELECT tenant_id, network_id FROM sites WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let mut columns = Columns::new(row);
            Ok((columns.text()?, columns.text()?))
        };
        let found = self.readers.short(|connection| one(connection, sql, [Text(id)], read));
        found?.ok_or_else(|| not_found("site", id))
    }

    async fn site_name(&self, id: SiteId) -> Result<Name> {
        let sql = "SELECT name FROM sites WHERE id = ?1";
        let found =
            self.readers.short(|connection| one(connection, sql, [Text(id)], |row| row.get::<_, Text<Name>>(0)));
        found?.map(|Text(name)| name).ok_or_else(|| not_found("site", id))
    }
}

fn find(
    connection: &Connection,
    tenant: TenantId,
    network: Option<NetworkId>,
    reference: &Ref,
    now: Timestamp,
) -> Outcome<Site> {
    let sql = match reference {
        Ref::Id(_) => concat!(row::select!(), " WHERE tenant_id = ?1 AND id = ?2 AND (?3 IS NULL OR network_id = ?3)"),
        Ref::Name(_) => {
            concat!(row::select!(), " WHERE tenant_id = ?1 AND name = ?2 AND (?3 IS NULL OR network_id = ?3)")
        }
    };
    let params = params![Text(tenant), Text(reference), network.map(Text)];
    let mut found = rows(connection, sql, params, |row| row::read(row, now))?;
    match found.len() {
        0 => Err(not_found("site", reference).into()),
        1 => Ok(found.remove(0)),
        _ => {
            let ids = found.iter().map(|site| site.id.into()).collect();
            Err(StoreError::Ambiguous { name: reference.to_string(), ids }.into())
        }
    }
}

fn list(
    connection: &Connection,
    tenant: TenantId,
    filter: &SiteFilter,
    page: &Page,
    now: Timestamp,
) -> Outcome<Paged<Site>> {
    macro_rules! filtered {
        () => {
            " WHERE tenant_id = ?1 AND (?2 IS NULL OR network_id = ?2) AND (?3 IS NULL OR ?3 =
                (left_at IS NULL AND last_seen_at IS NOT NULL AND last_seen_at > ?4))"
        };
    }
    let (name, id) = page::named_place(page)?;
    let active = match filter.status {
        StatusFilter::All => None,
        StatusFilter::Active => Some(true),
        StatusFilter::Inactive => Some(false),
    };
    let since = Ms(now - row::ACTIVE);
    let network = filter.network.map(Text);
    page::read(
        connection,
        page,
        (
            concat!(row::select!(), filtered!(), " AND (name, id) > (?5, ?6) ORDER BY name, id LIMIT ?7"),
            params![Text(tenant), network, active, since, name, id, page::fetch(page)],
        ),
        (concat!("SELECT count(*) FROM sites", filtered!()), params![Text(tenant), network, active, since]),
        (|row| row::read(row, now), |site| format!("{}:{}", site.spec.name, site.id)),
    )
}

fn heard(connection: &Connection, seen: &[(SiteId, Timestamp)]) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE sites SET last_seen_at = max(coalesce(last_seen_at, 0), ?2) WHERE id = ?1 AND left_at IS NULL",
    )?;
    for (site, at) in seen {
        statement.execute(params![Text(site), Ms(*at)])?;
    }
    Ok(())
}
