//! Opening, locking and migrating the data file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use patronus_types::TenantId;
use rusqlite::Connection;
use tempfile::TempDir;

use super::integrity;
use crate::conformance::world::{name, write_at};
use crate::sqlite::migrate::{MIGRATIONS, Migration};
use crate::sqlite::{OpenError, SqliteStore};
use crate::{Store as _, StoreError, Tenants as _};

const KNOWN: u32 = MIGRATIONS[MIGRATIONS.len() - 1].number;
const NEXT: Migration =
    Migration { number: KNOWN + 1, name: "next", sql: "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT" };

fn with_next() -> Vec<Migration> {
    let copy = |step: &Migration| Migration { number: step.number, name: step.name, sql: step.sql };
    MIGRATIONS.iter().map(copy).chain([NEXT]).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn make(path: &Path) -> TenantId {
    let store = SqliteStore::open(path).unwrap();
    let tenant = TenantId::new(1, &[1; 10]);
    store.create_tenant(&write_at(tenant, 0), name("default")).await.unwrap();
    store.close().await;
    tenant
}

#[tokio::test]
async fn only_the_owner_reads_any_of_its_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let store = SqliteStore::open(&path).unwrap();
    store.create_tenant(&write_at(TenantId::new(1, &[1; 10]), 0), name("default")).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}: the data, its WAL, the WAL's index, the lock");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
}

#[tokio::test]
async fn two_servers_on_one_file_are_kept_apart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let first = SqliteStore::open(&path).unwrap();
    let second = SqliteStore::open(&path);
    let Err(error) = second else { panic!("opened twice") };
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains("another patronus-server uses"), "{error}");
    first.close().await;
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so_and_leaves_one_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let store = SqliteStore::open(&path).unwrap();
    let write = write_at(TenantId::new(1, &[1; 10]), 0);
    store.create_tenant(&write, name("default")).await.unwrap();
    store.close().await;
    store.close().await;
    assert!(matches!(store.create_tenant(&write, name("other")).await, Err(StoreError::Closed)));
    assert!(matches!(store.tenant(&"default".parse().unwrap()).await, Err(StoreError::Closed)));
    assert!(matches!(store.probe().await, Err(StoreError::Closed)));
    assert!(!folder.path().join("patronus.db-wal").exists(), "the last connection tidies the WAL away");
}

#[tokio::test]
async fn an_old_file_is_copied_and_migrated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    make(&path).await;
    assert!(!folder.path().join("patronus.db.before-1").exists(), "there was nothing to copy");
    let store = SqliteStore::open_with(&path, &with_next()).unwrap();
    assert_eq!(store.tenant(&"default".parse().unwrap()).await.unwrap().name, name("default"));
    store.close().await;
    let backup = folder.path().join(format!("patronus.db.before-{}", NEXT.number));
    assert_eq!((mode(&backup), integrity(&backup).as_str()), (0o600, "ok"));
    // The copy is the old file: this version can go on with it.
    let store = SqliteStore::open(&backup).unwrap();
    assert_eq!(store.tenant(&"default".parse().unwrap()).await.unwrap().name, name("default"));

    let Err(error) = SqliteStore::open(&path) else { panic!("opened a newer file") };
    assert!(matches!(error, OpenError::Newer { found, known: KNOWN, .. } if found == NEXT.number), "{error}");
}

#[tokio::test]
async fn a_failed_migration_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    make(&path).await;
    let mut steps = with_next();
    let sql = "CREATE TABLE more (id INTEGER) STRICT; SELECT rubbish";
    steps.push(Migration { number: NEXT.number + 1, name: "broken", sql });
    assert!(matches!(SqliteStore::open_with(&path, &steps), Err(OpenError::Database { .. })));
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.tenant(&"default".parse().unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_foreign_or_broken_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let other = [Migration { number: 1, name: "other", sql: "CREATE TABLE other (id INTEGER) STRICT" }];
    drop(SqliteStore::open_with(&path, &other));
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::Foreign { number: 1, .. })));
    let damaged = folder.path().join("damaged.db");
    make(&damaged).await;
    Connection::open(&damaged).unwrap().execute("UPDATE migrations SET sha256 = x'00'", []).unwrap();
    let Err(error) = SqliteStore::open(&damaged) else { panic!("opened a damaged file") };
    assert!(error.to_string().contains("damaged") && error.to_string().contains("backup"), "{error}");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, and long enough to have a header".repeat(100)).unwrap();
    let Err(error) = SqliteStore::open(&text) else { panic!("opened a text") };
    assert!(matches!(error, OpenError::Database { .. }) && error.to_string().ends_with("from a backup"), "{error}");
    assert!(matches!(SqliteStore::open(&folder.path().join("missing/patronus.db")), Err(OpenError::Io { .. })));
}

#[tokio::test]
async fn it_belongs_to_who_claimed_it_first() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let (ours, others) = (patronus_types::Digest([1; 32]), patronus_types::Digest([2; 32]));
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.claim(ours).await.unwrap());
    store.close().await;
    let store = SqliteStore::open(&path).unwrap();
    assert!(!store.claim(others).await.unwrap());
    assert!(store.claim(ours).await.unwrap());
}

#[test]
fn every_connection_has_what_holds_per_connection() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    crate::sqlite::open::open_private(&path).unwrap();
    let number = |connection: &Connection, pragma: &str| -> i64 {
        connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap()
    };
    let writer = crate::sqlite::open::writer(&path).unwrap();
    let reader = crate::sqlite::open::reader(&path).unwrap();
    assert_eq!(number(&writer, "synchronous"), 2, "FULL");
    assert_eq!(number(&reader, "query_only"), 1);
    for connection in [&writer, &reader] {
        assert_eq!((number(connection, "foreign_keys"), number(connection, "trusted_schema")), (1, 0));
        assert_eq!(number(connection, "busy_timeout"), 5000);
        assert_eq!(connection.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).unwrap(), "wal");
    }
}
