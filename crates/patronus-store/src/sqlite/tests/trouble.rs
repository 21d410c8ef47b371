//! A database that fails, and bytes that fell over on the disk.

use std::sync::Arc;

use rusqlite::params;

use crate::StoreError;
use crate::conformance::releases::release;
use crate::conformance::world::World;
use crate::sqlite::codec::Sha;
use crate::sqlite::failure::Failure;
use crate::sqlite::{SqliteStore, tests};
use crate::{Releases as _, Store as _, Tenants as _};

#[tokio::test]
async fn a_fallen_bit_is_noticed() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let open = |hook| {
        let store = SqliteStore::open(&path).unwrap();
        store.set_commit_hook(hook);
        (store, Box::new(()) as Box<dyn std::any::Any>)
    };
    let world = World::new(open).await;
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let network = world.network_now(network.id).await;
    let new = release(&network, &[site], 1, b"mesh");
    let digest = new.bundles[0].digest;
    let shared = new.chunks[0].digest;
    world.store.create_release(&world.write(), new).await.unwrap();
    world.store.keep_archive(digest, (*b"archive").into()).await.unwrap();
    world.store.close().await;

    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE contents SET archive = x'00' WHERE digest = ?1", [Sha(digest)]).unwrap();
    connection.execute("UPDATE chunks SET bytes = ?2 WHERE digest = ?1", params![Sha(shared), b"mash"]).unwrap();
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    for damaged in [store.archive(digest).await.map(drop), store.stored_bundle(digest).await.map(drop)] {
        assert!(matches!(&damaged, Err(StoreError::Damaged(text)) if text.contains("restore a backup")), "{damaged:?}");
    }
}

#[tokio::test]
async fn a_chunk_that_bundles_share_is_read_and_checked_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let open = |hook| {
        let store = SqliteStore::open(&path).unwrap();
        store.set_commit_hook(hook);
        (store, Box::new(()) as Box<dyn std::any::Any>)
    };
    let world = World::new(open).await;
    let network = world.network("alpha").await;
    let sites = [world.site(network.id, "ams").await, world.site(network.id, "bru").await];
    let network = world.network_now(network.id).await;
    let new = release(&network, &sites, 1, b"mesh");
    let [first, second] = [0, 1].map(|index| new.bundles[index].digest);
    let shared = new.chunks[0].digest;
    world.store.create_release(&world.write(), new).await.unwrap();
    world.store.stored_bundle(first).await.unwrap();

    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE chunks SET bytes = ?2 WHERE digest = ?1", params![Sha(shared), b"mash"]).unwrap();
    let stored = world.store.stored_bundle(second).await.unwrap();
    let chunk = stored.chunks.iter().find(|chunk| chunk.digest == shared).unwrap();
    assert_eq!(&chunk.bytes[..], b"mesh");
}

/// Holds the writer in the first write of a batch, so that what is queued meanwhile joins it.
struct Gate {
    open: std::sync::mpsc::Sender<()>,
    batch: tokio::task::JoinHandle<crate::Result<()>>,
}

impl Gate {
    async fn close(store: &Arc<SqliteStore>) -> Self {
        let (open, wait) = std::sync::mpsc::channel();
        let (started, reached) = tokio::sync::oneshot::channel();
        let store = Arc::clone(store);
        let work = move |_: &rusqlite::Connection| {
            started.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        };
        let batch = tokio::spawn(async move { store.maintain(work).await });
        reached.await.unwrap();
        Self { open, batch }
    }

    /// The last one in a `join!`, which polls in order: the others have queued their jobs by then.
    async fn open(self) -> crate::Result<()> {
        self.open.send(()).unwrap();
        self.batch.await.unwrap()
    }
}

/// One write of a batch meets a failing database: its neighbours get the error too, the next batch works.
#[tokio::test]
async fn a_failing_database_fails_the_whole_batch() {
    let (store, _folder) = tests::open(Box::new(|_| ()));
    let store = Arc::new(store);
    let gate = Gate::close(&store).await;
    let touch = || store.maintain(|connection| Ok(connection.execute("UPDATE probe SET at = at + 1", [])?));
    let fail = store.maintain(|_| -> Result<(), Failure> {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        Err(rusqlite::Error::SqliteFailure(code, None).into())
    });
    let (before, failed, after, first) = tokio::join!(touch(), fail, touch(), gate.open());
    assert!(matches!(first, Err(StoreError::Database(_))), "{first:?}");
    assert!(matches!(before, Err(StoreError::Database(_))), "{before:?}");
    assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    assert!(matches!(after, Err(StoreError::Database(_))), "{after:?}");
    store.probe().await.unwrap();
    let at: i64 = store
        .readers
        .short(|connection| Ok(connection.query_row("SELECT at FROM probe", [], |row| row.get(0))?))
        .unwrap();
    assert_eq!(at, 1, "only the probe counted");
}

/// A write that SQLite refuses (here: a broken reference) takes nobody along.
#[tokio::test]
async fn a_refused_write_fails_alone() {
    let (store, _folder) = tests::open(Box::new(|_| ()));
    let store = Arc::new(store);
    let gate = Gate::close(&store).await;
    let touch = || store.maintain(|connection| Ok(connection.execute("UPDATE probe SET at = at + 1", [])?));
    let broken = store.maintain(|connection| {
        Ok(connection.execute("INSERT INTO event_counters (tenant_id, newest) VALUES ('nobody', 0)", [])?)
    });
    let (before, refused, after, first) = tokio::join!(touch(), broken, touch(), gate.open());
    first.and(before).and(after).unwrap();
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    assert!(store.tenant(&"nobody".parse().unwrap()).await.is_err());
}
