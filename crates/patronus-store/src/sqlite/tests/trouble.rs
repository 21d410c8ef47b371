//! A database that fails, and bytes that fell over on the disk.

use std::path::Path;
use std::sync::{Arc, Mutex};

use patronus_types::TenantId;
use rusqlite::params;

use crate::conformance::releases::release;
use crate::conformance::world::{World, write_at};
use crate::sqlite::codec::Sha;
use crate::sqlite::failure::Failure;
use crate::sqlite::unit::Draft;
use crate::sqlite::{SqliteStore, tests};
use crate::{
    Change, EventFilter, Events as _, Page, Releases as _, Store as _, StoreError, Tenants as _, Tokens as _, Write,
};

/// A world whose database can be reached past the store.
async fn world_at(path: &Path) -> World {
    let open = |hook| {
        let store = SqliteStore::open(path).unwrap();
        store.set_commit_hook(hook);
        (store, Box::new(()) as Box<dyn std::any::Any>)
    };
    World::new(open).await
}

#[tokio::test]
async fn a_fallen_bit_is_noticed() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("patronus.db");
    let world = world_at(&path).await;
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
    let world = world_at(&path).await;
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
        let mut started = Some(started);
        let store = Arc::clone(store);
        let work = move |_: &rusqlite::Connection| {
            // Not again when the batch begins again.
            if let Some(started) = started.take() {
                started.send(()).unwrap();
                wait.recv().unwrap();
            }
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

/// A write that is refused when it has changed something already leaves nothing, and its neighbours are as if it had
/// not been: each once, with events without gaps.
#[tokio::test]
async fn a_write_refused_halfway_fails_alone() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let (store, _folder) = tests::open(Box::new(move |changes| told.lock().unwrap().push(changes)));
    let write = write_at(TenantId::new(1, &[1; 10]), 0);
    store.create_tenant(&write, "default".parse().unwrap()).await.unwrap();
    seen.lock().unwrap().clear();

    let store = Arc::new(store);
    let gate = Gate::close(&store).await;
    let [before, dry, after] = ["before", "dry", "after"].map(|text| tests::token(text.to_owned()));
    let dry_run = Write { dry_run: true, ..write.clone() };
    let halfway = store.write(&write, |unit| -> Result<(), Failure> {
        unit.event(Draft::info("token.created", "halfway".to_owned()))?;
        Err(StoreError::Conflict("halfway".to_owned()).into())
    });
    let (made, refused, tried, after, first) = tokio::join!(
        store.create_token(&write, before),
        halfway,
        store.create_token(&dry_run, dry),
        store.create_token(&write, after),
        gate.open()
    );
    first.unwrap();
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert!(store.token(write.tenant, tried.unwrap().id).await.is_err());
    for made in [made.unwrap(), after.unwrap()] {
        assert_eq!(store.token(write.tenant, made.id).await.unwrap(), made);
    }
    let page = Page { limit: 10, cursor: None, count: false };
    let events = store.events(write.tenant, EventFilter::default(), page).await.unwrap().items;
    let numbers: Vec<_> = events.iter().map(|event| (event.number, event.message.as_str())).collect();
    let expected = ["tenant `default` was created", "api token `before` was created", "api token `after` was created"];
    assert_eq!(numbers, [(3, expected[2]), (2, expected[1]), (1, expected[0])]);
    assert_eq!(store.newest_event(write.tenant).await.unwrap(), 3);
    let seen = seen.lock().unwrap();
    assert!(
        matches!(&seen[..], [changes] if matches!(&changes[..],
            [Change::TokenAdded(..), Change::TokenAdded(..), Change::Events { newest: 3, .. }])),
        "{seen:?}"
    );
}
