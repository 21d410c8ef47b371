//! From an HTTP request to valid values: what a handler is given.

mod body;
mod request_id;
mod scope;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Query;
use http::HeaderMap;
use http::request::Parts;
use patronus_store::{AgentRecord, Idempotency, Page, Write};
use patronus_types::api::IDEMPOTENCY_KEY;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::page::{DEFAULT_LIMIT, ListQuery, MAX_LIMIT, PathQuery, ScopeQuery};
use patronus_types::api::route::Op;
use patronus_types::event::Actor;
use patronus_types::{Digest, Ref, TenantId, Timestamp, words};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::auth::Principal;
use crate::error::{Error, Result};

pub use body::parse_value;
pub use request_id::RequestIds;

/// The longest idempotency key.
const MAX_KEY_LEN: usize = 255;

/// One call of the API: who, what, when, and what came along. Its permission has been checked.
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    /// The operation.
    pub op: Op,
    /// When it came.
    pub now: Timestamp,
    /// Its id in logs, events and answers.
    pub request_id: String,
    principal: Option<Principal>,
    params: Vec<String>,
    parts: Parts,
    /// Behind a lock only because a body cannot be shared between threads, and a call is.
    body: Mutex<Option<Body>>,
    /// SHA-256 of the body once it is read; of nothing before.
    body_digest: Option<Digest>,
}

impl Call {
    /// Puts a call together.
    pub fn new(arrival: Arrival, params: Vec<String>, parts: Parts, body: Body) -> Self {
        let Arrival { app, op, now, request_id, principal } = arrival;
        Self { app, op, now, request_id, principal, params, parts, body: Mutex::new(Some(body)), body_digest: None }
    }

    /// Who calls.
    pub fn principal(&self) -> Result<&Principal> {
        self.principal.as_ref().ok_or_else(|| Error::unauthenticated("a public route has no caller"))
    }

    /// The agent that calls.
    pub fn agent(&self) -> Result<&AgentRecord> {
        let agent = self.principal()?.agent();
        agent.ok_or_else(|| Error::new(ErrorCode::Forbidden, "only an agent may call this"))
    }

    /// A parameter of the path, by its place.
    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).map(String::as_str).unwrap_or_default()
    }

    /// A parameter of the path that is a name or an id.
    pub fn reference(&self, index: usize) -> Result<Ref> {
        self.param(index).parse().map_err(|error| Error::new(ErrorCode::NotFound, error))
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Path and query as they came.
    pub fn uri(&self) -> &http::Uri {
        &self.parts.uri
    }

    /// The query of a request for one object or of a write.
    pub fn scope(&self) -> Result<ScopeQuery> {
        self.query()
    }

    /// The query of a list.
    pub fn list(&self) -> Result<ListQuery> {
        self.query()
    }

    /// The query of what concerns paths.
    pub fn paths(&self) -> Result<PathQuery> {
        self.query()
    }

    /// The page that a list's query asks for.
    pub fn page(query: &ListQuery) -> Result<Page> {
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("/limit", format_args!("use 1 to {MAX_LIMIT}, not {limit}")));
        }
        Ok(Page { limit, cursor: query.cursor.clone(), count: query.count.unwrap_or_default() })
    }

    /// The circumstances of this call's write. Read the body first: a repeat is told by it.
    pub fn write(&self, tenant: TenantId, dry_run: Option<bool>) -> Result<Write> {
        let actor = self.principal.as_ref().map_or_else(Actor::system, Principal::actor);
        Ok(Write {
            tenant,
            actor,
            request_id: Some(self.request_id.clone()),
            now: self.now,
            dry_run: dry_run.unwrap_or_default(),
            idempotency: self.idempotency()?,
            seen: Vec::new(),
        })
    }

    /// The version that `If-Match` names: none is refused, `*` is any.
    pub fn if_match(&self) -> Result<Option<u64>> {
        let header = self.headers().get(http::header::IF_MATCH);
        let header = header.ok_or_else(|| {
            Error::new(
                ErrorCode::PreconditionRequired,
                "send the ETag of the object you read as If-Match, so that nobody's change is lost",
            )
        })?;
        let text = header.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
        let changed = || Error::new(ErrorCode::PreconditionFailed, "If-Match is not an ETag of this object");
        version.map(Some).ok_or_else(changed)
    }

    /// The caller's idempotency key with what it stands for.
    pub fn idempotency(&self) -> Result<Option<Idempotency>> {
        let Some(key) = self.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = key.to_str().ok().filter(|key| (1..=MAX_KEY_LEN).contains(&key.len()));
        let key = key.ok_or_else(|| Error::invalid("", "Idempotency-Key: use 1 to 255 visible ASCII characters"))?;
        let route = self.op.route();
        let caller = self.principal()?.key();
        Ok(Some(Idempotency {
            scope: format!("{caller} {} {}", route.method.as_str(), self.uri().path()),
            key: key.to_owned(),
            body: self.digest(),
        }))
    }

    fn query<T: DeserializeOwned>(&self) -> Result<T> {
        let Query(query) = Query::try_from_uri(self.uri()).map_err(|error| {
            let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            // A value is told with its parameter before it.
            match source.split_once(": ").filter(|(parameter, _)| !parameter.contains(' ')) {
                Some((parameter, text)) => Error::invalid(format!("/{parameter}"), words::of_serde(text)),
                None => Error::invalid("", format_args!("the query: {}", words::of_serde(&source))),
            }
        })?;
        Ok(query)
    }
}

/// What is known of a call before its request is looked at.
pub struct Arrival {
    /// The server.
    pub app: Arc<App>,
    /// The operation.
    pub op: Op,
    /// When it came.
    pub now: Timestamp,
    /// Its id.
    pub request_id: String,
    /// Who calls, where the route asks for it.
    pub principal: Option<Principal>,
}
