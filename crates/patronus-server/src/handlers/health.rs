//! Whether the process runs, and whether it can do its work.

use axum::body::Body;
use http::{Response, StatusCode};
use jiff::SignedDuration;
use patronus_types::Timestamp;
use patronus_types::api::health::{Check, Health};
use tokio::sync::Mutex;

use crate::error::Result;
use crate::extract::Call;
use crate::respond;

/// A clock may be this far behind a moment that is known to be past.
const CLOCK_SLACK_S: i64 = 60;
/// How long a look at the store is good for.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// `GET /health/live`
pub async fn live(_: Call) -> Result<Response<Body>> {
    answer(Vec::new())
}

/// `GET /health/ready`
pub async fn ready(call: Call) -> Result<Response<Body>> {
    answer(call.app.readiness.checks(&call).await)
}

/// The newest look at the server. Each one commits through the writer, so callers within a second share it.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Timestamp, Vec<Check>)>>);

impl Readiness {
    async fn checks(&self, call: &Call) -> Vec<Check> {
        let mut newest = self.0.lock().await;
        if let Some((at, checks)) = newest.as_ref()
            && call.now.duration_since(*at).abs() < FRESH
        {
            return checks.clone();
        }
        let checks = look(call).await;
        *newest = Some((call.now, checks.clone()));
        checks
    }
}

async fn look(call: &Call) -> Vec<Check> {
    let store = call.app.store.has_users().await;
    let writer = call.app.store.probe().await;
    vec![
        check("store", store.err().map(|error| error.to_string())),
        check("writer", writer.err().map(|error| error.to_string())),
        check("clock", clock(call)),
    ]
}

fn clock(call: &Call) -> Option<String> {
    let known = call.app.not_before;
    let wrong = call.now.as_second() + CLOCK_SLACK_S < known.as_second();
    wrong.then(|| format!("the clock shows {}, but {known} is past", call.now))
}

fn check(name: &str, fault: Option<String>) -> Check {
    if let Some(fault) = &fault {
        tracing::error!(check = name, fault, "not ready");
    }
    // What exactly fails is for the log: this route is public.
    let detail = fault.is_some().then(|| "failed; the server's log tells why".to_owned());
    Check { name: name.to_owned(), ok: fault.is_none(), detail }
}

fn answer(checks: Vec<Check>) -> Result<Response<Body>> {
    let well = checks.iter().all(|check| check.ok);
    let (status, word) = if well { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "failed") };
    let health = Health { status: word.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), checks };
    respond::with_status(status, &health)
}
