//! Releases: publishing, going back, comparing.

use axum::body::Body;
use http::{Response, StatusCode};
use patronus_store::StoreError;
use patronus_types::NetworkId;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::releases::{PublishRequest, Published, RollbackRequest};
use patronus_types::bound::CONFIRM_TIMEOUT;
use patronus_types::release::{Release, Terms};

use crate::error::{Error, Result};
use crate::extract::Call;
use crate::publish::Words;
use crate::{publish, respond};

const MAX_MESSAGE: usize = 1000;

/// `GET /v1/releases`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network(tenant, query.network.as_ref()).await?;
    respond::page(&call.app.store.releases(network.id, Call::page(&query)?).await?, call.uri())
}

/// `POST /v1/releases`
pub async fn publish(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let PublishRequest { message, compiled, confirm_timeout_s, accept_risks } = call.json_or_default().await?;
    let message = if message.is_empty() { scope.message.unwrap_or_default() } else { message };
    let words = checked(message, Terms { confirm_timeout_s, accept_risks })?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    let write = call.write(tenant, scope.dry_run)?;
    published(&publish::publish(&call.app, write, network.id, words, compiled).await?)
}

/// `GET /v1/releases/{version}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    respond::json(&wanted(&call, network.id).await?)
}

/// `GET /v1/releases/{version}/diff`
pub async fn diff(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    let to = wanted(&call, network.id).await?.version;
    let from = scope.from.unwrap_or(to.saturating_sub(1));
    respond::json(&publish::compare(&call.app, network.id, from, to).await?)
}

/// `POST /v1/releases/{version}/rollback`
pub async fn rollback(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let RollbackRequest { message, confirm_timeout_s, accept_risks } = call.json_or_default().await?;
    let words = checked(message, Terms { confirm_timeout_s, accept_risks })?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    let target = wanted(&call, network.id).await?.version;
    let write = call.write(tenant, scope.dry_run)?;
    published(&publish::rollback(&call.app, write, network.id, target, words).await?)
}

/// 201 with a new release, 200 where none was needed.
pub(super) fn published(published: &Published) -> Result<Response<Body>> {
    let location = format!("/v1/releases/{}", published.release.version);
    match published.created {
        true => respond::created(published, &location),
        false => respond::with_status(StatusCode::OK, published),
    }
}

/// The release that the path means: a number, or `latest`.
async fn wanted(call: &Call, network: NetworkId) -> Result<Release> {
    let text = call.param(0);
    let version = match text {
        "latest" => None,
        number => Some(number.parse::<u64>().map_err(|_| {
            Error::new(ErrorCode::NotFound, format_args!("no release `{text}`: use its number, or `latest`"))
        })?),
    };
    match (call.app.store.release(network, version).await, version) {
        (Err(StoreError::NotFound { .. }), None) => {
            Err(Error::new(ErrorCode::NotFound, "nothing is published yet: run `patronusctl bundle publish`"))
        }
        (found, _) => Ok(found?),
    }
}

/// The number of the release that the path means.
pub(super) async fn version_of(call: &Call, network: NetworkId) -> Result<u64> {
    Ok(wanted(call, network).await?.version)
}

/// What the publisher says, within its bounds.
pub(super) fn checked(message: String, terms: Terms) -> Result<Words> {
    if message.chars().count() > MAX_MESSAGE {
        return Err(Error::invalid("/message", format_args!("at most {MAX_MESSAGE} characters")));
    }
    match terms.confirm_timeout_s.filter(|seconds| !CONFIRM_TIMEOUT.holds(*seconds)) {
        Some(seconds) => Err(Error::invalid("/confirm_timeout_s", CONFIRM_TIMEOUT.instead_of(seconds))),
        None => Ok(Words { message, terms }),
    }
}
