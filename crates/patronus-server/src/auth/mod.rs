//! Who calls: people by a JWT, programs and agents by an opaque token that is looked up by its HMAC in memory.

pub mod jwt;
pub mod password;
mod principal;
mod provider;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use patronus_types::Timestamp;

use crate::app::App;
use crate::error::{Error, Result};

pub use principal::{Principal, UserPrincipal};

/// The longest credential that is looked at.
const MAX_LEN: usize = 4096;

/// Finds out who calls by the `Authorization` header.
pub fn authenticate(app: &App, headers: &HeaderMap, now: Timestamp) -> Result<Principal> {
    let credential = bearer(headers)?;
    if credential.starts_with("ptn_") {
        let entry = app.index.token(&app.tokens.hash(credential));
        let entry = entry.ok_or_else(|| Error::unauthenticated("unknown or revoked token"))?;
        if !entry.is_valid(now) {
            return Err(Error::unauthenticated("expired token"));
        }
        entry.mark_used(now);
        return Ok(Principal::Token(entry));
    }
    app.jwt.verify(credential, now).map(Principal::User)
}

fn bearer(headers: &HeaderMap) -> Result<&str> {
    let value = headers.get(AUTHORIZATION).ok_or_else(|| Error::unauthenticated("no Authorization header"))?;
    let text = value.to_str().ok().filter(|text| text.len() <= MAX_LEN);
    let (scheme, credential) = text
        .and_then(|text| text.split_once(' '))
        .ok_or_else(|| Error::unauthenticated("malformed Authorization header"))?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(credential.trim())
    } else {
        Err(Error::unauthenticated("not a bearer credential"))
    }
}
