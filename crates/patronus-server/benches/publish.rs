//! How long a published version takes to the last of a hundred waiting agents:
//! `cargo bench -p patronus-server --bench publish [-- AGENTS [ROUNDS]]`.
//!
//! The server, its database (`synchronous=FULL`) and the agents share the process; what they say goes over real HTTP.
//! Measured from just before the publisher sends its request: until the last agent holds the new state, and until the
//! last one has also downloaded its bundle. Each round changes one site, so every bundle of the mesh is new.

#![allow(dead_code, reason = "the tests' harness has more than a measurement needs")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints, and stops at a fault"
)]

#[path = "../tests/it/fake.rs"]
mod fake;
#[path = "../tests/it/harness.rs"]
mod harness;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use fake::FakeAgent;
use harness::{Caller, TestServer};

/// p95 of the time until the last agent knows, in milliseconds.
const GOAL_MS: f64 = 50.0;
/// Between a round's end and the next publication, so that every agent waits again.
const SETTLE: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    if std::env::var_os("PATRONUS_LOG_LEVEL").is_some() {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    }
    let (count, rounds) = (numbers.next().unwrap_or(100), numbers.next().unwrap_or(40));
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (heard, mut news) = mpsc::unbounded_channel();
    for number in 1..=count {
        let number = u8::try_from(number).unwrap();
        let agent = FakeAgent::join(&server, &admin, &format!("site-{number:03}"), number).await;
        tokio::spawn(follow(server.address, agent.token.unwrap(), heard.clone()));
    }
    publish(&admin).await;
    settled(&mut news, count, 1).await;

    let (mut answered, mut known, mut downloaded) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let version = u64::try_from(round).unwrap() + 2;
        change(&admin, round).await;
        tokio::time::sleep(SETTLE).await;
        let began = Instant::now();
        publish(&admin).await;
        answered.push(ms(began.elapsed()));
        let (last_known, last_downloaded) = settled(&mut news, count, version).await;
        known.push(ms(last_known - began));
        downloaded.push(ms(last_downloaded - began));
    }
    let (p95, all) = (quantile(&mut known, 0.95), quantile(&mut downloaded, 0.95));
    println!("agents                         {count}, {rounds} publications");
    let answers = quantile(&mut answered, 0.95);
    println!("publisher answered,  p50 / p95 {:.1} / {answers:.1} ms", quantile(&mut answered, 0.5));
    println!(
        "last agent knows,    p50 / p95 {:.1} / {p95:.1} ms (goal: p95 under {GOAL_MS:.0} ms)",
        quantile(&mut known, 0.5)
    );
    println!("last one downloaded, p50 / p95 {:.1} / {all:.1} ms", quantile(&mut downloaded, 0.5));
    if p95 < GOAL_MS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What an agent tells: a version, when it knew of it, and when it had its bundle.
type News = (u64, Instant, Instant);

/// Follows the desired state like an agent, by a client so small that the server is what is measured.
async fn follow(server: SocketAddr, token: String, heard: mpsc::UnboundedSender<News>) {
    let mut connection = Connection::open(server, &token).await;
    let mut etag = String::new();
    loop {
        let known = format!("If-None-Match: {etag}\r\nPrefer: wait=55\r\n");
        // The server stops with the last round.
        let Some(state) = connection.get("/v1/agent/state", &known).await else { return };
        let at = Instant::now();
        if state.status == 304 {
            continue;
        }
        etag = state.header("etag");
        let state: Value = serde_json::from_slice(&state.body).unwrap();
        let Value::Object(desired) = &state["desired"] else { continue };
        let path = format!("/v1/agent/bundles/{}", desired["digest"].as_str().unwrap());
        let Some(bundle) = connection.get(&path, "").await else { return };
        assert_eq!(bundle.status, 200);
        heard.send((desired["version"].as_u64().unwrap(), at, Instant::now())).unwrap();
    }
}

/// One kept HTTP/1.1 connection.
struct Connection {
    stream: BufReader<TcpStream>,
    token: String,
}

struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> String {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|field| field.0 == name).map(|field| field.1.to_owned()).unwrap_or_default()
    }
}

impl Connection {
    async fn open(server: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), token: token.to_owned() }
    }

    async fn get(&mut self, path: &str, fields: &str) -> Option<Got> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{fields}\r\n", self.token);
        self.stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            self.stream.read_line(&mut head).await.ok().filter(|&read| read > 0)?;
        }
        let mut got = Got { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        got.body.resize(got.header("content-length").parse().unwrap_or(0), 0);
        self.stream.read_exact(&mut got.body).await.ok()?;
        Some(got)
    }
}

/// Waits until all agents have a version; when the last one knew, and when the last one had its bundle.
async fn settled(news: &mut mpsc::UnboundedReceiver<News>, count: usize, version: u64) -> (Instant, Instant) {
    let mut last: Option<(Instant, Instant)> = None;
    for _ in 0..count {
        let (heard, known, downloaded) = news.recv().await.unwrap();
        assert_eq!(heard, version);
        let (before, done) = last.unwrap_or((known, downloaded));
        last = Some((before.max(known), done.max(downloaded)));
    }
    last.unwrap()
}

async fn change(admin: &Caller, round: usize) {
    let site = admin.get("/v1/sites/site-001").await;
    let prefixes = json!({"prefixes": [format!("10.1.{}.0/24", round % 250)]});
    let changed = admin.patch("/v1/sites/site-001", site.header("etag"), prefixes).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

async fn publish(admin: &Caller) {
    let published = admin.post("/v1/releases", json!({})).await;
    assert_eq!(published.status, 201, "{published:?}");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let count = f64::from(u32::try_from(values.len()).unwrap());
    let index = (0..values.len()).find(|&index| f64::from(u32::try_from(index + 1).unwrap()) >= share * count);
    values[index.unwrap()]
}
