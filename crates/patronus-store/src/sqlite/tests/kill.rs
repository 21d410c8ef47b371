//! `kill -9` at random instants under 64 writers: every write that was answered is there afterwards.
//!
//! The test starts itself again as a child that writes and tells each answer on its standard output; the parent kills it
//! after a random number of answers, takes what is left in the pipe, and opens the file. The same against a wrong build,
//! which answers before the commit, must lose writes: else the test would see nothing.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use patronus_types::TenantId;
use tempfile::TempDir;

use super::{integrity, token};
use crate::conformance::world::{name, write_at};
use crate::sqlite::{SqliteStore, writer};
use crate::{Events as _, Page, Store as _, Tenants as _, TokenFilter, Tokens};

const ROUNDS: usize = 20;
const WRITERS: usize = 64;
const FOLDER: &str = "PATRONUS_TEST_KILL_FOLDER";
const EARLY: &str = "PATRONUS_TEST_KILL_EARLY";
/// Begins a line that tells an answer; the test harness writes lines of its own.
const MARK: &str = "answered ";

fn tenant() -> TenantId {
    TenantId::new(1, &[1; 10])
}

fn random(below: usize) -> usize {
    // The standard library's hash seeds come from the operating system.
    let seed = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0);
    usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
}

#[tokio::test]
async fn every_answered_write_survives_a_kill() {
    let folder = TempDir::new().unwrap();
    make(folder.path()).await;
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        answered.extend(run_and_kill(folder.path(), false));
        let lost = lost(folder.path(), &answered).await;
        assert!(lost.is_empty(), "round {round}: {} of {} answered writes are gone", lost.len(), answered.len());
    }
    assert!(answered.len() > ROUNDS * WRITERS / 2, "only {} writes were answered", answered.len());
}

#[tokio::test]
async fn a_build_that_answers_before_the_commit_is_found_out() {
    let folder = TempDir::new().unwrap();
    make(folder.path()).await;
    for round in 0..ROUNDS {
        let answered = run_and_kill(folder.path(), true);
        let lost = lost(folder.path(), &answered).await;
        if !lost.is_empty() {
            println!("found out in round {round}: {} of {} answered writes are gone", lost.len(), answered.len());
            return;
        }
    }
    panic!("{ROUNDS} kills lost nothing: the kill test is blind");
}

async fn make(folder: &Path) {
    let store = SqliteStore::open(&folder.join("patronus.db")).unwrap();
    store.create_tenant(&write_at(tenant(), 0), name("default")).await.unwrap();
    store.close().await;
}

/// Answers the ids whose writes were answered.
fn run_and_kill(folder: &Path, early: bool) -> BTreeSet<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "sqlite::tests::kill::child", "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env(FOLDER, folder).env(EARLY, if early { "1" } else { "" });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let kill_after = WRITERS + random(2000);
    let mut answered = BTreeSet::new();
    let id_of = |line: String| line.split_once(MARK).map(|(_, id)| id.to_owned());
    while answered.len() < kill_after
        && let Some(line) = lines.next()
    {
        answered.extend(id_of(line));
    }
    child.kill().unwrap();
    // What was told before the kill, and was on its way. A line that the kill cut short was not told.
    answered.extend(lines.filter_map(id_of).filter(|id| id.parse::<patronus_types::TokenId>().is_ok()));
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "the child ended by itself: {status}");
    answered
}

/// The answered writes that are not in the file, which must be whole.
async fn lost(folder: &Path, answered: &BTreeSet<String>) -> Vec<String> {
    let path = folder.join("patronus.db");
    let store = SqliteStore::open(&path).unwrap();
    let mut lost = Vec::new();
    for id in answered {
        if store.token(tenant(), id.parse().unwrap()).await.is_err() {
            lost.push(id.clone());
        }
    }
    let one = Page { limit: 1, cursor: None, count: true };
    let tokens = store.tokens(tenant(), TokenFilter::default(), one.clone()).await.unwrap().total.unwrap();
    let events = store.events(tenant(), crate::EventFilter::default(), one).await.unwrap().total.unwrap();
    let newest = store.newest_event(tenant()).await.unwrap();
    assert_eq!((events, newest), (tokens + 1, tokens + 1), "an event for each token and one for the tenant");
    store.close().await;
    assert_eq!(integrity(&path), "ok");
    lost
}

/// The child: not a test by itself.
#[test]
#[ignore = "started by the kill tests"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    writer::ANSWERS_EARLY.store(std::env::var(EARLY).is_ok_and(|value| !value.is_empty()), Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(&Path::new(&folder).join("patronus.db")).unwrap());
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(write_for_ever(Arc::clone(&store)));
        }
        writers.join_all().await;
    });
}

async fn write_for_ever(store: Arc<SqliteStore>) {
    loop {
        let mut new = token("under fire".to_owned());
        // Ids of an earlier round are taken: the counter that makes them starts anew with each child.
        new.id = patronus_types::TokenId::new(u64::from(std::process::id()), &crate::conformance::world::unique());
        new.hash = format!("hash-{}", new.id);
        let made = store.create_token(&write_at(tenant(), 0), new).await.unwrap();
        let line = format!("{MARK}{}\n", made.id);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}
