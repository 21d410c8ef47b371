//! All writes that wait, in one transaction and with one commit.
//!
//! A refused write is taken back and nothing else. A savepoint before each would do that, but costs a copy of every page
//! a write touches, and most that are refused have not changed anything yet. So they do without, until one is refused
//! that has: then the batch begins again, and each write in it gets its savepoint. When the database itself fails, nothing
//! of the batch is written and every caller in it gets that error.

use std::collections::BTreeMap;

use patronus_types::TenantId;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::codec::Text;
use super::failure::{Failure, Outcome};
use super::idempotency;
use super::unit::Unit;
use crate::{Change, Result, StoreError, Write};

/// A write that waits for its batch.
pub(super) trait Job: Send {
    /// Does it. When the batch begins again it is done again, and only the last result counts.
    fn run(&mut self, batch: &mut Batch<'_>);

    /// Tells the caller what became of it, once the batch is committed or lost.
    fn answer(self: Box<Self>, fault: Option<&StoreError>);
}

/// A write, its result, and where its caller waits for it.
pub(super) struct Asked<W, T> {
    work: W,
    result: Option<Result<T>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<W, T> Asked<W, T> {
    /// Not done yet.
    pub(super) fn new(work: W, caller: oneshot::Sender<Result<T>>) -> Self {
        Self { work, result: None, caller }
    }
}

impl<W: FnMut(&mut Batch<'_>) -> Result<T> + Send, T: Send> Job for Asked<W, T> {
    fn run(&mut self, batch: &mut Batch<'_>) {
        self.result = Some((self.work)(batch));
    }

    fn answer(self: Box<Self>, fault: Option<&StoreError>) {
        if let Some(result) = fault.map(|fault| Err(fault.clone())).or(self.result) {
            // A caller that went away does not want its answer any more.
            let _ = self.caller.send(result);
        }
    }
}

/// Answers to the callers of a batch. However they end, they are given.
pub(super) struct Answers {
    /// The writes, done.
    pub waiting: Vec<Box<dyn Job>>,
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
        for job in self.waiting.drain(..) {
            job.answer(self.fault.as_ref());
        }
    }
}

/// An open transaction.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    changes: Vec<Change>,
    newest: BTreeMap<TenantId, u64>,
    fault: Option<StoreError>,
    /// Whether each write gets its savepoint.
    careful: bool,
    /// Whether changes of a refused write are in the transaction.
    spoilt: bool,
}

impl<'a> Batch<'a> {
    /// Begins the transaction. If that fails, the batch is lost from the start.
    pub(super) fn begin(connection: &'a Connection) -> Self {
        let fault = execute(connection, "BEGIN IMMEDIATE").err().map(StoreError::from);
        let (changes, newest) = (Vec::new(), BTreeMap::new());
        Self { connection, changes, newest, fault, careful: false, spoilt: false }
    }

    /// Does a write as part of the batch, which `before` are in already.
    pub(super) fn run(&mut self, job: &mut dyn Job, before: &mut [Box<dyn Job>]) {
        job.run(self);
        if self.spoilt {
            self.begin_again();
            for job in before {
                job.run(self);
            }
            job.run(self);
        }
    }

    /// Takes everything back, to do it with savepoints.
    fn begin_again(&mut self) {
        let begun = execute(self.connection, "ROLLBACK").and_then(|()| execute(self.connection, "BEGIN IMMEDIATE"));
        self.fault = begun.err().map(StoreError::from);
        self.changes.clear();
        self.newest.clear();
        (self.careful, self.spoilt) = (true, false);
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

    /// Does one write, whole or not at all.
    pub(super) fn write<T: Serialize + DeserializeOwned>(
        &mut self,
        write: &Write,
        work: impl FnOnce(&mut Unit<'_>) -> Outcome<T>,
    ) -> Result<T> {
        let connection = self.connection;
        let mut unit = Unit::new(connection, write, self.newest.clone());
        let value = self.whole(write.dry_run, || idempotency::once(&mut unit, work))?;
        if !write.dry_run {
            self.changes.append(&mut unit.changes);
            self.newest = unit.newest;
        }
        Ok(value)
    }

    /// Does work without author or event, whole or not at all.
    pub(super) fn maintain<T>(&mut self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let connection = self.connection;
        self.whole(false, || work(connection))
    }

    fn whole<T>(&mut self, take_back: bool, work: impl FnOnce() -> Outcome<T>) -> Result<T> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None if self.careful || take_back => self.savepoint(take_back, work),
            None => self.bare(work),
        }
    }

    /// Does a write that nothing but beginning again takes back.
    fn bare<T>(&mut self, work: impl FnOnce() -> Outcome<T>) -> Result<T> {
        let before = self.connection.total_changes();
        work().map_err(|failure| {
            if self.is_lost(&failure) {
                return self.fault.insert(failure.into()).clone();
            }
            self.spoilt = self.connection.total_changes() != before;
            failure.into()
        })
    }

    fn savepoint<T>(&mut self, take_back: bool, work: impl FnOnce() -> Outcome<T>) -> Result<T> {
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
