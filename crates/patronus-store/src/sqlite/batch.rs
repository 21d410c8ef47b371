//! All writes that wait, in one transaction: a savepoint each, one commit for all.
//!
//! A refused write takes back its savepoint and nothing else. When the database itself fails, nothing of the batch is
//! written and every caller in it gets that error, those too whose savepoints had been released.

use std::collections::BTreeMap;

use patronus_types::TenantId;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use super::codec::Text;
use super::failure::{Failure, Outcome};
use super::idempotency;
use super::unit::Unit;
use crate::{Change, Result, StoreError, Write};

/// Tells a caller what became of its write, once the batch is committed or lost.
pub(super) type Answer = Box<dyn FnOnce(Option<&StoreError>) + Send>;

/// A write that waits for its batch.
pub(super) struct Job {
    /// Where its caller waits.
    pub runtime: Option<Handle>,
    /// The write itself.
    pub work: Box<dyn FnOnce(&mut Batch<'_>) -> Answer + Send>,
}

/// Answers to the callers of a batch. However they end, they are given.
pub(super) struct Answers {
    /// One for each caller.
    pub waiting: Vec<Answer>,
    /// Why nothing was written, if nothing was.
    pub fault: Option<StoreError>,
}

impl Answers {
    /// Gives them all. To wake a sleeping runtime costs a system call, so that several are given from within it.
    pub(super) fn give(self, runtime: Option<Handle>) {
        if let Some(runtime) = runtime.filter(|_| self.waiting.len() > 1) {
            runtime.spawn(async move { drop(self) });
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for answer in self.waiting.drain(..) {
            answer(self.fault.as_ref());
        }
    }
}

/// An open transaction.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    changes: Vec<Change>,
    newest: BTreeMap<TenantId, u64>,
    fault: Option<StoreError>,
}

impl<'a> Batch<'a> {
    /// Begins the transaction. If that fails, the batch is lost from the start.
    pub(super) fn begin(connection: &'a Connection) -> Self {
        let fault = execute(connection, "BEGIN IMMEDIATE").err().map(StoreError::from);
        Self { connection, changes: Vec::new(), newest: BTreeMap::new(), fault }
    }

    /// Commits, and answers what the commit changed; the newest event numbers come last.
    pub(super) fn commit(mut self) -> Result<Vec<Change>> {
        if self.fault.is_none() {
            let done = self.count_events().and_then(|()| execute(self.connection, "COMMIT"));
            self.fault = done.err().map(StoreError::from);
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let events = self.newest.into_iter().map(|(tenant, newest)| Change::Events { tenant, newest });
        self.changes.extend(events);
        Ok(self.changes)
    }

    /// Writes down the newest event numbers, once for all events of the batch.
    fn count_events(&self) -> Outcome<()> {
        for (tenant, newest) in &self.newest {
            self.connection
                .prepare_cached("UPDATE event_counters SET newest = ?2 WHERE tenant_id = ?1")?
                .execute(params![Text(tenant), newest])?;
        }
        Ok(())
    }

    /// Does one write in its own savepoint.
    pub(super) fn write<T: Serialize + DeserializeOwned>(
        &mut self,
        write: &Write,
        work: impl FnOnce(&mut Unit<'_>) -> Outcome<T>,
    ) -> Result<T> {
        let connection = self.connection;
        let mut unit = Unit::new(connection, write, self.newest.clone());
        let value = self.savepoint(write.dry_run, || idempotency::once(&mut unit, work))?;
        if !write.dry_run {
            self.changes.append(&mut unit.changes);
            self.newest = unit.newest;
        }
        Ok(value)
    }

    /// Does work without author or event in its own savepoint.
    pub(super) fn maintain<T>(&mut self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let connection = self.connection;
        self.savepoint(false, || work(connection))
    }

    fn savepoint<T>(&mut self, take_back: bool, work: impl FnOnce() -> Outcome<T>) -> Result<T> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let done = execute(self.connection, "SAVEPOINT one").and_then(|()| work());
        let ended = match &done {
            Ok(_) if !take_back => execute(self.connection, "RELEASE one"),
            Err(failure) if self.is_lost(failure) => Ok(()),
            _ => execute(self.connection, "ROLLBACK TO one").and_then(|()| execute(self.connection, "RELEASE one")),
        };
        let lost = done.as_ref().err().is_some_and(|failure| self.is_lost(failure));
        match (done, ended) {
            (Ok(value), Ok(())) => Ok(value),
            (Err(failure), Ok(())) if !lost => Err(failure.into()),
            (Err(failure), _) | (Ok(_), Err(failure)) => Err(self.fault.insert(failure.into()).clone()),
        }
    }

    /// Whether a failure took the transaction with it.
    fn is_lost(&self, failure: &Failure) -> bool {
        failure.ends_batch() || self.connection.is_autocommit()
    }
}

fn execute(connection: &Connection, sql: &str) -> Outcome<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
