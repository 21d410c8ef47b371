//! Logging in and out.

use serde::{Deserialize, Serialize};

use crate::event::Actor;
use crate::permission::Role;
use crate::token::Secret;
use crate::{NetworkId, SiteId, TenantId};

/// `POST /v1/auth/login`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginRequest {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// What a login or refresh answers.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginResponse {
    /// A JWT (RFC 7519) for the `Authorization: Bearer` header.
    pub access_token: String,
    /// Renews the login once; the answer has the next one.
    pub refresh_token: Secret,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// Always `Bearer`.
    pub token_type: String,
}

/// `POST /v1/auth/refresh` and `POST /v1/auth/logout`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefreshRequest {
    /// The newest refresh token. One that was already used ends the whole login: somebody else has it too.
    pub refresh_token: Secret,
}

/// `GET /v1/auth/me`: who the server takes the caller for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Me {
    /// The caller.
    pub actor: Actor,
    /// What the caller may do.
    pub role: Role,
    /// The caller's tenant.
    pub tenant_id: TenantId,
    /// An agent's network.
    pub network_id: Option<NetworkId>,
    /// An agent's site.
    pub site_id: Option<SiteId>,
}
