//! Acknowledged writes per second: 64 writers against one commit at a time.
//!
//! Both do the same write (a token with its event, so three rows) through the same store with `synchronous=FULL`, in
//! turns, so that a busy machine weighs on both. What one commit costs by itself depends on the disk: a slow flush makes
//! the ratio larger. `PATRONUS_BENCH_FOLDER` names another disk. Prints the medians and their ratio, and fails below the goal.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patronus_store::{NewToken, SqliteStore, Store as _, Tenants as _, Tokens as _, Write};
use patronus_types::event::Actor;
use patronus_types::permission::Role;
use patronus_types::token::TokenKind;
use patronus_types::{TenantId, Timestamp, TokenId};

const GOAL: f64 = 15.0;
const WRITERS: u32 = 64;
const TURNS: usize = 7;
const TURN: Duration = Duration::from_millis(700);

fn main() -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| runtime.block_on(bench())) {
        Ok(Ok(ratio)) if ratio >= GOAL => ExitCode::SUCCESS,
        Ok(Ok(_)) => ExitCode::FAILURE,
        Ok(Err(error)) => say(&format!("{error}"), ExitCode::FAILURE),
        Err(error) => say(&format!("{error}"), ExitCode::FAILURE),
    }
}

fn say(line: &str, code: ExitCode) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}

async fn bench() -> Result<f64, Box<dyn std::error::Error>> {
    // Not in /tmp, which may be memory.
    let on = std::env::var_os("PATRONUS_BENCH_FOLDER").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = tempfile::tempdir_in(on)?;
    let store = Arc::new(SqliteStore::open(&folder.path().join("patronus.db"))?);
    let write = Arc::new(write());
    store.create_tenant(&write, "default".parse()?).await?;
    let (mut alone, mut together, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let one = rate(&store, &write, 1).await?;
        let many = rate(&store, &write, WRITERS).await?;
        alone.push(one);
        together.push(many);
        ratios.push(many / one);
    }
    let (one, many, ratio) = (median(alone), median(together), median(ratios));
    let flush = flush(folder.path())?;
    say(&format!("one flush of 4 KiB:              {:>9.0} µs", flush * 1e6), ExitCode::SUCCESS);
    say(&format!("one commit at a time:            {one:>9.0} writes/s ({:.0} µs each)", 1e6 / one), ExitCode::SUCCESS);
    say(&format!("{WRITERS} writers:                      {many:>9.0} writes/s"), ExitCode::SUCCESS);
    say(&format!("ratio:                           {ratio:>9.1} × (goal: {GOAL} ×)"), ExitCode::SUCCESS);
    store.close().await;
    Ok(ratio)
}

async fn rate(store: &Arc<SqliteStore>, write: &Arc<Write>, writers: u32) -> Result<f64, Box<dyn std::error::Error>> {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        tasks.spawn(write_until(Arc::clone(store), Arc::clone(write), begin + TURN));
    }
    let mut written = 0;
    while let Some(done) = tasks.join_next().await {
        written += done??;
    }
    Ok(f64::from(written) / begin.elapsed().as_secs_f64())
}

async fn write_until(store: Arc<SqliteStore>, write: Arc<Write>, end: Instant) -> patronus_store::Result<u32> {
    let mut written = 0;
    while Instant::now() < end {
        store.create_token(&write, token()).await?;
        written += 1;
    }
    Ok(written)
}

fn token() -> NewToken {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let id = TokenId::new(number, &[0; 10]);
    let (kind, role) = (TokenKind::Api, Role::Viewer);
    NewToken {
        id,
        kind,
        hash: format!("{number:064x}"),
        description: "ci".to_owned(),
        role,
        site: None,
        expires_at: None,
    }
}

fn write() -> Write {
    let (tenant, now) = (TenantId::new(1, &[1; 10]), Timestamp::UNIX_EPOCH);
    Write { tenant, actor: Actor::system(), request_id: None, now, dry_run: false, idempotency: None, seen: Vec::new() }
}

/// What the disk itself needs to take 4 KiB for good.
fn flush(folder: &Path) -> std::io::Result<f64> {
    let mut file = std::fs::File::create(folder.join("flush"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(begin.elapsed().as_secs_f64());
    }
    Ok(median(times))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
