//! Agents as far as the server can tell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Answer, Caller, TestServer, send};

/// An agent as far as the server can tell: keys, a nonce, and after enrolling a token.
pub struct FakeAgent {
    pub number: u8,
    pub token: Option<String>,
    pub enrolled: Value,
}

impl FakeAgent {
    pub fn new(number: u8) -> Self {
        Self { number, token: None, enrolled: Value::Null }
    }

    pub fn key(&self, uplink: u8) -> String {
        let mut bytes = [self.number; 32];
        bytes[0] = uplink;
        STANDARD.encode(bytes)
    }

    pub fn request(&self, invitation: &Value) -> Value {
        json!({
            "token": invitation["secret"],
            "signing_key_sha256": invitation["invitation"]["signing_key_sha256"],
            "public_keys": (0..4).map(|uplink| self.key(uplink)).collect::<Vec<_>>(),
            "port_base": 51_820,
            "nonce": STANDARD.encode([self.number; 32]),
            "agent_version": "0.1.0",
            "hostname": format!("host-{}", self.number),
        })
    }

    /// Makes a site and joins it.
    pub async fn join(server: &TestServer, admin: &Caller, name: &str, number: u8) -> Self {
        admin.make_site(name, number).await;
        let invitation = admin.invite(name).await;
        let mut agent = Self::new(number);
        let answer = server.nobody().post("/v1/agent/enrol", agent.request(&invitation)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        agent.token = Some(answer.text("agent_token").to_owned());
        agent.enrolled = answer.body;
        agent
    }

    pub fn caller(&self, server: &TestServer) -> Caller {
        server.caller(self.token.as_deref().unwrap())
    }
}

/// Asks for the state, with what is known and how long to wait.
pub async fn state(caller: &Caller, etag: Option<&str>, wait_s: u32) -> Answer {
    let mut request = caller.request("GET", "/v1/agent/state");
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    if wait_s > 0 {
        request = request.header("prefer", format!("wait={wait_s}"));
    }
    send(request).await
}
