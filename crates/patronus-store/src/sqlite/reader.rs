//! The connections that read.
//!
//! A short, bounded read runs on the thread that asks: handing it to another thread costs more than the read itself.
//! A read that may take milliseconds goes to the runtime's blocking threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::failure::Outcome;
use super::open::{self, OpenError};
use crate::{Result, StoreError};

/// Read connections beyond one per processor: those that long reads hold.
const SPARE: usize = 4;

/// Objects in a list that is read on the thread that asks: about as many as take as long as handing it over.
const SHORT: u32 = 20;

/// The pool; a clone shares it.
#[derive(Clone)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    connections: Vec<Mutex<Option<Connection>>>,
    next: AtomicUsize,
}

impl Readers {
    /// Opens all connections.
    pub(super) fn open(path: &Path) -> std::result::Result<Self, OpenError> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(16) + SPARE;
        let trouble = |error| OpenError::Database { path: path.to_owned(), error };
        let open = |_| open::reader(path).map(|connection| Mutex::new(Some(connection))).map_err(trouble);
        let connections = (0..count).map(open).collect::<std::result::Result<_, _>>()?;
        Ok(Self { shared: Arc::new(Shared { connections, next: AtomicUsize::new(0) }) })
    }

    /// Reads at one moment of the database, on this thread: for what takes microseconds.
    pub(super) fn short<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let guard = self.shared.lock();
        let connection = guard.as_ref().ok_or(StoreError::Closed)?;
        work(connection).map_err(StoreError::from)
    }

    /// Reads several things at one moment of the database, on a blocking thread.
    pub(super) async fn long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let readers = self.clone();
        let read = move || {
            readers.short(|connection| {
                let transaction = connection.unchecked_transaction()?;
                work(&transaction)
            })
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Closed)?
    }

    /// Reads a list: on this thread if it is short.
    pub(super) async fn sized<T: Send + 'static>(
        &self,
        limit: u32,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        if limit <= SHORT { self.short(work) } else { self.long(work).await }
    }

    /// Closes every connection, each as soon as its read ends.
    pub(super) fn close(&self) {
        for slot in &self.shared.connections {
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

impl Shared {
    /// A free connection, or the wait for one.
    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let (before, after) = self.connections.split_at(first);
        let free = after.iter().chain(before).find_map(|slot| slot.try_lock().ok());
        free.unwrap_or_else(|| self.connections[first].lock().unwrap_or_else(PoisonError::into_inner))
    }
}
