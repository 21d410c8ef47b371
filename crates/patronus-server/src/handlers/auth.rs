//! Logging in and out. All failures look alike and, as far as the password goes, take as long.

use axum::body::Body;
use http::Response;
use http::header::CACHE_CONTROL;
use patronus_store::{NewRefresh, Rotation, StoreError, Write};
use patronus_types::api::auth::{LoginRequest, LoginResponse, Me, RefreshRequest};
use patronus_types::event::{Actor, ActorKind};
use patronus_types::token::{Secret, TokenKind};
use patronus_types::user::User;
use patronus_types::{Name, TenantId, Timestamp};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::extract::Call;
use crate::respond;

/// `POST /v1/auth/login`
pub async fn login(mut call: Call) -> Result<Response<Body>> {
    let LoginRequest { username, password } = call.json().await?;
    let password = Zeroizing::new(password);
    let known = match username.parse::<Name>() {
        Ok(name) => match call.app.store.credential(&name).await {
            Ok(credential) => Some(credential),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        Err(_) => None,
    };
    let hash = known.as_ref().map(|credential| credential.password_hash.clone());
    let fits = call.app.passwords.fits(password, hash).await?;
    let known = known.filter(|_| fits).ok_or_else(|| Error::unauthenticated("unknown user or wrong password"))?;
    let (secret, next) = new_refresh(&call)?;
    let write = circumstances(&call, known.tenant, user_actor(&known.user));
    call.app.store.begin_login(&write, known.user.id, next).await?;
    logged_in(&call, &known.user, known.tenant, secret)
}

/// `POST /v1/auth/refresh`
pub async fn refresh(mut call: Call) -> Result<Response<Body>> {
    let RefreshRequest { refresh_token } = call.json().await?;
    let hash = call.app.tokens.text(refresh_token.expose());
    let (secret, next) = new_refresh(&call)?;
    let write = circumstances(&call, nobodys_tenant(), Actor::system());
    match call.app.store.rotate_refresh(&write, &hash, next).await? {
        Rotation::Rotated(user, tenant) => logged_in(&call, &user, tenant, secret),
        Rotation::Reused => Err(Error::unauthenticated("a refresh token was used twice: its login has ended")),
        Rotation::Refused => Err(Error::unauthenticated("unknown or expired refresh token")),
    }
}

/// `POST /v1/auth/logout`
pub async fn logout(mut call: Call) -> Result<Response<Body>> {
    let RefreshRequest { refresh_token } = call.json().await?;
    let hash = call.app.tokens.text(refresh_token.expose());
    let write = circumstances(&call, nobodys_tenant(), Actor::system());
    call.app.store.end_login(&write, &hash).await?;
    Ok(respond::no_content())
}

/// `GET /v1/auth/me`
pub async fn me(call: Call) -> Result<Response<Body>> {
    let principal = call.principal()?;
    let agent = principal.agent();
    respond::json(&Me {
        actor: principal.actor(),
        role: principal.role(),
        tenant_id: principal.tenant(),
        network_id: agent.map(|agent| agent.network),
        site_id: agent.map(|agent| agent.site),
    })
}

fn new_refresh(call: &Call) -> Result<(Secret, NewRefresh)> {
    let secret = Secret::new(TokenKind::Refresh, &call.app.random()?);
    let expires_at = after(call.now, call.app.lifetimes.refresh);
    let next = NewRefresh { hash: call.app.tokens.text(secret.expose()), expires_at };
    Ok((secret, next))
}

fn logged_in(call: &Call, user: &User, tenant: TenantId, refresh_token: Secret) -> Result<Response<Body>> {
    let lifetime = call.app.lifetimes.access;
    let answer = LoginResponse {
        access_token: call.app.jwt.issue(user, tenant, call.now, lifetime)?,
        refresh_token,
        expires_in: lifetime.as_secs(),
        token_type: "Bearer".to_owned(),
    };
    let mut response = respond::json(&answer)?;
    respond::set(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}

fn circumstances(call: &Call, tenant: TenantId, actor: Actor) -> Write {
    Write {
        tenant,
        actor,
        request_id: Some(call.request_id.clone()),
        now: call.now,
        dry_run: false,
        idempotency: None,
        seen: Vec::new(),
    }
}

fn user_actor(user: &User) -> Actor {
    Actor { kind: ActorKind::User, id: Some(user.id.into()), name: user.name.to_string() }
}

/// A refresh token knows its tenant itself.
fn nobodys_tenant() -> TenantId {
    TenantId::new(0, &[0; 10])
}

pub(super) fn after(now: Timestamp, lifetime: std::time::Duration) -> Timestamp {
    now.checked_add(jiff::SignedDuration::try_from(lifetime).unwrap_or_default()).unwrap_or(Timestamp::MAX)
}
