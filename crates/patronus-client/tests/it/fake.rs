//! A scripted HTTP/1.1 server on a loopback port: a closure answers, every request is noted.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// `GET /path`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

/// What the script says.
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Sends the head and this part of the body, then closes.
    Broken {
        headers: Vec<(String, String)>,
        length: usize,
        part: Vec<u8>,
    },
    /// Closes without an answer.
    Close,
    /// Never answers; the connection stays open until the server goes.
    Hang,
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self::typed(status, "application/json", body)
    }

    pub fn typed(status: u16, kind: &str, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self::Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    pub fn problem(code: &str, status: u16, detail: &str) -> Self {
        let body = format!(
            r#"{{"type": "urn:patronus:error:{code}", "title": "t", "status": {status}, "detail": "{detail}", "code": "{code}", "request_id": "req-1", "errors": []}}"#
        );
        Self::typed(status, "application/problem+json", &body)
    }

    pub fn empty(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn bytes(status: u16, body: &[u8]) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_vec() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } | Self::Broken { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

type Script = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// A running server; it ends with the process.
pub struct Fake {
    pub url: String,
    log: Arc<(Mutex<Vec<Request>>, Condvar)>,
}

impl Fake {
    /// Starts one. The script sees each request and how many came before it.
    pub fn new(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(script), None)
    }

    /// The same behind TLS.
    pub fn tls(
        config: rustls::ServerConfig,
        script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(script), Some(Arc::new(config)))
    }

    fn start(script: Arc<Script>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let log = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let noted = log.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, noted, tls) = (script.clone(), noted.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &*script, &noted),
                    Some(config) => {
                        if let Ok(connection) = rustls::ServerConnection::new(config) {
                            serve(rustls::StreamOwned::new(connection, stream), &*script, &noted);
                        }
                    }
                });
            }
        });
        Self { url, log }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.log.0.lock().unwrap().clone()
    }

    /// Waits until so many requests came.
    pub fn wait_for(&self, count: usize) {
        let guard = self.log.0.lock().unwrap();
        drop(self.log.1.wait_while(guard, |requests| requests.len() < count).unwrap());
    }
}

/// A URL where nothing listens.
pub fn nowhere() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
}

fn serve<S: Read + Write>(stream: S, script: &Script, log: &(Mutex<Vec<Request>>, Condvar)) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let before = {
            let mut requests = log.0.lock().unwrap();
            requests.push(request.clone());
            log.1.notify_all();
            requests.len() - 1
        };
        match script(&request, before) {
            Reply::Answer { status, headers, body } => {
                let length = if status == 204 || status == 304 {
                    String::new()
                } else {
                    format!("content-length: {}\r\n", body.len())
                };
                write(stream.get_mut(), status, &headers, &length, &body);
            }
            Reply::Broken { headers, length, part } => {
                write(stream.get_mut(), 200, &headers, &format!("content-length: {length}\r\n"), &part);
                return;
            }
            Reply::Close => return,
            Reply::Hang => loop {
                thread::park();
            },
        }
    }
}

fn write(out: &mut impl Write, status: u16, headers: &[(String, String)], length: &str, body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status} x\r\n{length}");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(body)).and_then(|()| out.flush());
}

fn read<S: Read>(stream: &mut BufReader<S>) -> Option<Request> {
    let mut line = String::new();
    if stream.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { method, target, headers, body })
}
