//! Agents' calls. `state` is asked every few seconds by every site: memory only, no database.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use patronus_core::validate;
use patronus_store::{Enrolment, SiteReport, Write};
use patronus_types::api::MAX_WAIT_S;
use patronus_types::api::agent::{EnrolRequest, EnrolResponse, Report};
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::bundle::Party;
use patronus_types::event::{Actor, ActorKind};
use patronus_types::site::MAX_UPLINKS;
use patronus_types::token::{Secret, TokenKind};
use patronus_types::{Digest, PublicKey, TenantId, TokenId};

use super::{bundles, valid};
use crate::app::new_id;
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::index::{SiteSlot, StateDocument, TokenEntry};
use crate::respond;

const NONCE_BYTES: usize = 32;
const MAX_TEXT: usize = 255;
const MAX_LINES: usize = 16;
const MAX_TUNNELS: usize = 17;
const MAX_UNDONE: usize = 64;
const MAX_LINE: usize = 1000;

/// `POST /v1/agent/enrol`
pub async fn enrol(mut call: Call) -> Result<Response<Body>> {
    let request: EnrolRequest = call.json().await?;
    valid(enrol_faults(&request))?;
    if request.token.kind() != Some(TokenKind::Enrol) {
        return Err(Error::unauthenticated("not an enrolment token"));
    }
    meant_for(&request, call.app.signing_key.verifying_key().fingerprint())?;
    let (enrolment, agent_token) = enrolment(&call, &request)?;
    let write = Write {
        // The token knows its tenant.
        tenant: TenantId::new(0, &[0; 10]),
        actor: Actor { kind: ActorKind::Agent, id: None, name: request.hostname },
        request_id: Some(call.request_id.clone()),
        now: call.now,
        dry_run: false,
        idempotency: None,
        seen: Vec::new(),
    };
    let enrolled = call.app.store.enrol(&write, enrolment).await?;
    let mut response = respond::json(&EnrolResponse {
        site: Party { id: enrolled.site.id, name: enrolled.site.spec.name },
        network: Party { id: enrolled.network.id, name: enrolled.network.spec.name },
        agent_token,
        signing_keys: vec![call.app.signing_key.verifying_key().to_text()],
        poll_interval_s: enrolled.network.spec.poll_interval_s,
    })?;
    respond::set(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}

/// `GET /v1/agent/state`
pub async fn state(call: Call) -> Result<Response<Body>> {
    let (entry, slot) = token_and_slot(&call)?;
    slot.mark_heard(call.now);
    let mut document = slot.document();
    if respond::matches_etag(call.headers(), &document.etag) {
        if let Some(wait) = wanted_wait(call.headers()) {
            document = changed(&call, slot, &document, wait).await;
            let now = call.app.clock.now();
            if !entry.is_valid(now) {
                return Err(Error::unauthenticated("token ended while waiting"));
            }
            slot.mark_heard(now);
        }
        if respond::matches_etag(call.headers(), &document.etag) {
            let mut response = respond::status(StatusCode::NOT_MODIFIED);
            response.headers_mut().insert(ETAG, document.etag.clone());
            return Ok(response);
        }
    }
    let mut response = Response::new(Body::from(document.body.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(ETAG, document.etag.clone());
    Ok(response)
}

/// `GET /v1/agent/bundles/{digest}`
pub async fn bundle(call: Call) -> Result<Response<Body>> {
    let (_, slot) = token_and_slot(&call)?;
    slot.mark_heard(call.now);
    let unknown = || Error::new(ErrorCode::NotFound, "this site has no bundle with this digest");
    let digest: Digest = call.param(0).parse().map_err(|_| unknown())?;
    if !call.app.store.site_has_bundle(slot.site(), digest).await? {
        return Err(unknown());
    }
    bundles::archive(&call, digest).await
}

/// `POST /v1/agent/reports`
pub async fn report(mut call: Call) -> Result<Response<Body>> {
    let report: Report = call.json().await?;
    valid(report_faults(&report))?;
    let (_, slot) = token_and_slot(&call)?;
    slot.mark_heard(call.now);
    let write = call.write(call.principal()?.tenant(), None)?;
    call.app.store.report(&write, SiteReport { site: slot.site(), report }).await?;
    Ok(respond::no_content())
}

/// `POST /v1/agent/leave`
pub async fn leave(call: Call) -> Result<Response<Body>> {
    let write = call.write(call.principal()?.tenant(), None)?;
    call.app.store.leave(&write, call.agent()?.site).await?;
    Ok(respond::no_content())
}

fn token_and_slot(call: &Call) -> Result<(&Arc<TokenEntry>, &Arc<SiteSlot>)> {
    let forbidden = || Error::new(ErrorCode::Forbidden, "only an agent may call this");
    match call.principal()? {
        Principal::Token(entry) => Ok((entry, entry.slot().ok_or_else(forbidden)?)),
        Principal::User(_) => Err(forbidden()),
    }
}

/// The seconds of `Prefer: wait=…` (RFC 7240).
fn wanted_wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut waits = preferences.flat_map(|text| text.split(',')).filter_map(|preference| {
        preference.split(';').next()?.trim().strip_prefix("wait=")?.trim_matches('"').parse::<u32>().ok()
    });
    waits.next().filter(|&seconds| seconds > 0).map(|seconds| Duration::from_secs(seconds.min(MAX_WAIT_S).into()))
}

/// The next answer that differs, or the same one when the time is over, the token ended, or the server stops.
async fn changed(call: &Call, slot: &SiteSlot, known: &Arc<StateDocument>, wait: Duration) -> Arc<StateDocument> {
    let mut watch = slot.watch();
    if watch.borrow_and_update().etag == known.etag {
        tokio::select! {
            _ = watch.changed() => {}
            () = tokio::time::sleep(wait) => {}
            () = call.app.stopping() => {}
        }
    }
    slot.document()
}

fn enrolment(call: &Call, request: &EnrolRequest) -> Result<(Enrolment, Secret)> {
    let app = &call.app;
    let token_hash = app.tokens.text(request.token.expose());
    let nonce = request.nonce.as_bytes();
    // Derived, so that a repeat gets the same token though only its hash is kept.
    let derived = app.secret.derive("agent token", &[token_hash.as_bytes(), nonce]);
    let agent_token = Secret::new(TokenKind::Agent, &derived);
    let enrolment = Enrolment {
        nonce_hash: crate::keys::hex(&app.secret.derive("nonce", &[nonce])),
        public_keys: request.public_keys.clone(),
        port_base: request.port_base,
        agent_version: request.agent_version.clone(),
        hostname: request.hostname.clone(),
        agent_token: new_id!(app, call.now, TokenId),
        agent_token_hash: app.tokens.text(agent_token.expose()),
        token_hash,
    };
    Ok((enrolment, agent_token))
}

/// Refuses an invitation that pins another key than this server's: the agent would throw the answer away, and the site
/// would have keys that nobody holds. So this comes before the store, which uses up the token.
fn meant_for(request: &EnrolRequest, ours: Digest) -> Result<()> {
    if request.signing_key_sha256 == ours {
        return Ok(());
    }
    Err(Error::invalid("/signing_key_sha256", "the invitation is for another server's key; nothing was changed"))
}

fn enrol_faults(request: &EnrolRequest) -> Vec<Fault> {
    let mut faults = validate::public_keys(&request.public_keys);
    faults.extend(validate::port_base(request.port_base));
    let mut check = |holds: bool, pointer: &str, detail: &str| {
        if !holds {
            faults.push(Fault { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
    };
    check(request.public_keys.len() == MAX_UPLINKS, "/public_keys", FOUR_KEYS);
    let nonce = STANDARD.decode(&request.nonce).is_ok_and(|nonce| nonce.len() == NONCE_BYTES);
    check(nonce, "/nonce", "send 32 random bytes in base64");
    check(is_text(&request.agent_version), "/agent_version", TEXT_RULE);
    check(is_text(&request.hostname), "/hostname", TEXT_RULE);
    faults
}

const FOUR_KEYS: &str = "send four keys, one for each uplink a site can have";
const TEXT_RULE: &str = "use 1 to 255 characters without control characters";

fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn report_faults(report: &Report) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, pointer: &str, detail: &str| {
        if !holds {
            faults.push(Fault { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
    };
    check(is_text(&report.agent_version), "/agent_version", TEXT_RULE);
    check(is_text(&report.hostname), "/hostname", TEXT_RULE);
    check(report.driver.as_deref().is_none_or(is_text), "/driver", TEXT_RULE);
    check(report.tunnels.len() <= MAX_TUNNELS, "/tunnels", "at most 17");
    check(report.tunnels.iter().all(|tunnel| is_text(&tunnel.interface)), "/tunnels", TEXT_RULE);
    check(report.warnings.len() <= MAX_LINES, "/warnings", "at most 16");
    check(report.warnings.iter().all(|line| line.len() <= MAX_LINE), "/warnings", "at most 1,000 bytes each");
    check(report.undone.len() <= MAX_UNDONE, "/undone", "at most 64");
    let shadow = report.shadow.iter().flat_map(|shadow| shadow.plan.iter().chain(&shadow.refusal));
    check(shadow.clone().count() <= MAX_LINES + 1, "/shadow/plan", "at most 16");
    check(shadow.into_iter().all(|line| line.len() <= MAX_LINE), "/shadow/plan", "at most 1,000 bytes each");
    check(report.waits_for.len() <= MAX_UNDONE, "/waits_for", "at most 64");
    let own = &report.public_keys;
    check(own.is_empty() || own.len() == MAX_UPLINKS, "/public_keys", FOUR_KEYS);
    let offered = report.offered_keys.as_ref().map(|offered| &offered.public_keys);
    check(offered.is_none_or(|keys| keys.len() == MAX_UPLINKS), "/offered_keys/public_keys", FOUR_KEYS);
    let reason = report.outcome.as_ref().and_then(|outcome| outcome.reason.as_ref());
    check(reason.is_none_or(|reason| reason.len() <= MAX_LINE), "/outcome/reason", "at most 1,000 bytes");
    let running = report.running.map(|running| running.version);
    let ended = report.outcome.as_ref().map(|outcome| outcome.version);
    let numbers = [("/seq", Some(report.seq)), ("/highest_accepted", Some(report.highest_accepted))];
    for (pointer, number) in numbers.into_iter().chain([("/running/version", running), ("/outcome/version", ended)]) {
        check(number.is_none_or(|number| i64::try_from(number).is_ok()), pointer, "at most 63 bits");
    }
    let keys = |pointer: &str, keys: &[PublicKey]| {
        let below = |fault: Fault| Fault { pointer: pointer.to_owned(), ..fault };
        validate::public_keys(keys).into_iter().map(below).collect::<Vec<_>>()
    };
    if !own.is_empty() {
        faults.extend(keys("/public_keys", own));
    }
    faults.extend(report.spare_key.map(|key| keys("/spare_key", &[key])).unwrap_or_default());
    faults.extend(offered.map(|offered| keys("/offered_keys/public_keys", offered)).unwrap_or_default());
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_bounded() {
        let wait = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            wanted_wait(&HeaderMap::from_iter([(http::HeaderName::from_static("prefer"), value)]))
        };
        assert_eq!(wait("wait=20"), Some(Duration::from_secs(20)));
        assert_eq!(wait("respond-async, wait=9999"), Some(Duration::from_secs(55)));
        assert_eq!(wait("wait=0"), None);
        assert_eq!(wait("wait=-1"), None);
        assert_eq!(wait("return=minimal"), None);
    }
}
