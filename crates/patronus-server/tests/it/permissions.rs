//! Every route, with every kind of caller.

use patronus_types::api::route::{Access, Op};
use patronus_types::permission::{Permission, Role};
use serde_json::json;

use crate::fake::FakeAgent;
use crate::harness::{Caller, TestServer, send};

/// Calls a route with nothing that would make it succeed.
async fn knock(caller: &Caller, op: Op) -> u16 {
    let route = op.route();
    let nowhere = ["nowhere-at-all", "nowhere-at-all"];
    let request = caller.request(route.method.as_str(), &op.path(&nowhere));
    send(request).await.status.as_u16()
}

fn needs(op: Op) -> Option<Permission> {
    match op.route().access {
        Access::Needs(permission) => Some(permission),
        _ => None,
    }
}

#[tokio::test]
async fn no_route_but_the_public_ones_opens_without_a_credential() {
    let server = TestServer::start().await;
    let garbage = ["", "x", "ptn_api_", "ptn_agent_000000000000000000000000000AAAAAA", "eyJhbGciOiJub25lIn0.e30."];
    let mut bodies = std::collections::BTreeSet::new();
    for op in Op::ALL.iter().copied().filter(|op| op.route().access != Access::Public) {
        assert_eq!(knock(&server.nobody(), op).await, 401, "{op:?}");
        for token in garbage {
            let caller = server.caller(token);
            let route = op.route();
            let mut answer = send(caller.request(route.method.as_str(), &op.path(&["x", "x"]))).await;
            assert_eq!(answer.status, 401, "{op:?} {token}");
            answer.body["request_id"] = json!(null);
            bodies.insert(answer.body.to_string());
        }
    }
    let login = server.nobody().post("/v1/auth/login", json!({"username": "x", "password": "y"})).await;
    let mut body = login.body.clone();
    body["request_id"] = json!(null);
    bodies.insert(body.to_string());
    assert_eq!(bodies.len(), 1, "every failure of authentication looks alike");
}

#[tokio::test]
async fn agents_and_people_keep_to_their_own_routes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    for op in Op::ALL.iter().copied() {
        let (Some(permission), agents) = (needs(op), needs(op) == Some(Permission::AgentSelf)) else { continue };
        if op == Op::AgentLeave {
            continue;
        }
        let (by_agent, by_admin) = (knock(&agent, op).await, knock(&admin, op).await);
        assert_eq!(by_agent == 403, !agents, "{op:?} {permission:?}: {by_agent}");
        assert_eq!(by_admin == 403, agents, "{op:?} {permission:?}: {by_admin}");
    }
    assert_eq!(agent.get("/v1/auth/me").await.body["role"], "system");
}

#[tokio::test]
async fn every_role_does_what_it_may_and_nothing_else() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (role, name) in [(Role::Viewer, "viewer"), (Role::Operator, "operator"), (Role::Admin, "admin")] {
        let token = admin.post("/v1/tokens", json!({"kind": "api", "role": name})).await;
        assert_eq!(token.status, 201, "{token:?}");
        let caller = server.caller(token.text("secret"));
        for op in Op::ALL.iter().copied() {
            let Some(permission) = needs(op) else { continue };
            assert_eq!(knock(&caller, op).await == 403, !role.allows(permission), "{name} {op:?}");
        }
    }
}

#[tokio::test]
async fn nobody_makes_a_token_that_may_more_than_its_maker() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let operator = admin.post("/v1/tokens", json!({"kind": "api", "role": "operator"})).await;
    let caller = server.caller(operator.text("secret"));
    assert_eq!(caller.post("/v1/tokens", json!({"kind": "api"})).await.code(), "forbidden");
    admin.make_site("ams", 1).await;
    let enrol = caller.post("/v1/tokens", json!({"kind": "enrol", "site": "ams"})).await;
    assert_eq!(enrol.status, 201);
    let own = format!("/v1/tokens/{}", operator.text("id"));
    assert_eq!(caller.delete(&own, "*").await.code(), "forbidden");
    assert_eq!(caller.delete(&format!("/v1/tokens/{}", enrol.text("id")), "*").await.status, 204);
    assert_eq!(admin.post("/v1/tokens", json!({"kind": "api", "role": "system"})).await.status, 422);
    assert_eq!(admin.post("/v1/tokens", json!({"kind": "agent"})).await.status, 422);
    assert_eq!(admin.delete(&own, "*").await.status, 204);
    assert_eq!(caller.get("/v1/sites").await.status, 401, "revoked");
    let networks = json!({"documents": [{"kind": "network", "name": "lab", "range": "10.99.0.0/24"}]});
    let operator = admin.post("/v1/tokens", json!({"kind": "api", "role": "operator"})).await;
    let caller = server.caller(operator.text("secret"));
    assert_eq!(caller.post("/v1/apply", networks).await.code(), "forbidden");
}
