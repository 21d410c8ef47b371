//! Tokens of people, programs and enrolment.

use std::time::Duration;

use axum::body::Body;
use http::Response;
use http::header::CACHE_CONTROL;
use patronus_store::{NewToken, TokenFilter};
use patronus_types::api::error::ErrorCode;
use patronus_types::api::page::ScopeQuery;
use patronus_types::api::tokens::{Invitation, TokenCreate, TokenCreated};
use patronus_types::network::Network;
use patronus_types::permission::{Permission, Role};
use patronus_types::site::Site;
use patronus_types::token::{Secret, TokenKind};
use patronus_types::{Ref, TenantId, TokenId};

use super::auth::after;
use crate::app::new_id;
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::respond;

const MIN_LIFE_S: u64 = 60;
const ENROL_LIFE_S: (u64, u64) = (3_600, 604_800);
const API_LIFE_S: (u64, u64) = (7_776_000, 31_536_000);
const MAX_DESCRIPTION: usize = 200;

/// `GET /v1/tokens`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, query.network.as_ref()).await?;
    let tokens = call.app.store.tokens(tenant, TokenFilter { network }, Call::page(&query)?).await?;
    respond::page(&tokens, call.uri())
}

/// `POST /v1/tokens`
pub async fn create(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let request: TokenCreate = call.json().await?;
    if request.description.chars().count() > MAX_DESCRIPTION {
        return Err(Error::invalid("/description", format_args!("at most {MAX_DESCRIPTION} characters")));
    }
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    match request.kind {
        TokenKind::Api => create_api(&call, tenant, &scope, request).await,
        TokenKind::Enrol => create_enrol(&call, tenant, &scope, request).await,
        TokenKind::Agent | TokenKind::Refresh => Err(Error::invalid(
            "/kind",
            "use `api` or `enrol`; agents enrol for theirs, and a login gives refresh tokens",
        )),
    }
}

/// `GET /v1/tokens/{tokenId}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    respond::json(&call.app.store.token(tenant, token_id(&call)?).await?)
}

/// `DELETE /v1/tokens/{tokenId}`. It takes no `If-Match`: a token never changes but by this, and ending one that is
/// in wrong hands must not fail on a race.
pub async fn revoke(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let token = call.app.store.token(tenant, token_id(&call)?).await?;
    if token.kind != TokenKind::Enrol {
        call.principal()?.require(Permission::TokenWrite)?;
    }
    call.app.store.revoke_token(&call.write(tenant, scope.dry_run)?, token.id).await?;
    Ok(respond::no_content())
}

async fn create_api(call: &Call, tenant: TenantId, scope: &ScopeQuery, request: TokenCreate) -> Result<Response<Body>> {
    let principal = call.principal()?;
    principal.require(Permission::TokenWrite)?;
    let role = request.role.unwrap_or(Role::Viewer);
    if rank(role).is_none_or(|wanted| rank(principal.role()).is_none_or(|own| wanted > own)) {
        return Err(Error::invalid("/role", "use viewer, operator or admin, at most your own"));
    }
    if request.site.is_some() || request.network.is_some() {
        return Err(Error::invalid("/site", "only an enrolment token is for a site"));
    }
    let life = lifetime(request.expires_in_s, API_LIFE_S)?;
    let (secret, new) = new_token(call, request, role, None, life)?;
    let token = call.app.store.create_token(&call.write(tenant, scope.dry_run)?, new).await?;
    shown_once(&TokenCreated { token, secret, invitation: None, warnings: Vec::new() })
}

async fn create_enrol(
    call: &Call,
    tenant: TenantId,
    scope: &ScopeQuery,
    request: TokenCreate,
) -> Result<Response<Body>> {
    if request.role.is_some() {
        return Err(Error::invalid("/role", "an enrolment token brings one site in and may do nothing else"));
    }
    let wanted = request.site.clone().ok_or_else(|| Error::invalid("/site", "say which site it brings in"))?;
    let life = lifetime(request.expires_in_s, ENROL_LIFE_S)?;
    let (network, site) = site_of(call, tenant, request.network.as_ref().or(scope.network.as_ref()), &wanted).await?;
    let (secret, new) = new_token(call, request, Role::System, Some(&site), life)?;
    let token = call.app.store.create_token(&call.write(tenant, scope.dry_run)?, new).await?;
    let invitation = invitation(call, &network, &site, &secret);
    shown_once(&TokenCreated { token, secret, invitation: Some(invitation), warnings: replaced(&site) })
}

/// Says that the token will put another agent in the place of the one that the site has.
fn replaced(site: &Site) -> Vec<String> {
    let agent = |site: &Site| site.agent.as_ref().map(|agent| format!(" on `{}`", agent.hostname)).unwrap_or_default();
    let warning = || {
        format!(
            "site `{}` is enrolled already: whoever uses this token replaces its agent{}, which is shut out at that \
             moment, and its keys",
            site.spec.name,
            agent(site)
        )
    };
    site.enrolled_at.map(|_| warning()).into_iter().collect()
}

async fn site_of(call: &Call, tenant: TenantId, network: Option<&Ref>, site: &Ref) -> Result<(Network, Site)> {
    let network = call.network_filter(tenant, network).await?;
    let site = call.app.store.site(tenant, network, site, call.now).await?;
    let network = call.app.store.network(tenant, &Ref::Id(site.network_id.into())).await?;
    Ok((network, site))
}

fn new_token(
    call: &Call,
    request: TokenCreate,
    role: Role,
    site: Option<&Site>,
    life: Duration,
) -> Result<(Secret, NewToken)> {
    let secret = Secret::new(request.kind, &randomness(call)?);
    let new = NewToken {
        id: new_id!(call.app, call.now, TokenId),
        kind: request.kind,
        hash: call.app.tokens.text(secret.expose()),
        description: request.description,
        role,
        site: site.map(|site| (site.network_id, site.id)),
        expires_at: Some(after(call.now, life)),
    };
    Ok((secret, new))
}

/// Secrets are never stored, so a repeat under an idempotency key must make the same one again.
fn randomness(call: &Call) -> Result<[u8; 32]> {
    match call.idempotency()? {
        None => call.app.random(),
        Some(key) => {
            let parts = [key.scope.as_bytes(), key.key.as_bytes(), &key.body.0];
            Ok(call.app.secret.derive("token by idempotency key", &parts))
        }
    }
}

fn invitation(call: &Call, network: &Network, site: &Site, secret: &Secret) -> Invitation {
    let app = &call.app;
    Invitation {
        servers: app.public_urls.clone(),
        ca_sha256: app.ca_sha256,
        signing_key_sha256: app.signing_key.verifying_key().fingerprint(),
        network: network.spec.name.clone(),
        site: site.spec.name.clone(),
        token: secret.clone(),
    }
}

fn lifetime(told: Option<u64>, (default, most): (u64, u64)) -> Result<Duration> {
    let seconds = told.unwrap_or(default);
    if (MIN_LIFE_S..=most).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(Error::invalid("/expires_in_s", format_args!("use {MIN_LIFE_S} to {most} seconds")))
}

fn rank(role: Role) -> Option<u8> {
    match role {
        Role::Viewer => Some(0),
        Role::Operator => Some(1),
        Role::Admin => Some(2),
        Role::System => None,
    }
}

fn token_id(call: &Call) -> Result<TokenId> {
    let text = call.param(0);
    text.parse().map_err(|_| Error::new(ErrorCode::NotFound, format_args!("no token `{text}`: tokens go by their id")))
}

fn shown_once(created: &TokenCreated) -> Result<Response<Body>> {
    let location = format!("/v1/tokens/{}", created.token.id);
    let mut response = respond::created(created, &location)?;
    respond::set(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}
