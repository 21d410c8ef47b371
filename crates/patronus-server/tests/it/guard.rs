//! What might cost a site is not signed, unless its publisher says that it is meant.

use patronus_server::config::Layer;
use serde_json::{Value, json};

use crate::fake::FakeAgent;
use crate::harness::{Answer, Caller, TestServer};

/// A network of so many sites, published, on a server that agents reach at an address of its own.
async fn published(sites: u8) -> (TestServer, Caller) {
    let public_url = Some(vec!["https://198.51.100.10:8443".to_owned()]);
    let server = TestServer::with(Layer { public_url, ..Layer::default() }).await;
    let admin = server.admin().await;
    for number in 1..=sites {
        FakeAgent::join(&server, &admin, &format!("site-{number}"), number).await;
    }
    assert_eq!(publish(&admin, json!({})).await.status, 201);
    (server, admin)
}

async fn publish(admin: &Caller, body: Value) -> Answer {
    admin.post("/v1/releases", body).await
}

async fn delete(admin: &Caller, site: &str) {
    let path = format!("/v1/sites/{site}");
    let etag = admin.get(&path).await.header("etag").to_owned();
    assert_eq!(admin.delete(&path, &etag).await.status, 204);
}

async fn set_prefixes(admin: &Caller, site: &str, prefixes: Value) {
    let path = format!("/v1/sites/{site}");
    let etag = admin.get(&path).await.header("etag").to_owned();
    assert_eq!(admin.patch(&path, &etag, json!({"prefixes": prefixes})).await.status, 200);
}

fn details(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "risk"), "{answer:?}");
    let errors = answer.body["errors"].as_array().unwrap();
    errors.iter().map(|fault| fault["detail"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn most_peers_go_only_where_that_is_accepted() {
    let (_server, admin) = published(4).await;
    delete(&admin, "site-4").await;
    assert_eq!(publish(&admin, json!({})).await.status, 201, "one of three");
    delete(&admin, "site-3").await;
    delete(&admin, "site-2").await;
    let refused = details(&publish(&admin, json!({"accept_risks": ["loses-server"]})).await);
    assert_eq!(
        refused,
        ["site `site-1`: 2 of 2 peers would be removed at once (site-2, site-3), and 50 % may be; if that is meant, \
          publish it with --accept-risk removes-peers"]
    );
    assert_eq!(admin.get("/v1/releases/latest").await.body["version"], 2, "nothing was made");
    let unknown = publish(&admin, json!({"accept_risks": ["everything"]})).await;
    assert!(unknown.body.to_string().contains("use `loses-server`, `removes-peers` or `other-keys`"), "{unknown:?}");
    let accepted = publish(&admin, json!({"accept_risks": ["removes-peers"], "confirm_timeout_s": 60})).await;
    assert_eq!(accepted.status, 201, "{accepted:?}");
    let release = admin.get("/v1/releases/3").await.body;
    assert_eq!((&release["accept_risks"], &release["confirm_timeout_s"]), (&json!(["removes-peers"]), &json!(60)));
    let bundle = admin.get("/v1/releases/3/bundles/site-1").await.body;
    let signature = bundle["signature"].as_str().unwrap();
    assert!(signature.contains(" confirm_timeout_s=60 accept_risks=removes-peers\n"), "{signature}");
}

#[tokio::test]
async fn the_way_to_the_server_goes_only_where_that_is_accepted() {
    let (_server, admin) = published(3).await;
    set_prefixes(&admin, "site-2", json!(["198.51.100.0/24"])).await;
    let refused = details(&publish(&admin, json!({})).await);
    assert_eq!(refused.len(), 2, "{refused:?}");
    for (said, site) in refused.iter().zip(["site-1", "site-3"]) {
        let way = "what goes to the server 198.51.100.10 would go into the tunnel to site-2 (198.51.100.0/24)";
        assert!(said.starts_with(&format!("site `{site}`: {way}")), "{said}");
    }
    assert_eq!(publish(&admin, json!({"accept_risks": ["loses-server"]})).await.status, 201);
    // Going back needs no flag, nor does going on.
    set_prefixes(&admin, "site-2", json!([])).await;
    assert_eq!(publish(&admin, json!({})).await.status, 201);
    let again = admin.post("/v1/releases/2/rollback", json!({})).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "risk"), "a rollback is looked at as well");
}

#[tokio::test]
async fn what_a_site_refused_is_signed_anew_where_it_is_accepted() {
    let (_server, admin) = published(2).await;
    let accepted = json!({"accept_risks": ["removes-peers"]});
    assert_eq!(publish(&admin, accepted.clone()).await.status, 201, "nothing else differs");
    let again = publish(&admin, accepted).await;
    assert_eq!((again.status.as_u16(), &again.body["created"]), (200, &json!(false)));
    let timeout = publish(&admin, json!({"confirm_timeout_s": 4})).await;
    assert_eq!(timeout.body["errors"][0]["pointer"], "/confirm_timeout_s");
}
