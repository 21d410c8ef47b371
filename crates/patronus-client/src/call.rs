//! One call: what is sent, and the loop of tries over servers and time.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use patronus_types::api::IDEMPOTENCY_KEY;
use patronus_types::api::route::{Access, Method, Op};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use crate::answer::{Answer, problem};
use crate::failure::{self, Failure};
use crate::{Client, Error, Write, retry};

/// Whether a call may be sent again when it is not known whether it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Repeat {
    /// It changes nothing, or a repeat changes nothing more.
    Harmless,
    /// The server knows the repeat by its key.
    Keyed(String),
    /// It may not be.
    Never,
}

/// What is sent.
pub(crate) struct Call {
    op: Op,
    /// Path and query.
    target: String,
    headers: HeaderMap,
    body: Option<Bytes>,
    repeat: Repeat,
    /// Time that the server is asked to wait, on top of every timeout.
    wait: Duration,
}

impl Call {
    pub(crate) fn new(op: Op, parameters: &[&str]) -> Self {
        let repeat = if op.route().method == Method::Get { Repeat::Harmless } else { Repeat::Never };
        let target = op.path(parameters);
        Self { op, target, headers: HeaderMap::new(), body: None, repeat, wait: Duration::ZERO }
    }

    /// The next page: path and query as a server named them.
    pub(crate) fn target(mut self, target: String) -> Self {
        self.target = target;
        self
    }

    pub(crate) fn into_target(self) -> (Op, String) {
        (self.op, self.target)
    }

    pub(crate) fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.target.push(if self.target.contains('?') { '&' } else { '?' });
            self.target.push_str(name);
            self.target.push('=');
            encode_into(&mut self.target, &value.to_string());
        }
        self
    }

    /// The tenant and network of the client.
    pub(crate) fn scope(self, client: &Client) -> Self {
        self.query("tenant", client.scope.tenant.as_ref()).query("network", client.scope.network.as_ref())
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::Setup(format!("`{}` cannot stand in the header `{name}`", value.escape_debug())))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    pub(crate) fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Error> {
        let patch = self.op.route().method == Method::Patch;
        let kind = if patch { "application/merge-patch+json" } else { "application/json" };
        let bytes = serde_json::to_vec(body)
            .map_err(|error| Error::Setup(format!("the request cannot be written: {error}")))?;
        Ok(self.body(kind, bytes.into()))
    }

    pub(crate) fn body(mut self, kind: &'static str, body: Bytes) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self.body = Some(body);
        self
    }

    /// Marks a write: gives it its key and its mode.
    pub(crate) fn write(mut self, write: &Write) -> Result<Self, Error> {
        let key = match &write.idempotency_key {
            Some(key) => key.clone(),
            None => new_key()?,
        };
        self = self.header(HeaderName::from_static(IDEMPOTENCY_KEY), &key)?;
        self.repeat = Repeat::Keyed(key);
        Ok(self.query("dry_run", write.dry_run.then_some(true)))
    }

    /// Marks a call whose repeat changes nothing more.
    pub(crate) fn harmless(mut self) -> Self {
        self.repeat = Repeat::Harmless;
        self
    }

    pub(crate) fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    fn needs_credential(&self) -> bool {
        self.op.route().access != Access::Public
    }
}

fn encode_into(target: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// 128 random bits in hexadecimal.
fn new_key() -> Result<String, Error> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random).map_err(|error| Error::Setup(format!("the system has no randomness: {error}")))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How far a call has come.
struct Tries {
    started: Instant,
    deadline: Instant,
    /// The index of the server for the next try.
    server: usize,
    /// Tries in a row that never left, since the last pause.
    skipped: usize,
    round: u32,
    /// Whether a try may have arrived without an answer.
    unknown: bool,
}

/// What a try has to bring back before it counts.
trait Outcome: Sized {
    fn of(opened: Opened, client: &Client) -> impl Future<Output = Result<Self, Error>> + Send;
}

impl Outcome for Opened {
    async fn of(opened: Opened, _: &Client) -> Result<Self, Error> {
        Ok(opened)
    }
}

impl Outcome for Answer {
    async fn of(opened: Opened, client: &Client) -> Result<Self, Error> {
        let Opened { server, mut response } = opened;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        // It has no body, and a version check is what is asked most.
        let body = match status {
            StatusCode::NOT_MODIFIED => Bytes::new(),
            _ => client.body(&server, response).await?,
        };
        Ok(Answer { server, status, headers, body })
    }
}

impl Client {
    /// Sends a call and reads the whole answer.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Error> {
        self.run(&call).await
    }

    /// Sends a call until a server takes it. The body of the answer is still to be read.
    pub(crate) async fn open(&self, call: &Call) -> Result<Opened, Error> {
        self.run(call).await
    }

    async fn run<T: Outcome>(&self, call: &Call) -> Result<T, Error> {
        let started = Instant::now();
        let deadline = started + self.inner.limits.total_timeout + call.wait;
        let server = self.inner.servers.preferred();
        let mut tries = Tries { started, deadline, server, skipped: 0, round: 0, unknown: false };
        let mut token = if call.needs_credential() { self.credential.token(None).await? } else { None };
        let mut renewed = false;
        loop {
            let failure = match self.attempt(call, token.as_deref(), &tries).await {
                Ok(outcome) => {
                    self.inner.servers.prefer(tries.server);
                    return Ok(outcome);
                }
                Err(failure) => failure,
            };
            if failure.is_unauthenticated() && call.needs_credential() && self.credential.can_renew() && !renewed {
                renewed = true;
                token = self.credential.token(token.as_deref()).await?;
                continue;
            }
            self.after(call, failure, &mut tries).await?;
        }
    }

    /// Decides what follows a failed try: returns for another, after a pause if need be, or gives the final error.
    async fn after(&self, call: &Call, failure: Failure, tries: &mut Tries) -> Result<(), Error> {
        let (error, retry_after, left) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::NotSent(error) => (error, None, false),
            Failure::Refused(error, retry_after) => (error, retry_after, false),
            Failure::Unknown(error) => (error, None, true),
        };
        tries.unknown |= left;
        let give_up = |error: Error| if tries.unknown { lost(call, error) } else { error };
        if left && call.repeat == Repeat::Never {
            return Err(give_up(error));
        }
        tracing::debug!(%error, op = call.op.route().name, "a try failed");
        if let Some(tell) = &self.inner.limits.watcher.0 {
            tell(&error);
        }
        // A server that asks for patience is not left for another: the limit may be the caller's own.
        let busy = error.problem().is_some_and(|problem| problem.status == 429);
        if !busy {
            tries.server += 1;
            tries.skipped += 1;
            if tries.skipped < self.inner.servers.len() && Instant::now() < tries.deadline {
                return Ok(());
            }
        }
        tries.skipped = 0;
        let hopeless = matches!(error, Error::Tls { .. } | Error::Rubbish { .. });
        if hopeless || tries.round == self.inner.limits.retries {
            return Err(give_up(error));
        }
        tries.round += 1;
        let pause = retry::pause(tries.round, retry_after);
        if Instant::now() + pause >= tries.deadline {
            return Err(give_up(error));
        }
        sleep(pause).await;
        Ok(())
    }

    async fn attempt<T: Outcome>(&self, call: &Call, token: Option<&str>, tries: &Tries) -> Result<T, Failure> {
        let server = self.inner.servers.at(tries.server).as_str();
        let request = self.request(call, server, token)?;
        let allowed = self.inner.limits.request_timeout + call.wait;
        let left = tries.deadline.saturating_duration_since(Instant::now()).min(allowed);
        match timeout(left, self.exchange(server, request)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let after = tries.started.elapsed();
                Err(Failure::Unknown(Error::Timeout { server: server.to_owned(), after }))
            }
        }
    }

    async fn exchange<T: Outcome>(&self, server: &str, request: reqwest::Request) -> Result<T, Failure> {
        let response = self.inner.http.execute(request).await.map_err(|error| failure::of_transport(server, &error))?;
        let status = response.status();
        if !status.is_success() && status != StatusCode::NOT_MODIFIED {
            return Err(self.refusal(server, response).await);
        }
        let opened = Opened { server: server.to_owned(), response };
        T::of(opened, self).await.map_err(Failure::Unknown)
    }

    fn request(&self, call: &Call, server: &str, token: Option<&str>) -> Result<reqwest::Request, Failure> {
        let url = reqwest::Url::parse(&format!("{server}{}", call.target))
            .map_err(|error| Failure::Final(Error::Setup(format!("`{}` is not a path: {error}", call.target))))?;
        let method = match call.op.route().method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = call.headers.clone();
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                let what = "the token holds characters that no token has".to_owned();
                Failure::Final(Error::Credential { what, login: true })
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        *request.body_mut() = call.body.clone().map(reqwest::Body::from);
        Ok(request)
    }

    async fn refusal(&self, server: &str, response: reqwest::Response) -> Failure {
        let status = response.status();
        let headers = response.headers().clone();
        let retry_after = retry::retry_after(&headers, jiff::Timestamp::now());
        let body = self.body(server, response).await.unwrap_or_default();
        let problem = Box::new(problem(status, &headers, &body));
        let error = Error::Api { problem, server: server.to_owned(), retry_after };
        if retry::is_transient(status.as_u16()) { Failure::Refused(error, retry_after) } else { Failure::Final(error) }
    }

    async fn body(&self, server: &str, mut response: reqwest::Response) -> Result<Bytes, Error> {
        let limit = self.inner.limits.largest_answer;
        let mut first = Bytes::new();
        let mut all = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| in_transit(server, &error))? {
            if first.is_empty() && all.is_empty() {
                first = piece;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            if all.len() + piece.len() > limit {
                let what = format!("it is larger than {limit} bytes");
                return Err(Error::Rubbish { server: server.to_owned(), what });
            }
            all.extend_from_slice(&piece);
        }
        Ok(if all.is_empty() { first } else { all.into() })
    }
}

/// A server that took a call. Its answer's body is still to be read.
pub(crate) struct Opened {
    pub(crate) server: String,
    pub(crate) response: reqwest::Response,
}

/// What an answer that broke off means.
pub(crate) fn in_transit(server: &str, error: &reqwest::Error) -> Error {
    match failure::of_transport(server, error) {
        Failure::NotSent(error) | Failure::Unknown(error) | Failure::Final(error) | Failure::Refused(error, _) => error,
    }
}

/// A write that ends without an answer may have happened.
fn lost(call: &Call, error: Error) -> Error {
    let Repeat::Keyed(key) = &call.repeat else { return error };
    let cause = error.to_string();
    match error {
        Error::Unreachable { server, .. }
        | Error::Timeout { server, .. }
        | Error::Api { server, .. }
        | Error::Tls { server, .. } => Error::OutcomeUnknown { server, key: key.clone(), cause },
        other => other,
    }
}
