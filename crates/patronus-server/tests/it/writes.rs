//! Writes: lost races, repeats, dry runs, and bodies that do not hold.

use serde_json::json;

use crate::harness::{Caller, TestServer, send};

#[tokio::test]
async fn a_change_needs_the_version_it_changes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let etag = admin.make_site("ams", 1).await.header("etag").to_owned();
    let unsaid = send(admin.request("PATCH", "/v1/sites/ams").json(&json!({"location": "x"}))).await;
    assert_eq!((unsaid.status.as_u16(), unsaid.code()), (428, "precondition_required"));
    let changed = admin.patch("/v1/sites/ams", &etag, json!({"location": "Amsterdam"})).await;
    assert_eq!((changed.status.as_u16(), changed.text("location")), (200, "Amsterdam"));
    let lost = admin.patch("/v1/sites/ams", &etag, json!({"location": "Rotterdam"})).await;
    assert_eq!((lost.status.as_u16(), lost.code()), (412, "precondition_failed"));
    assert_eq!(admin.delete("/v1/sites/ams", &etag).await.status, 412);
    assert_eq!(send(admin.request("DELETE", "/v1/sites/ams")).await.status, 428);
    assert_eq!(admin.delete("/v1/sites/ams", changed.header("etag")).await.status, 204);
    let network = admin.get("/v1/networks/default").await;
    let renamed =
        admin.patch("/v1/networks/default", network.header("etag"), json!({"name": "main", "mtu": 1380})).await;
    assert_eq!((renamed.status.as_u16(), &renamed.body["mtu"]), (200, &json!(1380)));
    let reset = admin.patch("/v1/networks/main", renamed.header("etag"), json!({"mtu": null})).await;
    assert_eq!(reset.body["mtu"], json!(null));
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let made = admin
        .post("/v1/sites", json!({"name": "ams", "labels": {"a": "1", "b": "2"}, "endpoints": ["192.0.2.1"]}))
        .await;
    let patch = json!({"labels": {"a": null, "c": "3"}, "endpoints": ["192.0.2.9"]});
    let changed = admin.patch("/v1/sites/ams", made.header("etag"), patch).await;
    assert_eq!(changed.body["labels"], json!({"b": "2", "c": "3"}));
    assert_eq!(changed.body["endpoints"], json!(["192.0.2.9"]));
    let uplinks = json!({"uplinks": [{"name": "fibre", "device": "eth0"}]});
    let changed = admin.patch("/v1/sites/ams", changed.header("etag"), uplinks).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let shorthand = admin.patch("/v1/sites/ams", changed.header("etag"), json!({"endpoints": ["192.0.2.1"]})).await;
    assert_eq!(shorthand.body["errors"][0]["pointer"], "/endpoints", "the shorthand would lose the device");
    let network = admin.patch("/v1/sites/ams", changed.header("etag"), json!({"network": "lab"})).await;
    assert_eq!(network.body["errors"][0]["pointer"], "/network");
}

#[tokio::test]
async fn bodies_that_do_not_hold_are_refused_with_their_place() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let place = |body: serde_json::Value| {
        let admin = admin.clone();
        async move {
            let answer = admin.post("/v1/sites", body).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"), "{answer:?}");
            answer.body["errors"][0]["pointer"].as_str().unwrap().to_owned()
        }
    };
    assert_eq!(place(json!({"name": "a/b"})).await, "/name");
    assert_eq!(place(json!({"name": "a:b"})).await, "/name");
    assert_eq!(place(json!({"name": "ams", "colour": "blue"})).await, "/colour");
    assert_eq!(place(json!({"name": "ams", "prefixes": ["10.1.0.0/33"]})).await, "/prefixes/0");
    assert_eq!(place(json!({"name": "ams", "public_key": "short"})).await, "/public_key");
    assert_eq!(place(json!({"name": "ams", "uplinks": [{"name": "a", "cost": "x"}]})).await, "/uplinks/0/cost");
    assert_eq!(place(json!({"name": "ams", "endpoints": ["192.0.2.1:0"]})).await, "/endpoints/0");
    let several = json!({"name": "ams", "prefixes": ["10.1.0.1/24"], "uplinks": [{"name": "a", "mtu": 1}]});
    assert!(admin.post("/v1/sites", several).await.body["errors"].as_array().unwrap().len() >= 2, "all at once");

    let raw = |kind: &'static str, body: &'static str| {
        send(admin.request("POST", "/v1/sites").header("content-type", kind).body(body))
    };
    assert_eq!(raw("application/json", "{\"name\":").await.code(), "bad_request");
    assert_eq!(raw("application/json", "{\"name\":\"a\",\"name\":\"b\"}").await.status, 422);
    assert_eq!(raw("text/plain", "{}").await.code(), "unsupported_media_type");
    assert_eq!(raw("application/yaml", "name: ams").await.status, 415);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    let answer = send(admin.request("POST", "/v1/sites").header("content-type", "application/json").body(large)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "too_large"));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = send(admin.request("POST", "/v1/apply").header("content-type", "application/json").body(deep)).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn taken_names_and_keys_are_conflicts() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.make_site("ams", 1).await;
    assert_eq!(admin.post("/v1/sites", json!({"name": "ams"})).await.code(), "exists");
    assert_eq!(admin.post("/v1/networks", json!({"name": "default"})).await.code(), "exists");
    let network = admin.get("/v1/networks/default").await;
    assert_eq!(admin.delete("/v1/networks/default", network.header("etag")).await.status, 409, "it has sites");
}

async fn keyed(caller: &Caller, path: &str, key: &str, body: serde_json::Value) -> crate::harness::Answer {
    send(caller.request("POST", path).header("idempotency-key", key).json(&body)).await
}

#[tokio::test]
async fn a_repeat_under_a_key_gets_the_first_answer() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let site = json!({"name": "ams", "endpoints": ["192.0.2.1"]});
    let first = keyed(&admin, "/v1/sites", "k1", site.clone()).await;
    let again = keyed(&admin, "/v1/sites", "k1", site.clone()).await;
    assert_eq!((first.status.as_u16(), &first.body), (201, &again.body));
    let other = keyed(&admin, "/v1/sites", "k1", json!({"name": "bru"})).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_mismatch"));
    assert_eq!(keyed(&admin, "/v1/sites", "k2", site).await.code(), "exists");

    let token = json!({"kind": "enrol", "site": "ams"});
    let first = keyed(&admin, "/v1/tokens", "k3", token.clone()).await;
    let again = keyed(&admin, "/v1/tokens", "k3", token.clone()).await;
    assert_eq!((first.status.as_u16(), &first.body), (201, &again.body), "the secret too, though it is not stored");
    assert_ne!(keyed(&admin, "/v1/tokens", "k4", token).await.text("secret"), first.text("secret"));

    let first = keyed(&admin, "/v1/releases", "k5", json!({})).await;
    assert_eq!(first.body["created"], true);
    let again = keyed(&admin, "/v1/releases", "k5", json!({})).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body), "not `nothing changed`");
    assert_eq!(keyed(&admin, "/v1/releases", "k6", json!({})).await.body["created"], false);
}

#[tokio::test]
async fn a_dry_run_answers_and_changes_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let made = admin.post("/v1/sites?dry_run=true", json!({"name": "ams"})).await;
    assert_eq!((made.status.as_u16(), made.text("name")), (201, "ams"));
    assert_eq!(admin.get("/v1/sites/ams").await.status, 404);
    assert_eq!(admin.post("/v1/releases?dry_run=true", json!({})).await.body["release"]["version"], 1);
    assert_eq!(admin.get("/v1/releases").await.body, json!([]));
}

#[tokio::test]
async fn a_callers_request_id_goes_everywhere() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let answer =
        send(admin.request("POST", "/v1/sites").header("x-request-id", "deploy-42").json(&json!({"name": "ams"})))
            .await;
    assert_eq!(answer.header("x-request-id"), "deploy-42");
    assert_eq!(admin.get("/v1/events?limit=1").await.body[0]["request_id"], "deploy-42");
}
