//! A full disk: writes say so, reads go on, and when there is room again writes work without a restart.

use std::path::Path;

use patronus_tests::small_disk;
use patronus_types::TenantId;
use tempfile::TempDir;

use super::{integrity, token};
use crate::conformance::world::{name, write_at};
use crate::sqlite::SqliteStore;
use crate::{Events as _, Store as _, StoreError, Tenants as _, Tokens as _};

/// Fills the store until it is full; `make_room` then lets it grow.
async fn fill_and_go_on(
    path: &Path,
    before: impl AsyncFnOnce(&SqliteStore),
    make_room: impl AsyncFnOnce(&SqliteStore),
) {
    let store = SqliteStore::open(path).unwrap();
    let write = write_at(TenantId::new(1, &[1; 10]), 0);
    store.create_tenant(&write, name("default")).await.unwrap();
    before(&store).await;
    let mut made = 0;
    let error = loop {
        match store.create_token(&write, token("x".repeat(4000))).await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 10_000, "it never got full");
    };
    assert!(matches!(error, StoreError::Full), "{error:?}");
    for _ in 0..3 {
        assert!(matches!(store.create_token(&write, token("x".repeat(4000))).await, Err(StoreError::Full)));
        assert_eq!(store.newest_event(write.tenant).await.unwrap(), made + 1, "reads go on");
        assert!(store.tenant(&"default".parse().unwrap()).await.is_ok());
    }
    make_room(&store).await;
    store.create_token(&write, token("x".repeat(4000))).await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.newest_event(write.tenant).await.unwrap(), made + 2, "no gap");
    store.close().await;
    assert_eq!(integrity(path), "ok");
}

#[tokio::test]
async fn a_full_file_refuses_writes_until_it_may_grow() {
    let folder = TempDir::new().unwrap();
    let pages = |count: u32| {
        async move |store: &SqliteStore| {
            let limit = move |connection: &rusqlite::Connection| {
                Ok(connection.pragma_update_and_check(None, "max_page_count", count, |_| Ok(()))?)
            };
            store.maintain(limit).await.unwrap();
        }
    };
    fill_and_go_on(&folder.path().join("patronus.db"), pages(200), pages(100_000)).await;
}

/// The same on a real, small file system, in a mount namespace of its own.
#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    small_disk::run(folder.path(), 2, "sqlite::tests::full::on_small_disk");
}

/// The part in the namespace: not a test by itself.
#[tokio::test]
#[ignore = "started by the full disk test"]
async fn on_small_disk() {
    let Some(folder) = small_disk::mounted() else { return };
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 512 * 1024]).unwrap();
    let make_room = async |store: &SqliteStore| {
        assert!(matches!(store.probe().await, Err(StoreError::Full)), "where nothing fits, the probe says so");
        std::fs::remove_file(&ballast).unwrap();
    };
    fill_and_go_on(&folder.join("patronus.db"), async |_| (), make_room).await;
}
