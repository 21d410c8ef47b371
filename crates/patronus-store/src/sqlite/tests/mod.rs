//! What SQLite must do beyond the conformance suite.

mod full;
mod kill;
mod opening;
mod suite;
mod trouble;

use std::any::Any;
use std::path::Path;

use patronus_types::permission::Role;
use patronus_types::token::TokenKind;
use rusqlite::Connection;
use tempfile::TempDir;

use super::SqliteStore;
use crate::conformance::world::token_id;
use crate::{CommitHook, NewToken};

/// A store in a folder of its own.
pub(super) fn open(hook: CommitHook) -> (SqliteStore, Box<dyn Any>) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(&folder.path().join("patronus.db")).unwrap();
    store.set_commit_hook(hook);
    (store, Box::new(folder))
}

/// A token whose description takes room.
fn token(description: String) -> NewToken {
    let id = token_id();
    let hash = format!("hash-{id}");
    NewToken { id, kind: TokenKind::Api, hash, description, role: Role::Viewer, site: None, expires_at: None }
}

/// What SQLite itself says of a file: `ok`, if nothing in it contradicts anything else in it.
fn integrity(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let dangling: Option<String> =
        rusqlite::OptionalExtension::optional(connection.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)))
            .unwrap();
    assert_eq!(dangling, None, "a row refers to nothing");
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}
