//! Whether the process runs, and whether it can do its work.

use axum::body::Body;
use http::{Response, StatusCode};
use jiff::SignedDuration;
use patronus_types::Timestamp;
use patronus_types::api::health::{Certificate, Check, Health};
use tokio::sync::Mutex;

use crate::error::Result;
use crate::extract::Call;
use crate::respond;

/// A clock may be this far behind a moment that is known to be past.
const CLOCK_SLACK_S: i64 = 60;
const SECONDS_A_DAY: i64 = 86_400;
/// How long a look at the store is good for.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// `GET /health/live`
pub async fn live(_: Call) -> Result<Response<Body>> {
    answer(Vec::new(), None)
}

/// `GET /health/ready`
pub async fn ready(call: Call) -> Result<Response<Body>> {
    answer(call.app.readiness.checks(&call).await, certificate(&call))
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
    let mut checks = vec![
        check("store", store.err().map(|error| error.to_string())),
        check("writer", writer.err().map(|error| error.to_string())),
        check("clock", clock(call)),
    ];
    checks.extend(certificate(call).map(|certificate| check("certificate", outside(&certificate, call.now))));
    checks
}

fn certificate(call: &Call) -> Option<Certificate> {
    let (not_before, not_after) = call.app.certificate?;
    let days_left = (not_after.as_second() - call.now.as_second()).div_euclid(SECONDS_A_DAY);
    Some(Certificate { not_before, not_after, days_left })
}

fn outside(certificate: &Certificate, now: Timestamp) -> Option<String> {
    let Certificate { not_before, not_after, .. } = certificate;
    let valid = (*not_before..*not_after).contains(&now);
    (!valid).then(|| {
        format!(
            "the certificate is valid from {not_before} to {not_after}, and it is {now}: set the clock, or start the \
             server anew, which makes a new one"
        )
    })
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

fn answer(checks: Vec<Check>, certificate: Option<Certificate>) -> Result<Response<Body>> {
    let well = checks.iter().all(|check| check.ok);
    let (status, word) = if well { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "failed") };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let health = Health { status: word.to_owned(), version, checks, certificate };
    respond::with_status(status, &health)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_well_within_its_time_only() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let certificate =
            Certificate { not_before: at("2026-01-02T00:00:00Z"), not_after: at("2031-01-02T00:00:00Z"), days_left: 0 };
        assert_eq!(outside(&certificate, at("2026-01-02T00:00:00Z")), None);
        assert_eq!(outside(&certificate, at("2031-01-01T23:59:59Z")), None);
        for wrong in ["2026-01-01T23:59:59Z", "2031-01-02T00:00:00Z"] {
            assert!(outside(&certificate, at(wrong)).unwrap().contains("start the server anew"), "{wrong}");
        }
    }
}
