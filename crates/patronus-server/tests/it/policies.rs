//! Policies: written, tested, published; what they expect stands against writes of anything.

use serde_json::{Value, json};

use crate::harness::{Caller, TestServer, send};

async fn two_sites(admin: &Caller) {
    for (name, prefix) in [("ams", "192.168.1.0/24"), ("fra", "192.168.2.0/24")] {
        let site = json!({"name": name, "prefixes": [prefix], "labels": {"role": "branch"},
            "uplinks": [{"name": "fiber", "device": "eth0"}, {"name": "lte", "device": "eth1"}]});
        assert_eq!(admin.post("/v1/sites", site).await.status, 201);
    }
}

fn web() -> Value {
    json!({"name": "web", "priority": 100, "match_criteria": {"src": "site:ams", "dst": "role=branch", "app": "web"},
        "action": "route", "route": {"prefer": ["fiber"]}, "expect": ["from ams to fra tcp/443 → route via fiber"]})
}

#[tokio::test]
async fn a_policy_has_the_fields_that_clients_know() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    two_sites(&admin).await;
    let made = admin.post("/v1/policies", web()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(made.text("id").starts_with("policy_"));
    assert_eq!((&made.body["priority"], made.text("action")), (&json!(100), "route"));
    assert_eq!((made.text("name"), &made.body["warnings"]), ("web", &json!([])));
    assert!(made.body["match_criteria"].is_object());
    let got = admin.get("/v1/policies/web").await;
    assert_eq!((got.status.as_u16(), got.header("etag")), (200, made.header("etag")));
    assert_eq!(admin.get("/v1/policies").await.body.as_array().map(Vec::len), Some(1));
    assert_eq!(admin.get("/v1/policies/nowhere").await.status, 404);
    let lost = admin.patch("/v1/policies/web", "\"9\"", json!({"priority": 7})).await;
    assert_eq!(lost.status, 412);
    let changed = admin.patch("/v1/policies/web", got.header("etag"), json!({"priority": 7, "expect": []})).await;
    assert_eq!((changed.status.as_u16(), &changed.body["priority"]), (200, &json!(7)), "{changed:?}");
    assert_eq!(admin.delete("/v1/policies/web", changed.header("etag")).await.status, 204);
}

#[tokio::test]
async fn what_does_not_hold_is_refused_and_never_widened() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    two_sites(&admin).await;
    let refused = |change: fn(&mut Value)| {
        let admin = admin.clone();
        async move {
            let mut policy = web();
            change(&mut policy);
            let answer = admin.post("/v1/policies", policy).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"), "{answer:?}");
            answer.body.to_string()
        }
    };
    for (change, said) in [
        ((|it| it["match_criteria"]["dst"] = json!("10.0.0.0/33")) as fn(&mut Value), "is no place"),
        (|it| it["match_criteria"]["dst"] = json!("10.0.0.1/8"), "did you mean 10.0.0.0/8"),
        (|it| it["match_criteria"]["src"] = json!("site:amd"), "there is no site amd: did you mean ams?"),
        (|it| it["match_criteria"]["app"] = json!("wed"), "there is no application wed: did you mean web?"),
        (|it| it["priority"] = json!(1001), "0 to 1000"),
        (|it| it["route"]["sla"] = json!({"latency_ms": -1}), "/route/sla/latency_ms"),
        (|it| it["action"] = json!("allow"), "`allow`"),
        (|it| it["colour"] = json!("blue"), "colour"),
        (|it| it["expect"] = json!(["from ams to fra tcp/443 → drop"]), "policy web decides: route via fiber"),
        (|it| it["expect"] = json!(["from ams to lon → drop"]), "there is no site lon"),
    ] {
        let body = refused(change).await;
        assert!(body.contains(said), "{said}: {body}");
    }
    assert_eq!(admin.get("/v1/policies").await.body, json!([]), "nothing was kept");
    let text = send(admin.request("POST", "/v1/policies").header("content-type", "application/json").body(
        r#"{"name": "x", "priority": 1, "match_criteria": {}, "action": "rate_limit", "rate_limit": {"rate": NaN, "unit": "bit/s"}}"#,
    ))
    .await;
    assert_eq!(text.status, 400, "NaN is no JSON");
}

#[tokio::test]
async fn what_policies_expect_stands_against_every_write() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    two_sites(&admin).await;
    assert_eq!(admin.post("/v1/policies", web()).await.status, 201);
    let stands = |answer: crate::harness::Answer, said: &str| {
        assert_eq!((answer.status.as_u16(), answer.code()), (422, "invalid"), "{answer:?}");
        assert!(answer.body.to_string().contains(said), "{said}: {answer:?}");
    };
    let bar = json!({"name": "bar", "priority": 200, "match_criteria": {"dst_ports": "400-500"}, "action": "drop"});
    stands(admin.post("/v1/policies", bar.clone()).await, "policy bar decides: drop");
    let fra = admin.get("/v1/sites/fra").await.header("etag").to_owned();
    stands(admin.patch("/v1/sites/fra", &fra, json!({"labels": {"role": null}})).await, "no policy matches");
    stands(admin.patch("/v1/sites/fra", &fra, json!({"name": "lon"})).await, "there is no site fra");
    stands(admin.delete("/v1/sites/fra", &fra).await, "there is no site fra");
    let set = json!({"documents": [{"kind": "policy", "name": "bar", "priority": 200, "match_criteria": {"app": "web"}, "action": "drop"}]});
    stands(admin.post("/v1/apply", set).await, "policy bar decides: drop");
    let mut both = web();
    (both["kind"], both["expect"]) = (json!("policy"), json!(["from ams to fra tcp/443 → drop by bar"]));
    let mut bar = bar;
    bar["kind"] = json!("policy");
    let answer = admin.post("/v1/apply", json!({"documents": [both, bar]})).await;
    assert_eq!(answer.status, 200, "all of it holds together: {answer:?}");
    assert_eq!(answer.body["warnings"], json!([]));
    assert_eq!(admin.patch("/v1/sites/fra", &fra, json!({"location": "Frankfurt"})).await.status, 200);
}

#[tokio::test]
async fn two_writers_at_once_cannot_make_untrue_what_either_expects() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    two_sites(&admin).await;
    for round in 0..8 {
        let expects = json!({"name": "one", "priority": 1, "match_criteria": {"dst_ports": 80}, "action": "route",
            "expect": ["from ams to fra tcp/80 → route"]});
        let drops = json!({"name": "two", "priority": 2, "match_criteria": {"dst_ports": 80}, "action": "drop"});
        let (one, two) = tokio::join!(admin.post("/v1/policies", expects), admin.post("/v1/policies", drops));
        let mut done = [one.status.as_u16(), two.status.as_u16()];
        done.sort_unstable();
        assert_eq!(done, [201, 422], "{round}: {one:?} {two:?}");
        let made = if one.status == 201 { "one" } else { "two" };
        let etag = admin.get(&format!("/v1/policies/{made}")).await.header("etag").to_owned();
        assert_eq!(admin.delete(&format!("/v1/policies/{made}"), &etag).await.status, 204);
    }
}

#[tokio::test]
async fn people_ask_what_becomes_of_packets() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    two_sites(&admin).await;
    admin.post("/v1/policies", web()).await;
    let hidden = json!({"name": "hidden", "priority": 1, "match_criteria": {"src": "site:ams", "dst": "role=branch", "app": "web"}, "action": "drop"});
    let made = admin.post("/v1/policies", hidden).await;
    assert!(made.body["warnings"][0].as_str().unwrap().contains("policy hidden is never asked"), "{made:?}");
    let asked = admin.post("/v1/policies/test", json!({"from": "ams", "to": "fra", "service": "tcp/443"})).await;
    let verdict = &asked.body["verdicts"][0];
    assert_eq!((&verdict["policy"], &verdict["missed"]), (&json!("web"), &json!([])), "{asked:?}");
    let asked = admin.post("/v1/policies/test", json!({"from": "ams", "to": "10.9.9.9", "service": "udp/53"})).await;
    let verdict = &asked.body["verdicts"][0];
    assert_eq!((&verdict["policy"], verdict["missed"].as_array().map(Vec::len)), (&json!(null), Some(2)));
    let all = admin.post("/v1/policies/test", json!({})).await;
    assert_eq!((&all.body["expectations"], &all.body["failed"]), (&json!(1), &json!([])));
    for (body, place) in
        [(json!({"from": "ams"}), "/to"), (json!({"to": "ams"}), "/from"), (json!({"service": "tcp/1"}), "/from")]
    {
        assert_eq!(admin.post("/v1/policies/test", body).await.body["errors"][0]["pointer"], place);
    }
    assert_eq!(admin.post("/v1/policies/test", json!({"from": "lon", "to": "fra"})).await.status, 422);
}

#[tokio::test]
async fn policies_are_part_of_releases_and_come_back_with_them() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = crate::fake::FakeAgent::join(&server, &admin, "ams", 1).await;
    drop(agent);
    let drops = json!({"name": "bar", "priority": 2, "match_criteria": {"dst_ports": 80}, "action": "drop"});
    let publish = || admin.post("/v1/releases", json!({}));
    assert_eq!(publish().await.status, 201);
    admin.post("/v1/policies", drops).await;
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], json!(true));
    assert_eq!(publish().await.body["release"]["version"], json!(2));
    let diff = admin.get("/v1/releases/2/diff?from=1").await;
    assert!(diff.body.to_string().contains("+ policy bar"), "{diff:?}");
    let etag = admin.get("/v1/policies/bar").await.header("etag").to_owned();
    assert_eq!(admin.delete("/v1/policies/bar", &etag).await.status, 204);
    assert_eq!(publish().await.body["release"]["version"], json!(3));
    let back = admin.post("/v1/releases/2/rollback", json!({})).await;
    assert_eq!(back.status, 201, "{back:?}");
    let diff = admin.get("/v1/releases/4/diff?from=3").await;
    assert!(diff.body.to_string().contains("+ policy bar"), "{diff:?}");
}

#[tokio::test]
async fn a_network_declares_applications_of_its_own() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    two_sites(&admin).await;
    let erp = json!({"name": "erp", "priority": 10, "match_criteria": {"app": "erp"}, "action": "drop",
        "expect": ["from ams to fra tcp/3250 → drop"]});
    assert_eq!(admin.post("/v1/policies", erp.clone()).await.status, 422, "nobody has said what erp is");
    let network = admin.get("/v1/networks").await.body[0]["name"].as_str().unwrap().to_owned();
    let path = format!("/v1/networks/{network}");
    let change = async |apps: Value| {
        let etag = admin.get(&path).await.header("etag").to_owned();
        admin.patch(&path, &etag, json!({ "apps": apps })).await
    };
    assert_eq!(change(json!({"erp": ["tcp/3200-3299"], "web": ["tcp/8080"]})).await.status, 200);
    assert_eq!(admin.post("/v1/policies", erp).await.status, 201);
    for (apps, said) in [
        (json!({"erp": null}), "there is no application erp"),
        (json!({"erp": ["tcp/3300"]}), "tcp/3250"),
        (json!({"erp": []}), "say what it is made of"),
        (json!({"erp": ["esp/3250"]}), "esp has no ports"),
    ] {
        let answer = change(apps).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body.to_string().contains(said), "{answer:?} does not say {said}");
    }
    let all = admin.get(&format!("/v1/apps?network={network}")).await.body["items"].clone();
    let of = |name: &str| all.as_array().unwrap().iter().find(|app| app["name"] == name).unwrap().clone();
    assert_eq!(of("erp"), json!({"name": "erp", "services": ["tcp/3200-3299"], "built_in": false}));
    assert_eq!(of("web")["services"], json!(["tcp/8080"]));
    assert_eq!(of("ssh"), json!({"name": "ssh", "services": ["tcp/22"], "built_in": true}));
    let asked = admin.post("/v1/policies/test", json!({"from": "ams", "to": "fra", "service": "tcp/3299"})).await;
    assert_eq!(asked.body["verdicts"][0]["policy"], "erp", "{asked:?}");
}
