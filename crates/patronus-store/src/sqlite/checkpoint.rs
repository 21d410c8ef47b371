//! When what stands in the WAL goes into the data file.
//!
//! SQLite does it by itself within the commit that makes the WAL long, so that now and then an answer, and whoever waits
//! for its news, has to wait until megabytes were copied and synced. Here the writer does it once it has answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::Connection;

/// Frames in a long WAL: as many as SQLite itself calls so.
const LONG: i32 = 1000;

/// Watches the WAL of the connection that writes.
#[derive(Default)]
pub(super) struct Checkpoint(Arc<AtomicI32>);

impl Checkpoint {
    /// Watches a connection. If that fails, SQLite goes on by itself.
    pub(super) fn of(connection: &mut Connection) -> Self {
        let watch = Self::default();
        let frames = Arc::clone(&watch.0);
        let noted = connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
            frames.store(count, Ordering::Relaxed);
            Ok(())
        }));
        if let Err(error) = noted {
            tracing::warn!(%error, "cannot watch the WAL: commits empty it");
        }
        watch
    }

    /// Empties a WAL that is long. What readers still need stays for the next time.
    pub(super) fn run_if_due(&self, connection: &Connection) {
        if self.0.load(Ordering::Relaxed) < LONG {
            return;
        }
        self.0.store(0, Ordering::Relaxed);
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the WAL could not be emptied; the next commit tries again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::open;

    #[test]
    fn a_commit_leaves_a_long_wal_to_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patronus.db");
        std::fs::File::create(&path).unwrap();
        let mut connection = open::writer(&path).unwrap();
        let checkpoint = Checkpoint::of(&mut connection);
        let size = || std::fs::metadata(&path).unwrap().len();
        connection.execute_batch("CREATE TABLE t (x BLOB)").unwrap();
        checkpoint.run_if_due(&connection);
        let before = size();
        connection.execute("INSERT INTO t VALUES (zeroblob(5000000))", []).unwrap();
        assert_eq!(size(), before, "the commit is not held up");
        checkpoint.run_if_due(&connection);
        assert!(size() > 5_000_000, "{}", size());
        assert_eq!(checkpoint.0.load(Ordering::Relaxed), 0, "once");
    }
}
