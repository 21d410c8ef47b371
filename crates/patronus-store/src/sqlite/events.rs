//! Events, read.

use patronus_types::TenantId;
use patronus_types::event::{Actor, Event, Resource};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::{Columns, Text};
use super::failure::Outcome;
use super::page;
use super::unit::row;
use crate::{EventFilter, Events, Page, Paged, Result};

#[async_trait::async_trait]
impl Events for SqliteStore {
    async fn events(&self, tenant: TenantId, filter: EventFilter, page: Page) -> Result<Paged<Event>> {
        // A filter may have to pass over very many to find its own.
        let filtered = filter.network.is_some() || filter.kind.is_some() || page.count;
        let size = if filtered { u32::MAX } else { page.limit };
        self.readers.sized(size, move |connection| list(connection, tenant, &filter, &page)).await
    }

    async fn newest_event(&self, tenant: TenantId) -> Result<u64> {
        let sql = "SELECT newest FROM event_counters WHERE tenant_id = ?1";
        let found = self.readers.short(|connection| row(connection, sql, [Text(tenant)], |row| row.get(0)))?;
        Ok(found.unwrap_or(0))
    }
}

macro_rules! select {
    () => {
        "SELECT number, time, kind, severity, actor_kind, actor_id, actor_name, resource_kind, resource_id,
            resource_name, network_id, request_id, message, details
         FROM events"
    };
}

/// The tenant's own, of a network if one is given, and of a type or of a range of types: `site.` up to `site/`.
macro_rules! filtered {
    () => {
        " WHERE tenant_id = ?1 AND (?2 IS NULL OR network_id = ?2) AND (?3 IS NULL OR kind BETWEEN ?3 AND ?4)"
    };
}

fn list(connection: &Connection, tenant: TenantId, filter: &EventFilter, page: &Page) -> Outcome<Paged<Event>> {
    let network = filter.network.map(Text);
    let first = filter.kind.as_deref();
    let last = first.map(|kind| kind.strip_suffix('.').map_or_else(|| kind.to_owned(), |group| format!("{group}/")));
    let place: Option<u64> = page::place(page)?;
    let (list, from) = match filter.after {
        Some(after) => (
            concat!(select!(), filtered!(), " AND number > ?5 ORDER BY number LIMIT ?6"),
            place.unwrap_or(0).max(after),
        ),
        None => (
            concat!(select!(), filtered!(), " AND number < ?5 ORDER BY number DESC LIMIT ?6"),
            place.unwrap_or(u64::MAX),
        ),
    };
    // The greatest number a column can hold is beyond every event.
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    page::read(
        connection,
        page,
        (list, params![Text(tenant), network, first, last, from, page::fetch(page)]),
        (concat!("SELECT count(*) FROM events", filtered!()), params![Text(tenant), network, first, last]),
        (read, |event| event.number.to_string()),
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    let mut columns = Columns::new(row);
    Ok(Event {
        number: columns.plain()?,
        time: columns.time()?,
        kind: columns.plain()?,
        severity: columns.word()?,
        actor: Actor { kind: columns.word()?, id: columns.maybe_text()?, name: columns.plain()? },
        resource: resource(&mut columns)?,
        network_id: columns.maybe_text()?,
        request_id: columns.plain()?,
        message: columns.plain()?,
        details: columns.json()?,
    })
}

fn resource(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Resource>> {
    let (kind, id, name) = (columns.plain::<Option<_>>()?, columns.maybe_text()?, columns.plain::<Option<_>>()?);
    Ok(match (kind, id, name) {
        (Some(kind), Some(id), Some(name)) => Some(Resource { kind, id, name }),
        _ => None,
    })
}
