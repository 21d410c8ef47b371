//! Sets of manifests.

use serde_json::{Value, json};

use crate::harness::{TestServer, send};

fn three() -> Value {
    json!({"documents": [
        {"kind": "site", "name": "ams", "endpoints": ["192.0.2.1"]},
        {"kind": "network", "name": "lab", "range": "10.99.0.0/24"},
        {"kind": "site", "name": "bru", "endpoints": ["192.0.2.2"]},
    ]})
}

fn changes(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|result| result["change"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_set_is_made_once_and_then_left_alone() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let dry = admin.post("/v1/apply?dry_run=true", three()).await;
    assert_eq!(changes(&dry.body), ["created"; 3]);
    assert_eq!(admin.get("/v1/networks/lab").await.status, 404);
    let first = admin.post("/v1/apply", three()).await;
    assert_eq!((first.status.as_u16(), changes(&first.body)), (200, vec!["created"; 3]), "{first:?}");
    assert_eq!(first.body["results"][1]["name"], "lab");
    let names = admin.get("/v1/sites?network=lab").await.body;
    assert_eq!((&names[0]["name"], &names[1]["name"]), (&json!("ams"), &json!("bru")), "in the set's only network");
    assert_eq!(changes(&admin.post("/v1/apply", three()).await.body), ["unchanged"; 3]);
    let mut changed = three();
    changed["documents"][2]["location"] = json!("Brussels");
    let answer = admin.post("/v1/apply", changed).await.body;
    assert_eq!(changes(&answer), ["unchanged", "unchanged", "updated"]);
    assert_eq!(answer["results"][2]["fields"], json!(["location"]));
}

#[tokio::test]
async fn one_fault_keeps_all_from_being_made() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut set = three();
    set["documents"][0]["colour"] = json!("blue");
    set["documents"][2]["endpoints"] = json!(["nonsense:0"]);
    let refused = admin.post("/v1/apply", set).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid"));
    let places: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!(places, ["/documents/0/colour", "/documents/2/endpoints/0"]);
    let mut twice = three();
    twice["documents"][2]["name"] = json!("ams");
    assert_eq!(admin.post("/v1/apply", twice).await.body["errors"][0]["pointer"], "/documents/2/name");
    assert_eq!(admin.get("/v1/networks/lab").await.status, 404);
}

#[tokio::test]
async fn a_repeat_under_a_key_is_answered_like_the_first() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let apply = || send(admin.request("POST", "/v1/apply").header("idempotency-key", "k").json(&three()));
    let first = apply().await;
    assert_eq!(changes(&apply().await.body), changes(&first.body));
}
