//! Failover, repeats and what is said when they do not help.

use std::time::{Duration, Instant};

use patronus_client::{Error, Write};
use patronus_types::api::error::ErrorCode;
use patronus_types::network::NetworkSpec;

use crate::fake::{Fake, Reply, nowhere};
use crate::{client, network};

fn spec() -> NetworkSpec {
    NetworkSpec::named("lab".parse().unwrap())
}

#[tokio::test]
async fn a_dead_server_is_passed_over_and_then_left_alone() {
    let alive = Fake::new(|_, _| Reply::json(200, r#"{"status": "ok", "version": "1", "checks": []}"#));
    let dead = nowhere();
    let client = client(&[&dead, &alive.url]).build().unwrap();
    let started = Instant::now();
    client.health().live().await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(100), "no pause before another server");
    assert_eq!(client.server(), alive.url);
    client.health().live().await.unwrap();
    assert_eq!(alive.requests().len(), 2);
}

#[tokio::test]
async fn not_now_is_tried_again_and_retry_after_is_honoured() {
    let server = Fake::new(|_, before| match before {
        0 => Reply::problem("rate_limited", 429, "slow down").with("retry-after", "1"),
        1 => Reply::problem("unavailable", 503, "later"),
        _ => Reply::json(200, "[]"),
    });
    let started = Instant::now();
    assert!(client(&[&server.url]).build().unwrap().networks().list().all().await.unwrap().is_empty());
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn patience_ends_with_the_servers_words() {
    let server = Fake::new(|_, _| Reply::problem("rate_limited", 429, "slow down").with("retry-after", "60"));
    let error = client(&[&server.url]).build().unwrap().networks().list().all().await.unwrap_err();
    let Error::Api { problem, retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!((problem.code, retry_after), (ErrorCode::RateLimited, Some(Duration::from_secs(60))));
    assert_eq!(server.requests().len(), 1, "a minute is more than the call may take");
}

#[tokio::test]
async fn a_refusal_is_final_and_whole() {
    let server = Fake::new(|_, _| Reply::problem("not_found", 404, "no network `lab`"));
    let error = client(&[&server.url]).build().unwrap().networks().get("lab").await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.code, problem.request_id.as_deref()), (ErrorCode::NotFound, Some("req-1")));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_write_is_repeated_with_the_same_key() {
    let server = Fake::new(|_, before| if before == 0 { Reply::Close } else { Reply::json(201, &network("lab")) });
    client(&[&server.url]).build().unwrap().networks().create(&spec(), &Write::default()).await.unwrap();
    let keys: Vec<String> =
        server.requests().iter().map(|request| request.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0] == keys[1] && keys[0].len() == 32, "{keys:?}");
}

#[tokio::test]
async fn a_write_without_an_answer_has_an_unknown_outcome() {
    for script in [|| Reply::Hang, || Reply::Close] {
        let server = Fake::new(move |_, _| script());
        let client = client(&[&server.url]).retries(0).build().unwrap();
        let write = Write { idempotency_key: Some("my-key".to_owned()), ..Write::default() };
        let error = client.networks().create(&spec(), &write).await.unwrap_err();
        assert!(matches!(&error, Error::OutcomeUnknown { key, .. } if key == "my-key"), "{error:?}");
    }
}

#[tokio::test]
async fn a_write_that_never_left_has_a_known_outcome() {
    let dead = nowhere();
    let client = client(&[&dead]).retries(0).build().unwrap();
    let error = client.networks().create(&spec(), &Write::default()).await.unwrap_err();
    let Error::Unreachable { server, cause, .. } = &error else { panic!("{error:?}") };
    assert_eq!(server, &dead);
    assert!(cause.starts_with("connection refused"), "{cause}");
}

#[tokio::test]
async fn a_silent_server_ends_a_read_in_time() {
    let server = Fake::new(|_, _| Reply::Hang);
    let client = client(&[&server.url]).total_timeout(Duration::from_secs(1)).build().unwrap();
    let started = Instant::now();
    let error = client.networks().get("lab").await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn rubbish_is_called_rubbish() {
    let server = Fake::new(|request, _| {
        if request.path().ends_with("etag") {
            Reply::json(200, &network("x"))
        } else {
            Reply::typed(200, "text/html", "<html>")
        }
    });
    let client = client(&[&server.url]).build().unwrap();
    for name in ["lab", "etag"] {
        let error = client.networks().get(name).await.unwrap_err();
        assert!(matches!(error, Error::Rubbish { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn changes_carry_the_etag_and_the_kind_of_patch() {
    let server = Fake::new(|request, _| match request.method.as_str() {
        "GET" => Reply::json(200, &network("lab")).with("etag", "\"7\""),
        "PATCH" => Reply::json(200, &network("lab")),
        _ => Reply::empty(204),
    });
    let client = client(&[&server.url]).build().unwrap();
    let found = client.networks().get("lab").await.unwrap();
    let write = Write::dry_run();
    client.networks().update("lab", &found.etag, &serde_json::json!({"mtu": 1400}), &write).await.unwrap();
    client.networks().delete("lab", &found.etag, &write).await.unwrap();
    let requests = server.requests();
    for request in &requests[1..] {
        assert_eq!((request.header("if-match"), request.target.as_str()), ("\"7\"", "/v1/networks/lab?dry_run=true"));
    }
    assert_eq!(requests[1].header("content-type"), "application/merge-patch+json");
}
