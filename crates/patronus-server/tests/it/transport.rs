//! Connections: TLS, time limits, and an end that finishes what was begun.

use std::time::{Duration, Instant};

use patronus_server::config::{Layer, TlsMode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fake::{FakeAgent, state};
use crate::harness::{TestServer, http, send, tls_client};

/// Sends some bytes and says how long it took the server to end the connection.
async fn cut_after(server: &TestServer, bytes: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    stream.write_all(bytes).await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    let _ = read.expect("the server lets go");
    began.elapsed()
}

#[tokio::test]
async fn clients_that_say_nothing_or_too_little_are_cut() {
    let layer = Layer { idle_timeout_s: Some(2), first_request_timeout_s: Some(1), ..Layer::default() };
    let server = TestServer::with(layer).await;
    for bytes in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let time = cut_after(&server, bytes).await;
        let text = String::from_utf8_lossy(bytes);
        assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&time), "{text:?}: {time:?}");
    }
    let kept = cut_after(&server, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!((Duration::from_millis(1900)..Duration::from_secs(4)).contains(&kept), "idle: {kept:?}");
}

#[tokio::test]
async fn who_does_not_read_what_it_asked_for_is_cut() {
    const ASKED: usize = 400;
    let layer = Layer { idle_timeout_s: Some(1), first_request_timeout_s: Some(1), ..Layer::default() };
    let server = TestServer::with(layer).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all("GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(ASKED).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut got = Vec::new();
    let _reset_or_end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut got)).await.unwrap();
    let answers = String::from_utf8_lossy(&got).matches("HTTP/1.1 200").count();
    assert!((1..ASKED).contains(&answers), "{answers} answers");
}

/// Sends a head and then everything before it reads, as simple clients do.
async fn push(server: &TestServer, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("{head}Host: x\r\n\r\n").as_bytes()).await.unwrap();
    stream.write_all(body).await.expect("the server goes on reading");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_sends_all_first_reads_why_it_was_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let token = format!("Authorization: Bearer {}\r\n", admin.token.as_deref().unwrap());
    let json = "Content-Type: application/json\r\n";
    let long = vec![b' '; 40 * 1024 * 1024];
    let told = format!("Content-Length: {}\r\n", long.len());
    let archive = format!("POST /v1/bundles HTTP/1.1\r\nContent-Type: application/gzip\r\n{told}");
    assert_eq!(push(&server, &format!("{archive}{token}"), &long).await, "HTTP/1.1 413");
    assert_eq!(push(&server, &archive, &long).await, "HTTP/1.1 401");
    let unknown = format!("POST /v1/nothing HTTP/1.1\r\n{told}");
    assert_eq!(push(&server, &unknown, &long).await, "HTTP/1.1 404");
    let chunk = [format!("{:x}\r\n", long.len()).as_bytes(), &long, b"\r\n0\r\n\r\n"].concat();
    let untold = format!("POST /v1/sites HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{json}{token}");
    assert_eq!(push(&server, &untold, &chunk).await, "HTTP/1.1 413");
}

#[tokio::test]
async fn who_sends_without_end_is_cut() {
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", u64::from(u32::MAX));
    stream.write_all(head.as_bytes()).await.unwrap();
    let (piece, mut sent) = (vec![b' '; 1024 * 1024], 0);
    while stream.write_all(&piece).await.is_ok() {
        sent += 1;
        assert!(sent < 512, "{sent} MiB were read");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = TestServer::with(Layer { request_timeout_s: Some(1), ..Layer::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head =
        "POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
}

#[tokio::test]
async fn headers_and_urls_are_bounded() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    assert_eq!(nobody.get(&format!("/v1/sites?cursor={}", "x".repeat(9000))).await.status, 413);
    assert_eq!(nobody.get(&format!("/{}", "x".repeat(9000))).await.status, 413);
    let mut many = nobody.request("GET", "/health/live");
    for number in 0..100 {
        many = many.header(format!("x-{number}"), "1");
    }
    assert_eq!(send(many).await.status, 431);
    let refused = send(nobody.request("PUT", "/v1/sites")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (405, "method_not_allowed"));
    assert_eq!(nobody.get("/v2").await.code(), "no_route");
}

#[tokio::test]
async fn tls_shows_a_chain_that_ends_in_the_private_ca() {
    let server = TestServer::with(Layer { tls: Some(TlsMode::Always), ..Layer::default() }).await;
    assert!(server.url.starts_with("https://"), "{}", server.url);
    assert!(http().get(format!("{}/health/live", server.url)).send().await.is_err(), "an unknown CA");
    let ca = server.data.path().join("tls/ca.pem");
    let known = reqwest::Client::builder().tls_backend_preconfigured(tls_client(&[ca])).build().unwrap();
    let answer = known.get(format!("{}/health/live", server.url)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
    let ready = send(known.get(format!("{}/health/ready", server.url))).await;
    let certificate = &ready.body["certificate"];
    assert!((1820..=1825).contains(&certificate["days_left"].as_i64().unwrap()), "five years: {ready:?}");
    assert!(certificate["not_after"].as_str().unwrap().ends_with("T00:00:00Z"), "{ready:?}");
    assert_eq!(ready.body["checks"][3]["name"], "certificate");
    let plain = TcpStream::connect(server.address).await.unwrap();
    drop(plain);
    assert!(server.app.ca_sha256.is_some(), "invitations carry it");
    let layer = Layer { first_request_timeout_s: Some(1), tls: Some(TlsMode::Always), ..Layer::default() };
    let impatient = TestServer::with(layer).await;
    assert!(cut_after(&impatient, b"").await < Duration::from_secs(3), "a handshake that does not come");
}

#[tokio::test]
async fn plain_http_stays_on_loopback() {
    let refused = patronus_server::serve::Listener::bind(([0, 0, 0, 0], 0).into(), None).await;
    assert!(refused.err().unwrap().to_string().contains("127.0.0.1"));
}

#[tokio::test]
async fn a_stop_finishes_what_runs_and_ends_what_waits() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await.caller(&server);
    let etag = state(&agent, None, 0).await.header("etag").to_owned();
    let waiting = tokio::spawn({
        let agent = agent.clone();
        async move { state(&agent, Some(&etag), 55).await }
    });
    // A request that the server has begun to read, and that ends after the stop.
    let body = json!({"name": "bru"}).to_string();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/sites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        admin.token.as_deref().unwrap(),
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    slow.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let ended = server.stop();
    let woken = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!(woken.status, 304, "who waits is answered");
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), slow.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
