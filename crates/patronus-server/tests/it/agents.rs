//! What agents are told: enrolling once, waiting for a version, reporting, leaving.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use patronus_core::mesh::content_of_files;
use patronus_core::{archive, signature};
use serde_json::{Value, json};

use crate::fake::{FakeAgent, state};
use crate::harness::{TestServer, send};

#[tokio::test]
async fn one_of_a_hundred_racing_enrolments_wins() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.make_site("ams", 1).await;
    let invitation = admin.invite("ams").await;
    let nobody = server.nobody();
    let answers = join_all((1..=100).map(|number| {
        let (nobody, request) = (nobody.clone(), FakeAgent::new(number).request(&invitation));
        async move { nobody.post("/v1/agent/enrol", request).await }
    }))
    .await;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    let lost: Vec<_> = answers.iter().filter(|answer| answer.status == 401).collect();
    assert_eq!(lost.len(), 99);
    assert!(lost.iter().all(|answer| answer.code() == "unauthenticated"));
}

#[tokio::test]
async fn a_repeated_enrolment_gets_the_same_answer() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.make_site("ams", 1).await;
    let invitation = admin.invite("ams").await;
    let agent = FakeAgent::new(7);
    let nobody = server.nobody();
    let first = nobody.post("/v1/agent/enrol", agent.request(&invitation)).await;
    let second = nobody.post("/v1/agent/enrol", agent.request(&invitation)).await;
    assert_eq!((first.status.as_u16(), &first.body), (200, &second.body));
    assert_eq!(server.caller(second.text("agent_token")).get("/v1/agent/state").await.status, 200);
    let mut other_nonce = agent.request(&invitation);
    other_nonce["nonce"] = json!(STANDARD.encode([9; 32]));
    assert_eq!(nobody.post("/v1/agent/enrol", other_nonce).await.status, 401);
}

#[tokio::test]
async fn a_token_that_replaces_an_agent_says_so() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut agent = FakeAgent::new(1);
    admin.make_site("ams", 1).await;
    let first = admin.invite("ams").await;
    assert_eq!(first["warnings"], json!([]));
    agent.token =
        Some(server.nobody().post("/v1/agent/enrol", agent.request(&first)).await.text("agent_token").to_owned());
    let second = admin.invite("ams").await;
    let warning = second["warnings"][0].as_str().unwrap();
    assert!(["`ams`", "`host-1`", "replaces"].iter().all(|word| warning.contains(word)), "{warning}");
    assert_eq!(agent.caller(&server).post("/v1/agent/leave", json!({})).await.status, 204);
    assert_eq!(admin.invite("ams").await["warnings"], json!([]), "nobody is replaced");
}

#[tokio::test]
async fn a_key_another_site_has_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    FakeAgent::join(&server, &admin, "ams", 1).await;
    admin.make_site("bru", 2).await;
    let invitation = admin.invite("bru").await;
    let answer = server.nobody().post("/v1/agent/enrol", FakeAgent::new(1).request(&invitation)).await;
    assert_eq!(answer.status, 409, "{answer:?}");
}

#[tokio::test]
async fn bad_enrolments_are_told_all_that_is_wrong() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.make_site("ams", 1).await;
    let invitation = admin.invite("ams").await;
    let mut request = FakeAgent::new(1).request(&invitation);
    request["public_keys"] = json!([FakeAgent::new(1).key(0)]);
    request["port_base"] = json!(80);
    request["nonce"] = json!("short");
    let answer = server.nobody().post("/v1/agent/enrol", request).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"));
    assert_eq!(answer.body["errors"].as_array().unwrap().len(), 3, "{answer:?}");
    let valid = FakeAgent::new(1).request(&invitation);
    assert_eq!(server.nobody().post("/v1/agent/enrol", valid).await.status, 200, "the token was not used up");
}

#[tokio::test]
async fn an_invitation_for_another_servers_key_changes_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await;
    let invitation = admin.invite("ams").await;
    let mut request = FakeAgent::new(2).request(&invitation);
    request["signing_key_sha256"] = json!("00".repeat(32));
    let answer = server.nobody().post("/v1/agent/enrol", request).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"));
    let fault = &answer.body["errors"][0];
    assert_eq!(fault["pointer"], "/signing_key_sha256", "{answer:?}");
    assert!(fault["detail"].as_str().unwrap().contains("nothing was changed"), "{answer:?}");
    assert_eq!(state(&agent.caller(&server), None, 0).await.status, 200, "the agent that runs is not shut out");
    let right = FakeAgent::new(2).request(&invitation);
    assert_eq!(server.nobody().post("/v1/agent/enrol", right).await.status, 200, "the token was not used up");
}

#[tokio::test]
async fn a_waiting_agent_wakes_when_a_version_is_published() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    let known = state(&agent, None, 0).await;
    assert_eq!(known.body["desired"], Value::Null);
    let etag = known.header("etag").to_owned();
    let unchanged = state(&agent, Some(&etag), 0).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.bytes.len()), (304, 0));
    assert_eq!(unchanged.header("etag"), etag);
    let began = Instant::now();
    assert_eq!(state(&agent, Some(&etag), 1).await.status, 304);
    assert!(began.elapsed() >= Duration::from_secs(1), "the wait was kept");

    let waiting = tokio::spawn({
        let (agent, etag) = (agent.clone(), etag.clone());
        async move { state(&agent, Some(&etag), 55).await }
    });
    let published = admin.post("/v1/releases", json!({})).await;
    assert_eq!(published.status, 201, "{published:?}");
    let woken = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!((woken.status.as_u16(), &woken.body["desired"]["version"]), (200, &json!(1)));
    assert_eq!(woken.body["mode"], "apply");
}

#[tokio::test]
async fn a_waiting_agent_is_sent_away_when_its_token_ends() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    let etag = state(&agent, None, 0).await.header("etag").to_owned();
    let waiting = tokio::spawn({
        let agent = agent.clone();
        async move { state(&agent, Some(&etag), 55).await }
    });
    let site = admin.get("/v1/sites/ams").await;
    assert_eq!(admin.delete("/v1/sites/ams", site.header("etag")).await.status, 204);
    let woken = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!(woken.status, 401);
    assert_eq!(agent.get("/v1/agent/state").await.status, 401);
}

#[tokio::test]
async fn a_bundle_verifies_and_only_its_site_gets_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let one = FakeAgent::join(&server, &admin, "ams", 1).await;
    let two = FakeAgent::join(&server, &admin, "bru", 2).await;
    assert_eq!(admin.post("/v1/releases", json!({"message": "first"})).await.status, 201);
    let (ams, bru) = (one.caller(&server), two.caller(&server));
    let desired = state(&ams, None, 0).await.body["desired"].clone();
    let path = format!("/v1/agent/bundles/{}", desired["digest"].as_str().unwrap());
    let bundle = ams.get(&path).await;
    assert_eq!((bundle.status.as_u16(), bundle.header("content-type")), (200, "application/gzip"));

    let contents = archive::read(&bundle.bytes, &archive::Limits::DEFAULT).unwrap();
    assert_eq!(contents.hashes.digest.to_string(), desired["digest"]);
    assert_eq!(contents.hashes.len, desired["size"]);
    let key = signature::VerifyingKey::parse(one.enrolled["signing_keys"][0].as_str().unwrap()).unwrap();
    let signature = desired["signatures"][0].as_str().unwrap();
    let statement = signature::verify(&key, signature, &contents.hashes.prehash).unwrap();
    assert_eq!(statement.version, 1);
    assert_eq!(statement.site.to_string(), one.enrolled["site"]["id"]);
    assert_eq!(statement.network.to_string(), one.enrolled["network"]["id"]);
    let content = content_of_files(&contents.files).unwrap();
    assert_eq!(content.peers.len(), 1);
    assert_eq!(content.peers[0].uplinks[0].public_key.to_string(), two.key(0));

    assert_eq!(bru.get(&path).await.status, 404, "another site's");
    assert_eq!(ams.get(&format!("/v1/agent/bundles/{}", "0".repeat(64))).await.status, 404);
    assert_eq!(ams.get("/v1/agent/bundles/../../secret").await.status, 404);
    let etag = bundle.header("etag").to_owned();
    let again = send(ams.request("GET", &path).header("if-none-match", &etag)).await;
    assert_eq!(again.status, 304);
    let half = bundle.bytes.len() / 2;
    let rest = send(ams.request("GET", &path).header("range", format!("bytes={half}-")).header("if-range", etag)).await;
    assert_eq!(rest.status, 206);
    assert_eq!([&bundle.bytes[..half], &rest.bytes].concat(), bundle.bytes, "a download goes on where it broke off");
}

#[tokio::test]
async fn reports_are_kept_and_shown() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    admin.post("/v1/releases", json!({})).await;
    let digest = state(&agent, None, 0).await.body["desired"]["digest"].clone();
    assert_eq!(admin.get("/v1/sites/ams").await.text("sync"), "behind");
    let report = |seq: u64, version: u64| {
        json!({
            "seq": seq, "agent_version": "0.1.0", "hostname": "host", "driver": "kernel",
            "running": {"version": version, "digest": digest}, "highest_accepted": version,
            "outcome": {
                "version": version, "digest": digest, "result": "applied", "reason": null,
                "steps": {"kept": 1, "changed": 0, "restarted": 0, "created": 1, "removed": 0},
                "duration_ms": 5, "at": "2026-11-21T00:00:00Z",
            },
            "tunnels": [], "warnings": [],
        })
    };
    assert_eq!(agent.post("/v1/agent/reports", report(1, 1)).await.status, 204);
    assert_eq!(agent.post("/v1/agent/reports", report(1, 1)).await.status, 204, "a repeat is harmless");
    let site = admin.get("/v1/sites/ams").await.body;
    assert_eq!(
        (&site["sync"], &site["running_version"], &site["status"]),
        (&json!("synced"), &json!(1), &json!("active"))
    );
    let applied = admin.get("/v1/events?type=bundle.applied").await;
    assert_eq!(applied.body.as_array().unwrap().len(), 1, "one event for one outcome");
    let mut long = report(2, 1);
    long["warnings"] = json!(vec!["x"; 17]);
    assert_eq!(agent.post("/v1/agent/reports", long).await.status, 422);
    let uncountable = agent.post("/v1/agent/reports", report(u64::MAX, 1)).await;
    assert_eq!((uncountable.status.as_u16(), &uncountable.body["errors"][0]["pointer"]), (422, &json!("/seq")));
    assert_eq!(admin.get("/v1/releases/latest").await.body["applied"], 1);
}

#[tokio::test]
async fn who_publishes_is_told_which_sites_will_refuse_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    FakeAgent::join(&server, &admin, "bru", 2).await;
    let first = admin.post("/v1/releases", json!({})).await.body;
    assert_eq!(first["warnings"], json!([]));
    let digest = state(&agent, None, 0).await.body["desired"]["digest"].clone();
    let report = json!({
        "seq": 1, "agent_version": "0.1.0", "hostname": "host", "driver": "kernel", "running": null,
        "highest_accepted": 1, "outcome": null, "tunnels": [], "warnings": [],
        "undone": [{"version": 1, "digest": digest}],
    });
    assert_eq!(agent.post("/v1/agent/reports", report).await.status, 204);
    let again = admin.post("/v1/releases", json!({})).await.body;
    let said = again["warnings"].to_string();
    assert!(said.contains("site `ams` undid the same as version 1") && !said.contains("bru"), "{said}");
    let bru = admin.get("/v1/sites/bru").await;
    let etag = bru.header("etag");
    let changed = admin.patch("/v1/sites/bru", etag, json!({"prefixes": ["192.168.77.0/24"]})).await;
    assert_eq!(changed.status, 200);
    assert_eq!(admin.post("/v1/releases", json!({})).await.body["warnings"], json!([]), "something else for `ams`");
}

#[tokio::test]
async fn who_leaves_is_not_let_in_again() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    assert_eq!(agent.post("/v1/agent/leave", json!({})).await.status, 204);
    assert_eq!(agent.get("/v1/agent/state").await.status, 401);
}

#[tokio::test]
async fn a_server_that_starts_again_knows_its_agents() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await;
    admin.post("/v1/releases", json!({})).await;
    let before = state(&agent.caller(&server), None, 0).await;
    server.stop().await.unwrap();
    let layer = patronus_server::config::Layer {
        data: Some(server.data.path().to_owned()),
        listen: Some(([127, 0, 0, 1], 0).into()),
        ..Default::default()
    };
    let config = patronus_server::config::Config::load(layer, |_| None).unwrap();
    let again = patronus_server::run::Server::open(&config, patronus_server::app::Clock::system()).await.unwrap();
    let entry = again.app.index.token(&again.app.tokens.hash(agent.token.as_deref().unwrap())).unwrap();
    assert_eq!(entry.slot().unwrap().document().body, before.bytes);
    assert!(
        patronus_server::run::Server::open(&config, patronus_server::app::Clock::system()).await.is_err(),
        "locked"
    );
}
