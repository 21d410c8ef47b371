//! From nothing to a changed and rolled back network, as people see it.

use serde_json::{Value, json};

use crate::fake::{FakeAgent, state};
use crate::harness::TestServer;

#[tokio::test]
async fn from_nothing_to_a_running_network_and_back() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let one = FakeAgent::join(&server, &admin, "ams", 1).await;
    let two = FakeAgent::join(&server, &admin, "bru", 2).await;
    admin.make_site("cgn", 3).await;
    let network = admin.get("/v1/networks/default").await.body;
    assert_eq!((&network["dirty"], &network["released_version"]), (&json!(true), &Value::Null));

    let first = admin.post("/v1/releases", json!({"message": "first"})).await.body;
    assert_eq!((&first["created"], &first["release"]["version"]), (&json!(true), &json!(1)));
    assert_eq!((&first["release"]["sites"], &first["release"]["pending"]), (&json!(2), &json!(["cgn"])));
    let same = admin.post("/v1/releases", json!({})).await;
    assert_eq!(
        (same.status.as_u16(), &same.body["created"], &same.body["release"]["version"]),
        (200, &json!(false), &json!(1))
    );
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], false);

    let (ams, bru) = (one.caller(&server), two.caller(&server));
    let then = state(&ams, None, 0).await.body["desired"]["digest"].clone();
    let site = admin.get("/v1/sites/bru").await;
    let changed = admin.patch("/v1/sites/bru", site.header("etag"), json!({"prefixes": ["10.22.0.0/16"]})).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], true);
    let second = admin.post("/v1/releases", json!({})).await.body;
    assert_eq!((&second["release"]["version"], &second["release"]["changed"]), (&json!(2), &json!(1)), "{second}");
    let now = state(&ams, None, 0).await.body["desired"].clone();
    assert_ne!(now["digest"], then);

    let difference = admin.get("/v1/releases/2/diff").await.body;
    assert_eq!((&difference["from"], &difference["to"]), (&json!(1), &json!(2)));
    assert_eq!(difference["sites"][0]["site"], "ams");
    assert!(difference["sites"][0]["lines"].to_string().contains("10.22.0.0/16"), "{difference}");

    let third = admin.post("/v1/releases/1/rollback", json!({"message": "oops"})).await;
    assert_eq!(third.status, 201, "{third:?}");
    let release = &third.body["release"];
    assert_eq!(
        (&release["version"], &release["kind"], &release["rollback_of"]),
        (&json!(3), &json!("rollback"), &json!(1))
    );
    assert_eq!(state(&ams, None, 0).await.body["desired"]["digest"], then, "the same bytes");
    assert_eq!(state(&bru, None, 0).await.body["desired"]["version"], 3);

    let fourth = admin.post("/v1/releases", json!({})).await.body;
    assert_eq!(
        (&fourth["created"], &fourth["release"]["version"]),
        (&json!(true), &json!(4)),
        "what is declared did not change"
    );
    let releases = admin.get("/v1/releases?limit=2&count=true").await;
    assert_eq!(releases.header("x-total-count"), "4");
    assert_eq!(releases.body[0]["version"], 4);
    let next = releases.header("link").trim_start_matches('<').split_once('>').unwrap().0.to_owned();
    assert_eq!(admin.get(&next).await.body[0]["version"], 2);
}

#[tokio::test]
async fn a_rollback_says_which_sites_stay_deleted() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    FakeAgent::join(&server, &admin, "ams", 1).await;
    FakeAgent::join(&server, &admin, "bru", 2).await;
    let publish = || admin.post("/v1/releases", json!({"accept_risks": ["removes-peers"]}));
    let delete = async |name: &str| {
        let path = format!("/v1/sites/{name}");
        let site = admin.get(&path).await;
        assert_eq!(admin.delete(&path, site.header("etag")).await.status, 204);
    };
    publish().await;
    let same = admin.post("/v1/releases/1/rollback", json!({})).await.body;
    assert_eq!((&same["created"], &same["warnings"]), (&json!(false), &json!([])), "{same}");
    delete("bru").await;
    publish().await;
    let back = admin.post("/v1/releases/1/rollback", json!({})).await.body;
    let said = "these sites of version 1 were deleted since, and a rollback brings none of them back: bru; create them";
    assert!(back["warnings"].to_string().contains(said), "{back}");
    delete("ams").await;
    publish().await;
    let back = admin.post("/v1/releases/1/rollback", json!({})).await.body;
    assert_eq!(back["created"], false, "{back}");
    assert!(back["warnings"].to_string().contains("all sites of version 1 were deleted since"), "{back}");
}

#[tokio::test]
async fn what_stands_against_a_release_is_told_by_name() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    FakeAgent::join(&server, &admin, "ams", 1).await;
    FakeAgent::join(&server, &admin, "bru", 2).await;
    let site = admin.get("/v1/sites/bru").await;
    admin.patch("/v1/sites/bru", site.header("etag"), json!({"prefixes": ["10.1.128.0/17"]})).await;
    let refused = admin.post("/v1/releases", json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "lint"));
    let told = refused.body["errors"].to_string();
    assert!(told.contains("ams") && told.contains("bru"), "{told}");
    assert_eq!(admin.get("/v1/releases").await.body, json!([]));
    let none = admin.get("/v1/releases/latest").await;
    assert!(none.status == 404 && none.text("detail").contains("bundle publish"), "{none:?}");
}

#[tokio::test]
async fn bundles_are_listed_read_and_downloaded() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await;
    admin.post("/v1/releases", json!({})).await;
    let list = admin.get("/v1/releases/1/bundles").await.body;
    assert_eq!(list[0]["site"], "ams");
    let id = agent.enrolled["site"]["id"].as_str().unwrap();
    for path in ["/v1/releases/1/bundles/ams".to_owned(), format!("/v1/releases/latest/bundles/{id}")] {
        assert_eq!(admin.get(&path).await.body, list[0]);
    }
    let archive = admin.get("/v1/releases/latest/bundles/ams/archive").await;
    assert_eq!(archive.status, 200);
    assert_eq!(archive.header("content-disposition"), "attachment; filename=\"default-ams-1.tar.gz\"");
    assert_eq!(admin.get("/v1/releases/9").await.code(), "not_found");
    assert_eq!(admin.get("/v1/releases/newest").await.code(), "not_found");
    assert_eq!(admin.get("/v1/releases/1/bundles/bru").await.code(), "not_found");
    let key = admin.get("/v1/networks/default/signing-key").await;
    assert_eq!(key.text("public_key"), agent.enrolled["signing_keys"][0]);
}

#[tokio::test]
async fn events_are_numbered_and_can_be_waited_for() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let newest = admin.get("/v1/events?limit=1").await.body[0]["number"].as_u64().unwrap();
    assert_eq!(admin.get(&format!("/v1/events?after={newest}")).await.body, json!([]));
    let waiting = tokio::spawn({
        let admin = admin.clone();
        async move { admin.get(&format!("/v1/events?after={newest}&type=site.&wait=50")).await }
    });
    admin.post("/v1/networks", json!({"name": "lab", "range": "10.99.0.0/24"})).await;
    admin.post("/v1/sites?network=lab", json!({"name": "ams"})).await;
    let woken = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.unwrap().unwrap().body;
    assert_eq!((woken.as_array().unwrap().len(), &woken[0]["type"]), (1, &json!("site.created")));
    assert_eq!(woken[0]["actor"]["name"], "admin");
    let all = admin.get("/v1/events?after=0").await.body;
    let numbers: Vec<_> = all.as_array().unwrap().iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=u64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_site_that_left_is_shown_and_named_when_publishing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    FakeAgent::join(&server, &admin, "ams", 1).await;
    let bru = FakeAgent::join(&server, &admin, "bru", 2).await;
    let quiet = admin.post("/v1/releases", json!({})).await.body;
    assert!(!quiet["warnings"].to_string().contains("left"), "{quiet}");
    assert_eq!(bru.caller(&server).post("/v1/agent/leave", json!({})).await.status, 204);
    assert_eq!(admin.get("/v1/sites/bru").await.body["sync"], "pending");
    let warned = admin.post("/v1/releases", json!({})).await.body;
    assert!(warned["warnings"].to_string().contains("`bru`: its agent left"), "{warned}");
}
