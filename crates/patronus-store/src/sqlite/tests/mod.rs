//! What SQLite must do beyond the conformance suite.

mod suite;

use std::any::Any;

use tempfile::TempDir;

use super::SqliteStore;
use crate::CommitHook;

/// A store in a folder of its own.
pub(super) fn open(hook: CommitHook) -> (SqliteStore, Box<dyn Any>) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(&folder.path().join("patronus.db")).unwrap();
    store.set_commit_hook(hook);
    (store, Box::new(folder))
}
