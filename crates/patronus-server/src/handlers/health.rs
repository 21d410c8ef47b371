//! Whether the process runs, and whether it can do its work.

use axum::body::Body;
use http::{Response, StatusCode};
use patronus_types::api::health::{Check, Health};

use crate::error::Result;
use crate::extract::Call;
use crate::respond;

/// A clock may be this far behind a moment that is known to be past.
const CLOCK_SLACK_S: i64 = 60;

/// `GET /health/live`
pub async fn live(_: Call) -> Result<Response<Body>> {
    answer(Vec::new())
}

/// `GET /health/ready`
pub async fn ready(call: Call) -> Result<Response<Body>> {
    let store = call.app.store.has_users().await;
    let writer = call.app.store.probe().await;
    answer(vec![
        check("store", store.err().map(|error| error.to_string())),
        check("writer", writer.err().map(|error| error.to_string())),
        check("clock", clock(&call)),
    ])
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
