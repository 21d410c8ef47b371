//! Sites that keep what they run: held, in shadow, paused on the spot.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake::{FakeAgent, state};
use crate::harness::{Caller, TestServer};

async fn mode(admin: &Caller, site: &str, mode: &str) -> Value {
    let answer = admin.post(&format!("/v1/sites/{site}/mode"), json!({"mode": mode})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

async fn publish(admin: &Caller) -> Value {
    let answer = admin.post("/v1/releases", json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

fn report(seq: u64, more: Value) -> Value {
    let mut report = json!({
        "seq": seq, "agent_version": "0.1.0", "hostname": "h", "driver": null, "running": null, "highest_accepted": 0,
        "outcome": null, "tunnels": [], "warnings": []
    });
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    report
}

#[tokio::test]
async fn an_agent_hears_at_once_that_its_site_is_held() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    FakeAgent::join(&server, &admin, "fra", 2).await;
    publish(&admin).await;
    let mut known = state(&agent, None, 0).await;
    for (word, event) in [("hold", "site.held"), ("shadow", "site.shadowed"), ("apply", "site.unheld")] {
        let waiting = {
            let (agent, etag) = (agent.clone(), known.header("etag").to_owned());
            tokio::spawn(async move { state(&agent, Some(&etag), 30).await })
        };
        let asked = Instant::now();
        assert_eq!(mode(&admin, "ams", word).await["mode"], word);
        known = waiting.await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(10));
        assert_eq!((known.text("mode"), known.body["desired"]["version"].as_u64()), (word, Some(1)));
        let events = admin.get("/v1/events?limit=1").await;
        assert_eq!(events.body[0]["type"], event);
        assert_eq!(admin.get("/v1/sites/ams").await.body["mode"], word);
    }
    let events = admin.get("/v1/events").await.body.as_array().unwrap().len();
    mode(&admin, "ams", "apply").await;
    assert_eq!(admin.get("/v1/events").await.body.as_array().unwrap().len(), events, "it did so already");
}

#[tokio::test]
async fn a_mode_survives_the_server_and_stands_in_no_bundle() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    FakeAgent::join(&server, &admin, "ams", 1).await;
    publish(&admin).await;
    mode(&admin, "ams", "hold").await;
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], false);
    let again = admin.post("/v1/releases", json!({})).await;
    assert_eq!(again.body["created"], false);
    let warnings = again.body["warnings"].to_string();
    assert!(warnings.contains("site `ams` is held") && warnings.contains("patronusctl site unhold ams"), "{warnings}");
}

#[tokio::test]
async fn whoever_stands_still_is_named_and_not_waited_for() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ams = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    FakeAgent::join(&server, &admin, "fra", 2).await;
    let halted = json!({"halted": {"paused": true, "left_version": 7}});
    assert_eq!(ams.post("/v1/agent/reports", report(1, halted.clone())).await.status, 204);
    let site = admin.get("/v1/sites/ams").await;
    assert_eq!(site.body["halted"], halted["halted"]);
    mode(&admin, "fra", "shadow").await;
    let published = publish(&admin).await;
    let warnings = published["warnings"].to_string();
    for said in ["site `ams` was paused by somebody there", "site `fra` is in shadow"] {
        assert!(warnings.contains(said), "{warnings}");
    }
    let release = &published["release"];
    assert_eq!((release["agents"].as_u64(), release["held"].as_u64()), (Some(2), Some(2)));
    let shadow = json!({"shadow": {
        "version": 1, "plan": ["create ams on pt000"], "refusal": null,
        "steps": {"kept": 0, "changed": 0, "restarted": 0, "created": 2, "removed": 0}
    }});
    assert_eq!(ams.post("/v1/agent/reports", report(2, shadow.clone())).await.status, 204);
    let site = admin.get("/v1/sites/ams").await;
    assert_eq!((&site.body["shadow"], &site.body["halted"]), (&shadow["shadow"], &Value::Null));
    assert_eq!(admin.get("/v1/releases/1").await.body["held"], 1);
    let long = json!({"shadow": {
        "version": 1, "plan": vec!["x"; 20], "refusal": null,
        "steps": {"kept": 0, "changed": 0, "restarted": 0, "created": 2, "removed": 0}
    }});
    assert_eq!(ams.post("/v1/agent/reports", report(3, long)).await.status, 422);
}

#[tokio::test]
async fn a_mode_that_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.make_site("ams", 1).await;
    for body in [json!({"mode": "return"}), json!({"mode": "stop"}), json!({}), json!({"mode": "hold", "why": 1})] {
        assert_eq!(admin.post("/v1/sites/ams/mode", body).await.status, 422);
    }
    assert_eq!(admin.post("/v1/sites/lon/mode", json!({"mode": "hold"})).await.code(), "not_found");
    assert_eq!(admin.post("/v1/sites/ams/mode?dry_run=true", json!({"mode": "hold"})).await.body["mode"], "hold");
    assert_eq!(admin.get("/v1/sites/ams").await.body["mode"], "apply");
}
