//! The router: made from the one route table, and the one place where it is decided who may call what.
//!
//! An operation without a handler does not compile (the match is exhaustive), and no handler runs
//! before its route's [`Access`] has been checked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::routing::{MethodFilter, on};
use http::{HeaderValue, Response};
use patronus_types::api::MAX_WAIT_S;
use patronus_types::api::REQUEST_ID;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::route::{Access, Method, Op, Route};

use crate::app::App;
use crate::auth::{self, Principal};
use crate::error::{Error, Result};
use crate::extract::{Arrival, Call};
use crate::handlers::{
    agent, apply, auth as login, bundles, events, health, networks, openapi, paths, policies, releases, rotations,
    sites, tokens,
};

/// The longest path and query.
const MAX_URL: usize = 8 * 1024;
/// What compiles, unpacks or comes with megabytes takes longer than the rest.
const HEAVY: Duration = Duration::from_secs(120);

/// All routes of the table.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for op in Op::ALL {
        let route = op.route();
        let app = app.clone();
        let enter = move |request: Request| enter(app.clone(), route, request);
        router = router.route(route.path, on(filter(route.method), enter));
    }
    let (unknown, wrong) = (app.clone(), app.clone());
    router
        .fallback(move |request: Request| {
            refuse(unknown, request, ErrorCode::NoRoute, "no such route: /v1/openapi.json lists all")
        })
        .method_not_allowed_fallback(move |request: Request| {
            refuse(
                wrong,
                request,
                ErrorCode::MethodNotAllowed,
                "this route has no such method: /v1/openapi.json lists all",
            )
        })
}

/// One request from its arrival to its answer: id, caller, permission, handler, time limit, log line.
async fn enter(app: Arc<App>, route: Route, request: Request) -> Response<Body> {
    let started = Instant::now();
    let request_id = app.request_ids.of(request.headers());
    let trace = trace_id(&request);
    let time_limit = time_limit(&app, route.op);
    let answered = tokio::time::timeout(time_limit, answer(&app, route, request, &request_id)).await;
    let too_slow = || {
        Error::new(
            ErrorCode::Unavailable,
            "the request took too long; a write may have been done: repeat it with the same Idempotency-Key",
        )
    };
    let mut response =
        answered.unwrap_or_else(|_| Err(too_slow())).unwrap_or_else(|error| error.into_response(&request_id));
    log(route, &response, &request_id, trace.as_deref(), started);
    if let Ok(id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn answer(app: &Arc<App>, route: Route, request: Request, request_id: &str) -> Result<Response<Body>> {
    check_url(&request)?;
    let now = app.clock.now();
    let principal = admit(app, route.access, &request, now)?;
    let (mut parts, body) = request.into_parts();
    let bad_path = |error| Error::new(ErrorCode::BadRequest, "the path cannot be read").cause(error);
    let params = RawPathParams::from_request_parts(&mut parts, &()).await.map_err(bad_path)?;
    let params = params.iter().map(|(_, value)| value.to_owned()).collect();
    let arrival = Arrival { app: app.clone(), op: route.op, now, request_id: request_id.to_owned(), principal };
    handle(Call::new(arrival, params, parts, body)).await
}

/// Who calls, if the route lets it in.
fn admit(app: &App, access: Access, request: &Request, now: patronus_types::Timestamp) -> Result<Option<Principal>> {
    let permission = match access {
        Access::Public => return Ok(None),
        Access::Authenticated => None,
        Access::Needs(permission) => Some(permission),
    };
    let principal = auth::authenticate(app, request.headers(), now)?;
    if let Some(permission) = permission {
        principal.require(permission)?;
    }
    Ok(Some(principal))
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send>>;

fn handle(call: Call) -> Answer {
    match call.op {
        Op::AuthLogin => Box::pin(login::login(call)),
        Op::AuthRefresh => Box::pin(login::refresh(call)),
        Op::AuthLogout => Box::pin(login::logout(call)),
        Op::AuthMe => Box::pin(login::me(call)),
        Op::NetworkList => Box::pin(networks::list(call)),
        Op::NetworkCreate => Box::pin(networks::create(call)),
        Op::NetworkGet => Box::pin(networks::get(call)),
        Op::NetworkUpdate => Box::pin(networks::update(call)),
        Op::NetworkDelete => Box::pin(networks::delete(call)),
        Op::NetworkSigningKey => Box::pin(networks::signing_key(call)),
        Op::SiteList => Box::pin(sites::list(call)),
        Op::SiteCreate => Box::pin(sites::create(call)),
        Op::SiteGet => Box::pin(sites::get(call)),
        Op::SiteUpdate => Box::pin(sites::update(call)),
        Op::SiteMode => Box::pin(sites::set_mode(call)),
        Op::SiteDelete => Box::pin(sites::delete(call)),
        Op::SiteRotateKey => Box::pin(rotations::start(call)),
        Op::SiteKeepKey => Box::pin(rotations::cancel(call)),
        Op::PathList => Box::pin(paths::list(call)),
        Op::PathWhy => Box::pin(paths::why(call)),
        Op::PathGet => Box::pin(paths::get(call)),
        Op::PathHealth => Box::pin(paths::health(call)),
        Op::PolicyList => Box::pin(policies::list(call)),
        Op::PolicyCreate => Box::pin(policies::create(call)),
        Op::PolicyTest => Box::pin(policies::test(call)),
        Op::AppList => Box::pin(policies::apps(call)),
        Op::PolicyGet => Box::pin(policies::get(call)),
        Op::PolicyUpdate => Box::pin(policies::update(call)),
        Op::PolicyDelete => Box::pin(policies::delete(call)),
        Op::Apply => Box::pin(apply::apply(call)),
        Op::ReleaseList => Box::pin(releases::list(call)),
        Op::ReleasePublish => Box::pin(releases::publish(call)),
        Op::ReleaseGet => Box::pin(releases::get(call)),
        Op::ReleaseDiff => Box::pin(releases::diff(call)),
        Op::ReleaseRollback => Box::pin(releases::rollback(call)),
        Op::BundleList => Box::pin(bundles::list(call)),
        Op::BundleGet => Box::pin(bundles::get(call)),
        Op::BundleDownload => Box::pin(bundles::download(call)),
        Op::BundleUpload => Box::pin(bundles::upload(call)),
        Op::TokenList => Box::pin(tokens::list(call)),
        Op::TokenCreate => Box::pin(tokens::create(call)),
        Op::TokenGet => Box::pin(tokens::get(call)),
        Op::TokenRevoke => Box::pin(tokens::revoke(call)),
        Op::EventList => Box::pin(events::list(call)),
        Op::AgentEnrol => Box::pin(agent::enrol(call)),
        Op::AgentState => Box::pin(agent::state(call)),
        Op::AgentBundle => Box::pin(agent::bundle(call)),
        Op::AgentReport => Box::pin(agent::report(call)),
        Op::AgentPaths => Box::pin(paths::report(call)),
        Op::AgentLeave => Box::pin(agent::leave(call)),
        Op::OpenApi => Box::pin(openapi::document(call)),
        Op::HealthLive => Box::pin(health::live(call)),
        Op::HealthReady => Box::pin(health::ready(call)),
    }
}

fn time_limit(app: &App, op: Op) -> Duration {
    let usual = app.limits.request;
    match op {
        Op::AgentState | Op::EventList => usual + Duration::from_secs(MAX_WAIT_S.into()),
        Op::ReleasePublish | Op::ReleaseRollback | Op::ReleaseDiff | Op::BundleUpload | Op::Apply | Op::SiteKeepKey => {
            usual.max(HEAVY)
        }
        _ => usual,
    }
}

async fn refuse(app: Arc<App>, request: Request, code: ErrorCode, detail: &'static str) -> Response<Body> {
    let request_id = app.request_ids.of(request.headers());
    let error = check_url(&request).err().unwrap_or_else(|| Error::new(code, detail));
    let mut response = error.into_response(&request_id);
    if let Ok(id) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn check_url(request: &Request) -> Result<()> {
    let length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    if length > MAX_URL {
        return Err(Error::new(ErrorCode::TooLarge, format_args!("the URL is longer than {MAX_URL} characters")));
    }
    Ok(())
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// The trace id of a W3C `traceparent`.
fn trace_id(request: &Request) -> Option<String> {
    let text = request.headers().get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (_version, trace) = (parts.next()?, parts.next()?);
    let valid = trace.len() == 32
        && trace.bytes().all(|byte| byte.is_ascii_hexdigit())
        && trace.bytes().any(|byte| byte != b'0');
    valid.then(|| trace.to_owned())
}

/// What agents ask all the time is not worth a line of everybody's log.
fn log(route: Route, response: &Response<Body>, request_id: &str, trace_id: Option<&str>, started: Instant) {
    let (status, op) = (response.status().as_u16(), route.name);
    if matches!(route.op, Op::AgentState | Op::AgentReport | Op::AgentPaths | Op::HealthLive | Op::HealthReady) {
        tracing::debug!(op, status, request_id, trace_id, elapsed_us = elapsed_us(started), "request");
    } else {
        tracing::info!(op, status, request_id, trace_id, elapsed_us = elapsed_us(started), "request");
    }
}

fn elapsed_us(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
