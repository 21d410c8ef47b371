//! One write inside a batch: what it may do, and what it leaves behind for the commit.

use std::collections::BTreeMap;

use patronus_types::event::{Resource, Severity};
use patronus_types::{AnyId, NetworkId, TenantId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::codec::{Json, Ms, Text, Word};
use super::failure::Outcome;
use crate::{Change, StoreError, Write};

/// A write at work. Its changes count only if it succeeds and the batch commits.
pub(super) struct Unit<'a> {
    /// The connection, inside the batch's transaction.
    pub connection: &'a Connection,
    /// Who writes, when, and where.
    pub write: &'a Write,
    /// What it changes, in order.
    pub changes: Vec<Change>,
    /// The newest event number of each tenant that the batch wrote events of, its own included.
    pub newest: BTreeMap<TenantId, u64>,
}

/// An event to write. Time, actor and request come from the [`Write`].
pub(super) struct Draft {
    /// Its type.
    pub kind: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub resource: Option<Resource>,
    /// The network, where there is one.
    pub network: Option<NetworkId>,
    /// One line for people.
    pub message: String,
    /// More, as an object.
    pub details: serde_json::Value,
}

impl Draft {
    /// An event of an ordinary success.
    pub(super) fn info(kind: &'static str, message: String) -> Self {
        let details = serde_json::Value::Object(serde_json::Map::new());
        Self { kind, severity: Severity::Info, resource: None, network: None, message, details }
    }

    /// What it is about.
    pub(super) fn about(mut self, kind: &str, id: impl Into<AnyId>, name: impl ToString) -> Self {
        self.resource = Some(Resource { kind: kind.to_owned(), id: id.into(), name: name.to_string() });
        self
    }

    /// The network it belongs to.
    pub(super) fn within(mut self, network: NetworkId) -> Self {
        self.network = Some(network);
        self
    }

    /// With another severity.
    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// With details.
    pub(super) fn details(mut self, details: serde_json::Value) -> Self {
        self.details = details;
        self
    }
}

impl<'a> Unit<'a> {
    /// Begins, after the event numbers that the batch gave out so far.
    pub(super) fn new(connection: &'a Connection, write: &'a Write, newest: BTreeMap<TenantId, u64>) -> Self {
        Self { connection, write, changes: Vec::new(), newest }
    }

    /// The time of the write.
    pub(super) fn now(&self) -> Timestamp {
        self.write.now
    }

    /// The tenant written in.
    pub(super) fn tenant(&self) -> TenantId {
        self.write.tenant
    }

    /// Runs one statement and answers how many rows it touched.
    pub(super) fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Outcome<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// Reads at most one row.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Option<T>> {
        row(self.connection, sql, params, read)
    }

    /// Writes an event of the tenant of the write.
    pub(super) fn event(&mut self, draft: Draft) -> Outcome<()> {
        self.event_in(self.write.tenant, draft)
    }

    /// Writes an event. A write that is taken back takes its numbers back with it, so there is no gap.
    pub(super) fn event_in(&mut self, tenant: TenantId, draft: Draft) -> Outcome<()> {
        let number = self.next_number(tenant)?;
        let Write { actor, request_id, now, .. } = self.write;
        let resource = draft.resource.as_ref();
        self.execute(
            "INSERT INTO events (tenant_id, number, time, kind, severity, actor_kind, actor_id, actor_name,
                resource_kind, resource_id, resource_name, network_id, request_id, message, details)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                Text(tenant),
                number,
                Ms(*now),
                draft.kind,
                Word(draft.severity),
                Word(actor.kind),
                actor.id.as_ref().map(Text),
                actor.name,
                resource.map(|resource| &resource.kind),
                resource.map(|resource| Text(&resource.id)),
                resource.map(|resource| &resource.name),
                draft.network.map(Text),
                request_id,
                draft.message,
                Json(&draft.details),
            ],
        )?;
        self.newest.insert(tenant, number);
        Ok(())
    }

    /// The number after the newest: of the batch, else of the counter's row, which the batch brings up to date.
    fn next_number(&self, tenant: TenantId) -> Outcome<u64> {
        let newest = match self.newest.get(&tenant) {
            Some(newest) => Some(*newest),
            None => {
                self.row("SELECT newest FROM event_counters WHERE tenant_id = ?1", [Text(tenant)], |row| row.get(0))?
            }
        };
        Ok(newest.ok_or_else(|| not_found("tenant", tenant))? + 1)
    }
}

/// Reads at most one row with a cached statement.
pub(super) fn row<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Outcome<Option<T>> {
    Ok(connection.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// Reads all rows with a cached statement.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Outcome<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

/// What is missing, in the words of the caller.
pub(super) fn not_found(kind: &'static str, reference: impl ToString) -> StoreError {
    StoreError::NotFound { kind, reference: reference.to_string() }
}
