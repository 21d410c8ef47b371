//! The store on SQLite: one file, one thread that writes, a pool of connections that read.
//!
//! A write goes handler → `writer` (queue, one transaction for all that wait) → `batch` (each whole or not at all) →
//! `unit` (the change and its events) → commit → commit hook → answer. A read takes a connection of `reader` and
//! sees every write that was answered.
//!
//! What stands in the file survives `kill -9` and power loss: WAL with `synchronous=FULL`. Two servers on one file are
//! kept apart by a lock file beside it.

mod batch;
mod checkpoint;
mod codec;
mod events;
mod failure;
mod idempotency;
mod migrate;
mod networks;
mod open;
mod page;
mod paths;
mod policies;
mod reader;
mod releases;
mod room;
mod rotations;
mod sites;
mod tenants;
#[cfg(test)]
mod tests;
mod tokens;
mod unit;
mod users;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use patronus_types::{Digest, Timestamp};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::codec::Sha;
use self::failure::Outcome;
use self::open::FolderLock;
pub use self::open::OpenError;
use self::reader::Readers;
use self::unit::Unit;
use self::writer::Writer;
use crate::{CommitHook, Result, Store, Write};

/// A store in one SQLite file.
pub struct SqliteStore {
    // Dropped first: the readers' connections are then the last, and the last one to close tidies the WAL away.
    writer: Writer,
    readers: Readers,
    kept: releases::Kept,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the file, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When another process has it, a newer version wrote it, or it cannot be read or written.
    pub fn open(path: &Path) -> std::result::Result<Self, OpenError> {
        Self::open_with(path, migrate::MIGRATIONS)
    }

    fn open_with(path: &Path, steps: &[migrate::Migration]) -> std::result::Result<Self, OpenError> {
        let lock = Arc::new(FolderLock::take(path)?);
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        let trouble = |error| OpenError::Database { path: path.to_owned(), error };
        open::open_private(path).map_err(io)?;
        let mut connection = open::writer(path).map_err(trouble)?;
        if let Some(backup) = migrate::migrate(&mut connection, path, steps, Timestamp::now())? {
            tracing::info!(backup = %backup.display(), "migrated the data file; a copy of the old one is kept");
        }
        let readers = Readers::open(path)?;
        let writer = Writer::start(path.to_owned(), connection, lock).map_err(io)?;
        Ok(Self { writer, readers, kept: releases::Kept::default(), path: path.to_owned() })
    }

    /// Sets what is called with each commit's changes, before its callers are answered.
    ///
    /// Set it before the first write and before [`crate::Tokens::snapshot`], then nothing is missed.
    pub fn set_commit_hook(&self, hook: CommitHook) {
        self.writer.set_hook(hook);
    }

    /// One write with its events: durable when this answers. The work may be done twice, of which the last counts.
    async fn write<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        write: &Write,
        mut work: impl FnMut(&mut Unit<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let write = write.clone();
        self.writer.submit(move |batch| batch.write(&write, &mut work)).await
    }

    /// Upkeep without author and event. It too may be done twice.
    async fn maintain<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.submit(move |batch| batch.maintain(&mut work)).await
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn probe(&self) -> Result<()> {
        // A row that changes: an empty transaction would commit on a full disk. It is one page, and other writes are
        // many, so there must be some room besides.
        let touch = |connection: &Connection| Ok(connection.execute("UPDATE probe SET at = at + 1 WHERE id = 1", [])?);
        self.maintain(touch).await?;
        room::check(&self.path)
    }

    async fn claim(&self, mark: Digest) -> Result<bool> {
        let work = move |connection: &Connection| {
            connection.execute("INSERT OR IGNORE INTO owner (id, mark) VALUES (1, ?1)", [Sha(mark)])?;
            let kept =
                connection.query_row("SELECT mark FROM owner WHERE id = 1", [], |row| row.get::<_, Vec<u8>>(0))?;
            Ok(kept == mark.0)
        };
        self.maintain(work).await
    }

    async fn close(&self) {
        if let Some(thread) = self.writer.end() {
            // The thread has at most a queue of writes to do; waiting for it must not hold up the runtime.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.readers.close();
    }
}
