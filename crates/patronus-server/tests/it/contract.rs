//! The fields that clients already rely on: they may gain neighbours, never change.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestServer};

#[tokio::test]
async fn login_answers_tokens_and_a_lifetime() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    let answer = nobody.post("/v1/auth/login", json!({"username": "admin", "password": PASSWORD})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text("access_token").split('.').count(), 3, "a JWT");
    assert!(!answer.text("refresh_token").is_empty());
    assert!(answer.body["expires_in"].as_u64().unwrap() > 0, "whole seconds");
    assert_eq!(nobody.post("/v1/auth/login", json!({"username": "admin", "password": "wrong"})).await.status, 401);
}

#[tokio::test]
async fn a_site_has_the_fields_that_clients_know() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let key = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
    let made =
        admin.post("/v1/sites", json!({"name": "ams", "public_key": key, "endpoints": ["192.0.2.1:51820"]})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let site = &made.body;
    assert!(site["id"].as_str().unwrap().starts_with("site_"));
    assert_eq!(site["id"].as_str().unwrap().len(), "site_".len() + 26);
    assert_eq!((&site["name"], &site["public_key"]), (&json!("ams"), &json!(key)));
    assert_eq!(site["public_keys"], json!([key]));
    assert_eq!(site["endpoints"], json!(["192.0.2.1:51820"]));
    assert!(site["location"].is_string());
    assert_eq!(site["status"], "inactive");
    assert!(site["created_at"].as_str().unwrap().ends_with('Z'), "RFC 3339");
    let id = site["id"].as_str().unwrap();
    assert_eq!(admin.get(&format!("/v1/sites/{id}")).await.body, *site);
    assert_eq!(admin.get("/v1/sites/site_00000000000000000000000000").await.status, 404);
    assert_eq!(admin.get("/v1/sites/nowhere").await.status, 404);
    let listed = |status: &'static str| {
        let admin = admin.clone();
        async move { admin.get(&format!("/v1/sites?status={status}")).await.body.as_array().map(Vec::len) }
    };
    assert_eq!(listed("active").await, Some(0));
    assert_eq!(listed("inactive").await, Some(1));
    assert_eq!(listed("all").await, Some(1));
    assert_eq!(admin.get("/v1/sites?status=asleep").await.status, 422);
}

#[tokio::test]
async fn lists_are_arrays_and_errors_are_problems() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for path in ["/v1/networks", "/v1/sites", "/v1/releases", "/v1/tokens", "/v1/events"] {
        assert!(admin.get(path).await.body.is_array(), "{path}");
    }
    let problem = admin.get("/v1/sites/nowhere").await;
    for field in ["type", "title", "status", "detail", "code", "request_id", "errors"] {
        assert!(problem.body.get(field).is_some_and(|value| !value.is_null()), "{field}");
    }
    assert_eq!(problem.text("request_id"), problem.header("x-request-id"));
}

#[tokio::test]
async fn the_document_of_the_api_and_health_are_for_everybody() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    let document = nobody.get("/v1/openapi.json").await;
    assert!(document.text("openapi").starts_with("3."));
    assert!(document.body["paths"]["/v1/sites/{siteId}"]["get"].is_object());
    assert_eq!(nobody.get("/health/live").await.text("status"), "ok");
    let ready = nobody.get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.text("status")), (200, "ok"));
    let checks: Vec<_> = ready.body["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(checks, ["store", "writer", "clock"]);
    assert!(ready.body["certificate"].is_null(), "plain HTTP has none");
    let schema = &document.body["components"]["schemas"]["Certificate"]["properties"];
    assert!(schema["not_after"].is_object() && schema["days_left"].is_object(), "{schema}");
}

#[tokio::test]
async fn a_name_in_several_networks_is_ambiguous() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.post("/v1/networks", json!({"name": "lab", "range": "10.99.0.0/24"})).await;
    let unsaid = admin.post("/v1/sites", json!({"name": "ams"})).await;
    assert_eq!(unsaid.status, 422, "which network?");
    assert_eq!(unsaid.text("detail"), "there are several networks (default, lab): name one");
    assert_eq!(unsaid.fault(), ("/network", "this must be given"));
    let document = json!({"documents": [{"kind": "site", "name": "ams"}]});
    let applied = admin.post("/v1/apply", document).await;
    assert_eq!(applied.fault(), ("/documents/0/network", "there are several networks (default, lab): name one"));
    let one = admin.post("/v1/sites?network=lab", json!({"name": "ams"})).await;
    let two = admin.post("/v1/sites", json!({"name": "ams", "network": "default"})).await;
    let found = admin.get("/v1/sites/ams").await;
    assert_eq!((found.status.as_u16(), found.code()), (409, "ambiguous"));
    let told = found.body["errors"].to_string();
    assert!(told.contains(one.text("id")) && told.contains(two.text("id")), "{told}");
    assert_eq!(admin.get("/v1/sites/ams?network=lab").await.body["id"], one.body["id"]);
    assert_eq!(admin.get(&format!("/v1/sites/{}", two.text("id"))).await.status, 200);
    assert_eq!(admin.get("/v1/sites?tenant=other").await.status, 404);
    assert_eq!(admin.get("/v1/sites?tenant=default").await.status, 200);
    for index in 0..5 {
        let range = format!("10.98.{index}.0/24");
        admin.post("/v1/networks", json!({"name": format!("n{index}"), "range": range})).await;
    }
    let many = admin.post("/v1/sites", json!({"name": "ams"})).await;
    assert!(many.text("detail").contains("(default, lab, n0, n1, n2 and 2 more)"), "{many:?}");
}

#[tokio::test]
async fn a_query_that_does_not_hold_is_told_by_its_parameter() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (query, pointer, words) in [
        ("limit=0", "/limit", "use 1 to 1000, not 0"),
        ("limit=many", "/limit", "use a whole number"),
        ("count=yes", "/count", "use `true` or `false`"),
        ("status=activ", "/status", "`activ` is no word for this: did you mean `active`?"),
        ("netwrok=lab", "/netwrok", "`netwrok` is no field here: did you mean `network`?"),
        ("cursor=rubbish", "/cursor", "take it from the Link header of the page before"),
    ] {
        let refused = admin.get(&format!("/v1/sites?{query}")).await;
        assert_eq!((refused.status.as_u16(), refused.fault()), (422, (pointer, words)));
    }
}

#[tokio::test]
async fn secrets_are_shown_once_and_nowhere_else() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.make_site("ams", 1).await;
    let made = admin.invite("ams").await;
    let secret = made["secret"].as_str().unwrap();
    let invitation = &made["invitation"];
    assert_eq!((&invitation["servers"], &invitation["ca_sha256"]), (&json!([server.url]), &Value::Null));
    assert_eq!((&invitation["site"], &invitation["token"]), (&json!("ams"), &json!(secret)));
    let id = made["id"].as_str().unwrap();
    let random = &secret["ptn_enrol_".len()..];
    for path in [format!("/v1/tokens/{id}"), "/v1/tokens".to_owned(), "/v1/events".to_owned()] {
        let answer = admin.get(&path).await;
        assert_eq!(answer.status, 200);
        assert!(!String::from_utf8_lossy(&answer.bytes).contains(random), "{path}");
    }
    let database = std::fs::read(server.data.path().join("patronus.db")).unwrap();
    let wal = std::fs::read(server.data.path().join("patronus.db-wal")).unwrap_or_default();
    let holds = |bytes: &[u8]| bytes.windows(random.len()).any(|window| window == random.as_bytes());
    assert!(!holds(&database) && !holds(&wal), "only hashes are stored");
}
