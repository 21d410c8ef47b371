//! What agents report of paths, and what people see of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::path::summary::{Key, Summary, encode};
use patronus_server::app::Clock;
use patronus_types::Timestamp;
use serde_json::{Value, json};

use crate::fake::FakeAgent;
use crate::harness::{Answer, Caller, TestServer, initialised};

/// So many round trips of so many milliseconds.
fn block(key: u32, trips: u64, millis: u64) -> String {
    let mut summary = Summary::default();
    (0..trips).for_each(|_| summary.add_trip(Duration::from_millis(millis), Duration::ZERO));
    (summary.outgoing.came, summary.outgoing.lost) = (90, 10);
    summary.add_score(88.0);
    STANDARD.encode(encode(&[(key, summary)]))
}

fn report(peers: &[&str], millis: u64) -> Value {
    let key = Key { place: 0, local: 0, remote: 0 }.number();
    json!({"age_s": 0, "seconds": 60, "peers": peers, "block": block(key, 10, millis), "paths": [
        {"key": key, "heard_ms_ago": 20, "classes": [{"used": true, "reason": "carries the traffic"}],
         "state": {"status": "up", "measured": true, "latency_ms": millis, "jitter_ms": 0.5, "packet_loss_pct": 10,
                   "health_score": 88, "reason": "carries the traffic"}}]})
}

struct World {
    _server: TestServer,
    admin: Caller,
    agent: Caller,
    /// Milliseconds that have passed.
    passed: Arc<AtomicI64>,
}

async fn world() -> World {
    let passed = Arc::new(AtomicI64::new(0));
    let (begin, by) = (Timestamp::now(), passed.clone());
    let clock = Clock::from_fn(move || begin + jiff::SignedDuration::from_millis(by.load(Ordering::Relaxed)));
    let server = TestServer::on(initialised().await, Default::default(), clock).await;
    let admin = server.admin().await;
    admin.make_site("fra", 7).await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    World { _server: server, admin, agent, passed }
}

impl World {
    async fn tell(&self, report: Value) -> Answer {
        self.agent.post("/v1/agent/paths", report).await
    }
}

#[tokio::test]
async fn a_path_and_its_health_have_the_fields_that_clients_know() {
    let world = world().await;
    assert_eq!(world.admin.get("/v1/paths").await.body, json!([]));
    assert_eq!(world.tell(report(&["fra"], 20)).await.status, 204);
    let paths = world.admin.get("/v1/paths").await.body;
    let path = &paths[0];
    assert!(path["id"].as_str().unwrap().starts_with("path_"));
    let site = async |name: &'static str| world.admin.get(&format!("/v1/sites/{name}")).await.body["id"].clone();
    assert_eq!((&path["source_site_id"], &path["dest_site_id"]), (&site("ams").await, &site("fra").await));
    assert_eq!(
        (&path["latency_ms"], &path["packet_loss_pct"], &path["status"]),
        (&json!(20), &json!(10), &json!("up"))
    );
    assert_eq!((&path["measured"], &path["stale"]), (&json!(true), &json!(false)));
    let id = path["id"].as_str().unwrap();
    assert_eq!(&world.admin.get(&format!("/v1/paths/{id}")).await.body, path);
    let health = world.admin.get(&format!("/v1/paths/{id}/health")).await.body;
    let first = &health[0];
    assert_eq!((&first["path_id"], &first["latency_ms"]), (&json!(id), &json!(20)));
    assert_eq!((&first["packet_loss_pct"], &first["jitter_ms"]), (&json!(10), &json!(0)));
    assert_eq!((&first["health_score"], health.as_array().map(Vec::len)), (&json!(88), Some(1)));
    assert!(first["timestamp"].as_str().unwrap().ends_with('Z'));
    let query = async |query: &'static str| world.admin.get(&format!("/v1/paths?{query}")).await;
    assert_eq!(query("siteId=fra&status=up").await.body.as_array().map(Vec::len), Some(1));
    assert_eq!(query("status=down").await.body, json!([]));
    assert_eq!(query("status=well").await.status, 422);
    assert_eq!(query("siteId=lon").await.status, 404);
    assert_eq!(query("limit=0").await.status, 422);
    assert_eq!(world.admin.get("/v1/paths/nowhere").await.status, 404);
    let wrong = format!("/v1/paths/{id}/health?since=2030-01-01T00:00:00Z");
    assert_eq!(world.admin.get(&wrong).await.body["errors"][0]["pointer"], "/since");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_of_it_kept() {
    let world = world().await;
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 12] = [
        (|it| it["seconds"] = json!(0), "/seconds"),
        (|it| it["age_s"] = json!(100_000), "/age_s"),
        (|it| it["block"] = json!("!"), "/block"),
        (|it| it["block"] = json!("AQI="), "/block"),
        (|it| it["block"] = json!(block(16, 1, 1)), "/block"),
        (|it| it["paths"][0]["key"] = json!(16), "/paths"),
        (|it| it["paths"] = json!([it["paths"][0], it["paths"][0]]), "/paths"),
        (|it| it["paths"][0]["state"]["latency_ms"] = json!(-1), ""),
        (|it| it["paths"][0]["state"]["latency_ms"] = json!("NaN"), ""),
        (|it| it["paths"][0]["state"]["packet_loss_pct"] = json!(101), "/paths"),
        (|it| it["paths"][0]["state"]["measured"] = json!(false), "/paths"),
        (|it| it["paths"][0]["state"]["jitter_ms"] = json!(null), "/paths"),
    ];
    for (change, pointer) in changes {
        let mut wrong = report(&["fra"], 20);
        change(&mut wrong);
        let answer = world.tell(wrong.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"), "{wrong}: {answer:?}");
        let told = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(told, pointer, "{answer:?}");
    }
    assert_eq!(world.admin.get("/v1/paths").await.body, json!([]));
    assert_eq!(
        world.tell(report(&["lon"], 20)).await.status,
        204,
        "a site that was deleted meanwhile is nobody's fault"
    );
    assert_eq!(world.admin.get("/v1/paths").await.body, json!([]));
    assert_eq!(world.admin.post("/v1/agent/paths", report(&["fra"], 20)).await.status, 403);
}

#[tokio::test]
async fn minutes_become_hours_and_what_is_old_is_told_as_old() {
    let world = world().await;
    for millis in [20, 30, 40] {
        assert_eq!(world.tell(report(&["fra"], millis)).await.status, 204);
        world.passed.fetch_add(60_000, Ordering::Relaxed);
    }
    let mut past = report(&["fra"], 1000);
    (past["age_s"], past["paths"]) = (json!(7200), json!([]));
    assert_eq!(world.tell(past).await.status, 204);
    let path = world.admin.get("/v1/paths").await.body[0].clone();
    assert_eq!(path["latency_ms"], json!(40), "what is long past says nothing of now");
    let id = path["id"].as_str().unwrap().to_owned();
    let health = |query: &'static str| {
        let (admin, id) = (world.admin.clone(), id.clone());
        async move { admin.get(&format!("/v1/paths/{id}/health?{query}")).await.body.as_array().unwrap().clone() }
    };
    assert_eq!(health("step=minute").await.len(), 3);
    let hours = health("step=hour&since=2020-01-01T00:00:00Z").await;
    assert!((2..=3).contains(&hours.len()), "{hours:?}");
    let seconds: u64 = hours.iter().map(|hour| hour["seconds"].as_u64().unwrap()).sum();
    assert_eq!(seconds, 240);
    world.passed.fetch_add(200_000, Ordering::Relaxed);
    let stale = world.admin.get("/v1/paths").await.body[0].clone();
    assert_eq!((&stale["stale"], &stale["status"]), (&json!(true), &json!("up")), "as it did when it was last told");
}

#[tokio::test]
async fn the_paths_of_a_deleted_site_go_with_it() {
    let world = world().await;
    world.tell(report(&["fra"], 20)).await;
    let etag = world.admin.get("/v1/sites/fra").await.header("etag").to_owned();
    assert_eq!(world.admin.delete("/v1/sites/fra?dry_run=true", &etag).await.status, 204);
    assert_eq!(world.admin.get("/v1/paths").await.body.as_array().map(Vec::len), Some(1));
    assert_eq!(world.admin.delete("/v1/sites/fra", &etag).await.status, 204);
    assert_eq!(world.admin.get("/v1/paths").await.body, json!([]));
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let world = world().await;
    let mut many = report(&[], 20);
    let names: Vec<String> = (0..5).map(|number| format!("s{number}")).collect();
    for (number, name) in (10..).zip(&names) {
        world.admin.make_site(name, number).await;
    }
    let mut path = report(&["fra"], 20)["paths"][0].clone();
    let paths: Vec<Value> = (0..5u32)
        .map(|place| {
            path["key"] = json!(16 * place);
            path.clone()
        })
        .collect();
    (many["peers"], many["paths"]) = (json!(names), json!(paths));
    assert_eq!(world.tell(many).await.status, 204);
    let first = world.admin.get("/v1/paths?limit=2&count=true").await;
    assert_eq!((first.body.as_array().map(Vec::len), first.header("x-total-count")), (Some(2), "5"));
    let mut seen = 2;
    let link = |answer: &Answer| answer.headers.get("link").and_then(|link| link.to_str().ok()).map(str::to_owned);
    let mut next = link(&first);
    while let Some(link_to) = next {
        let page = world.admin.get(link_to.split(['<', '>']).nth(1).unwrap()).await;
        seen += page.body.as_array().map(Vec::len).unwrap();
        next = link(&page);
    }
    assert_eq!(seen, 5);
    assert_eq!(world.admin.get("/v1/paths?cursor=rubbish").await.status, 422);
}

#[tokio::test]
async fn why_names_the_policy_the_path_and_what_speaks_against_the_others() {
    let world = world().await;
    let key = Key { place: 0, local: 0, remote: 0 }.number();
    let mut two = report(&["fra"], 20);
    two["paths"][0]["classes"] = json!([{"used": false, "reason": "its uplinks cost more"}, {"policies": ["web"], "used": true, "reason": "carries the traffic"}]);
    assert_eq!(two["paths"][0]["key"], json!(key));
    assert_eq!(world.tell(two).await.status, 204);
    let web = json!({"name": "web", "priority": 1, "match_criteria": {"app": "web"}, "action": "route", "route": {"prefer": ["x"]}});
    assert_eq!(world.admin.post("/v1/policies", web).await.status, 201);
    let why = |service: &'static str| {
        world.admin.post("/v1/paths/why", json!({"from": "ams", "to": "fra", "service": service}))
    };
    let web = why("tcp/443").await;
    assert_eq!(web.status, 200, "{web:?}");
    assert_eq!((&web.body["verdict"]["policy"], &web.body["chosen"]), (&json!("web"), &web.body["paths"][0]["id"]));
    let other = why("udp/53").await.body;
    assert_eq!((&other["chosen"], &other["paths"][0]["because"]), (&json!(null), &json!("its uplinks cost more")));
    assert_eq!(other["verdict"]["missed"][0]["policy"], json!("web"));
    assert_eq!(world.admin.post("/v1/paths/why", json!({"from": "ams", "to": "lon"})).await.status, 404);
}
