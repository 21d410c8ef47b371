//! Access tokens: JWTs (HS256) that say who a person is for a quarter of an hour.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use patronus_types::permission::Role;
use patronus_types::user::User;
use patronus_types::{Name, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{UserPrincipal, provider};
use crate::error::{Error, Result};

const ISSUER: &str = "patronus";
const AUDIENCE: &str = "patronus-api";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    name: Name,
    role: Role,
    tenant: TenantId,
    iat: i64,
    exp: i64,
}

/// Makes and verifies access tokens.
pub struct Jwt {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Jwt {
    /// With a key that is nothing else's.
    pub fn new(key: &[u8; 32]) -> Self {
        provider::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would read a clock of its own; `verify` compares with ours.
        validation.validate_exp = false;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation }
    }

    /// Makes a token for a user.
    pub fn issue(&self, user: &User, tenant: TenantId, now: Timestamp, lifetime: Duration) -> Result<String> {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.id,
            name: user.name.clone(),
            role: user.role,
            tenant,
            iat: now.as_second(),
            exp: now.as_second().saturating_add(lifetime),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(Error::internal)
    }

    /// Reads a token that we made and that has not ended.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<UserPrincipal>> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| Error::unauthenticated(format_args!("access token: {error}")))?
            .claims;
        if claims.exp <= now.as_second() {
            return Err(Error::unauthenticated("expired access token"));
        }
        let Claims { sub: id, name, role, tenant, .. } = claims;
        Ok(Arc::new(UserPrincipal { id, name, role, tenant }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: UserId::new(1, &[1; 10]),
            name: "ada".parse().unwrap(),
            role: Role::Operator,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_token_is_ours_and_young_or_refused() {
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        let later = |seconds: i64| now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        let jwt = Jwt::new(&[1; 32]);
        let token = jwt.issue(&user(), TenantId::new(1, &[2; 10]), now, Duration::from_secs(900)).unwrap();
        assert_eq!(jwt.verify(&token, later(899)).unwrap().role, Role::Operator);
        assert!(jwt.verify(&token, later(900)).is_err());
        assert!(Jwt::new(&[2; 32]).verify(&token, now).is_err(), "another key");
        let (_, rest) = token.split_once('.').unwrap();
        for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzM4NCJ9", "eyJhbGciOiJFZERTQSJ9"] {
            assert!(jwt.verify(&format!("{header}.{rest}"), now).is_err());
        }
    }
}
