//! A server on a free port, and callers that say what they want in a few words.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use patronus_server::app::{App, Clock};
use patronus_server::config::{Config, Layer};
use patronus_server::init::{Options, PasswordFrom, init};
use patronus_server::run::Server;
use patronus_server::serve::serve;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const PASSWORD: &str = "correct horse battery";

/// A running server.
pub struct TestServer {
    pub url: String,
    pub address: SocketAddr,
    pub app: Arc<App>,
    pub data: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<JoinHandle<()>>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::with(Layer::default()).await
    }

    /// With settings of its own.
    pub async fn with(layer: Layer) -> Self {
        Self::on(initialised().await, layer, Clock::system()).await
    }

    /// On a folder that is there, by a clock of the test's.
    pub async fn on(data: tempfile::TempDir, layer: Layer, clock: Clock) -> Self {
        let opened = Self::open(&data, layer, clock).await;
        Self::serve(data, opened)
    }

    /// Opens a folder's server without serving: no request is answered and no job runs.
    pub async fn open(data: &tempfile::TempDir, layer: Layer, clock: Clock) -> Server {
        let layer = Layer {
            data: Some(data.path().to_owned()),
            listen: Some(layer.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))),
            ..layer
        };
        let config = Config::load(layer, |_| None).unwrap();
        Server::open(&config, clock).await.unwrap()
    }

    /// Serves what was opened.
    pub fn serve(data: tempfile::TempDir, Server { listener, app, lock }: Server) -> Self {
        let url = listener.url().unwrap();
        let address = url.rsplit_once('/').unwrap().1.parse().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = serve(listener, app.clone(), async move {
            let _ = stopped.await;
        });
        let ended = tokio::spawn(async move {
            served.await;
            drop(lock);
        });
        Self { url, address, app, data, stop: Some(stop), ended: Some(ended) }
    }

    /// Tells the server to stop; the handle ends when it has.
    pub fn stop(&mut self) -> JoinHandle<()> {
        self.stop.take().unwrap().send(()).unwrap();
        self.ended.take().unwrap()
    }

    /// A caller without a credential.
    pub fn nobody(&self) -> Caller {
        Caller { url: self.url.clone(), http: http(), token: None }
    }

    /// A caller with a credential.
    pub fn caller(&self, token: &str) -> Caller {
        Caller { token: Some(token.to_owned()), ..self.nobody() }
    }

    /// The admin, logged in.
    pub async fn admin(&self) -> Caller {
        let answer = self.nobody().post("/v1/auth/login", json!({"username": "admin", "password": PASSWORD})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.caller(answer.text("access_token"))
    }
}

/// A data folder as `init` makes it.
pub async fn initialised() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let password = password_file(data.path().parent().unwrap());
    let options = Options {
        data: data.path().to_owned(),
        admin: "admin".parse().unwrap(),
        password: PasswordFrom::File(password.path().to_owned()),
        names: Vec::new(),
    };
    assert!(init(options, &Clock::system()).await.unwrap());
    data
}

pub fn password_file(folder: &std::path::Path) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new_in(folder).unwrap();
    std::fs::write(file.path(), format!("{PASSWORD}\n")).unwrap();
    file
}

pub fn tls_client(roots: &[PathBuf]) -> rustls::ClientConfig {
    use rustls::pki_types::pem::PemObject as _;
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(rustls::pki_types::CertificateDer::from_pem_file(root).unwrap()).unwrap();
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().tls_backend_preconfigured(tls_client(&[])).build().unwrap()
}

/// Who calls.
#[derive(Clone)]
pub struct Caller {
    pub url: String,
    pub http: reqwest::Client,
    pub token: Option<String>,
}

/// What a call came to.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_else(|| panic!("no text `{field}` in {self:?}"))
    }

    /// Place and words of the only fault.
    pub fn fault(&self) -> (&str, &str) {
        let text = |field: &str| self.body["errors"][0][field].as_str().unwrap_or_default();
        assert_eq!(self.body["errors"].as_array().map(Vec::len), Some(1), "{self:?}");
        (text("pointer"), text("detail"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header `{name}` in {self:?}")).to_str().unwrap()
    }

    /// The code of an error, which must have its status and its form.
    pub fn code(&self) -> &str {
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], self.status.as_u16());
        self.text("code")
    }
}

impl Caller {
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request("POST", path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, etag: &str, body: Value) -> Answer {
        send(self.request("PATCH", path).header("if-match", etag).json(&body)).await
    }

    pub async fn delete(&self, path: &str, etag: &str) -> Answer {
        send(self.request("DELETE", path).header("if-match", etag)).await
    }

    /// A site that others can reach at 192.0.2.`number`, with 10.`number`.0.0/16 behind it.
    pub async fn make_site(&self, name: &str, number: u8) -> Answer {
        let site = json!({
            "name": name,
            "endpoints": [format!("192.0.2.{number}")],
            "prefixes": [format!("10.{number}.0.0/16")],
        });
        let answer = self.post("/v1/sites", site).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    /// An invitation for a site.
    pub async fn invite(&self, site: &str) -> Value {
        let answer = self.post("/v1/tokens", json!({"kind": "enrol", "site": site})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }
}

pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap().to_vec();
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), bytes }
}
