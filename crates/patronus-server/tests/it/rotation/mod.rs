//! The replacing of a site's keys, with agents as far as the server can tell.

mod asking;
mod course;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::archive;
use patronus_core::mesh::content_of_files;
use patronus_types::bundle::Content;
use serde_json::{Value, json};

use crate::fake::{FakeAgent, state};
use crate::harness::{Answer, Caller, TestServer, send};

/// Long enough for a busy machine; nothing waits that long when all is well.
const PATIENCE_S: u32 = 30;

/// A site with an agent that reports what the test wants.
struct Office {
    name: &'static str,
    agent: FakeAgent,
    seq: u64,
}

impl Office {
    async fn join(server: &TestServer, admin: &Caller, name: &'static str, number: u8) -> Self {
        Self { name, agent: FakeAgent::join(server, admin, name, number).await, seq: 0 }
    }

    /// A key of its own, of the `set`th kind.
    fn key(&self, set: u8, uplink: u8) -> String {
        let mut bytes = [self.agent.number; 32];
        (bytes[0], bytes[1]) = (uplink, set);
        STANDARD.encode(bytes)
    }

    fn new_keys(&self, number: u8) -> Value {
        json!((0..4).map(|uplink| self.key(number, uplink)).collect::<Vec<_>>())
    }

    /// What it reports when it runs a version, and more.
    fn report(&mut self, version: u64, more: Value) -> Value {
        self.seq += 1;
        let mut report = json!({
            "seq": self.seq, "agent_version": "0.1.0", "hostname": "host", "driver": "kernel",
            "running": {"version": version, "digest": "0".repeat(64)}, "highest_accepted": version,
            "outcome": null, "tunnels": [], "warnings": [], "spare_key": self.key(99, 0),
        });
        let fields = more.as_object().unwrap().clone();
        report.as_object_mut().unwrap().extend(fields);
        report
    }

    async fn tell(&mut self, server: &TestServer, version: u64, more: Value) {
        let report = self.report(version, more);
        let answer = self.agent.caller(server).post("/v1/agent/reports", report).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// What its newest bundle holds.
    async fn content(&self, server: &TestServer) -> Content {
        let caller = self.agent.caller(server);
        let digest = state(&caller, None, 0).await.body["desired"]["digest"].as_str().unwrap().to_owned();
        let bundle = caller.get(&format!("/v1/agent/bundles/{digest}")).await;
        let contents = archive::read(&bundle.bytes, &archive::Limits::DEFAULT).unwrap();
        content_of_files(&contents.files).unwrap()
    }
}

/// Waits for events of one kind, one after the other.
struct Watch<'a> {
    caller: &'a Caller,
    seen: u64,
}

impl<'a> Watch<'a> {
    async fn from_now(caller: &'a Caller) -> Self {
        let newest = caller.get("/v1/events?limit=1").await;
        Self { caller, seen: newest.body[0]["number"].as_u64().unwrap() }
    }

    async fn next(&mut self, kind: &str) -> Value {
        let query = format!("/v1/events?type={kind}&after={}&wait={PATIENCE_S}&limit=1", self.seen);
        let answer = self.caller.get(&query).await;
        let event = answer.body[0].clone();
        assert_eq!(event["type"], kind, "{answer:?}");
        self.seen = event["number"].as_u64().unwrap();
        event
    }
}

async fn rotate(admin: &Caller, site: &str, body: Value) -> Answer {
    admin.post(&format!("/v1/sites/{site}/rotate-key"), body).await
}

async fn give_up(admin: &Caller, site: &str) -> Answer {
    send(admin.request("DELETE", &format!("/v1/sites/{site}/rotate-key"))).await
}

async fn rotation(admin: &Caller, site: &str) -> Value {
    admin.get(&format!("/v1/sites/{site}")).await.body["rotation"].clone()
}

async fn published(admin: &Caller) -> u64 {
    let answer = admin.post("/v1/releases", json!({})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body["release"]["version"].as_u64().unwrap()
}

async fn newest(admin: &Caller) -> Value {
    admin.get("/v1/releases/latest").await.body
}

/// Three sites that run version 1, each with a key for a spare tunnel.
async fn three(server: &TestServer, admin: &Caller) -> [Office; 3] {
    let mut offices = [
        Office::join(server, admin, "ams", 1).await,
        Office::join(server, admin, "bru", 2).await,
        Office::join(server, admin, "cph", 3).await,
    ];
    assert_eq!(published(admin).await, 1);
    all_run(server, &mut offices, 1).await;
    offices
}

async fn all_run(server: &TestServer, offices: &mut [Office], version: u64) {
    for office in offices {
        office.tell(server, version, json!({})).await;
    }
}

/// Brings ams to the spare phase: version 2.
async fn to_spare(server: &TestServer, admin: &Caller, offices: &mut [Office; 3]) {
    let mut watch = Watch::from_now(admin).await;
    assert_eq!(rotate(admin, "ams", json!({})).await.status, 201);
    let keys = offices[0].new_keys(2);
    offices[0].tell(server, 1, json!({"offered_keys": {"number": 2, "public_keys": keys}})).await;
    watch.next("site.rotation-advanced").await;
}
