//! Logins that are renewed, misused and ended.

use serde_json::json;

use crate::harness::{Answer, Caller, PASSWORD, TestServer};

async fn login(nobody: &Caller) -> Answer {
    nobody.post("/v1/auth/login", json!({"username": "admin", "password": PASSWORD})).await
}

async fn refresh(nobody: &Caller, token: &str) -> Answer {
    nobody.post("/v1/auth/refresh", json!({"refresh_token": token})).await
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    let first = login(&nobody).await;
    let second = refresh(&nobody, first.text("refresh_token")).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(second.text("refresh_token"), first.text("refresh_token"));
    assert_eq!(server.caller(second.text("access_token")).get("/v1/auth/me").await.body["actor"]["name"], "admin");

    assert_eq!(refresh(&nobody, first.text("refresh_token")).await.status, 401, "used before");
    assert_eq!(refresh(&nobody, second.text("refresh_token")).await.status, 401, "so the whole login has ended");
    let events = server.admin().await.get("/v1/events").await.body.to_string();
    assert!(events.contains("reuse"), "{events}");
}

#[tokio::test]
async fn logging_out_ends_the_login() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    let login = login(&nobody).await;
    let token = login.text("refresh_token");
    assert_eq!(nobody.post("/v1/auth/logout", json!({"refresh_token": token})).await.status, 204);
    assert_eq!(nobody.post("/v1/auth/logout", json!({"refresh_token": token})).await.status, 204, "again is no error");
    assert_eq!(refresh(&nobody, token).await.status, 401);
}

#[tokio::test]
async fn a_refresh_token_opens_nothing_else() {
    let server = TestServer::start().await;
    let login = login(&server.nobody()).await;
    assert_eq!(server.caller(login.text("refresh_token")).get("/v1/auth/me").await.status, 401);
    assert_eq!(login.header("cache-control"), "no-store");
    let cut = &login.text("access_token")[..login.text("access_token").len() - 2];
    assert_eq!(server.caller(cut).get("/v1/auth/me").await.status, 401);
}
