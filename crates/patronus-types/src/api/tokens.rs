//! Making tokens.

use serde::{Deserialize, Serialize};

use crate::permission::Role;
use crate::token::{Secret, Token, TokenKind};
use crate::{Digest, Name, Ref};

/// `POST /v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenCreate {
    /// `api` or `enrol`; the others are made by logging in and by enrolling.
    pub kind: TokenKind,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What an API token may do, at most what its maker may; `viewer` by default.
    #[serde(default)]
    pub role: Option<Role>,
    /// The network of an enrolment token's site.
    #[serde(default)]
    pub network: Option<Ref>,
    /// The site an enrolment token brings in.
    #[serde(default)]
    pub site: Option<Ref>,
    /// Seconds until it ends: an enrolment token 60 to 604,800, by default 3,600; an API token 60 to 31,536,000, by default 7,776,000.
    #[serde(default)]
    pub expires_in_s: Option<u64>,
}

/// What making a token answers: the only time its secret is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenCreated {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// Its secret.
    pub secret: Secret,
    /// For an enrolment token, what to carry to the site.
    pub invitation: Option<Invitation>,
    /// What using it will do that may not be meant.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What a site needs to join: carried there by hand, read by `patronus-agent enrol --token-file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invitation {
    /// Where the servers are.
    pub servers: Vec<String>,
    /// SHA-256 of the CA certificate (DER) that signs the servers' certificates; none for plain HTTP on loopback.
    pub ca_sha256: Option<Digest>,
    /// SHA-256 of the signing public key: of the 42 bytes that the second line of its minisign file holds in base64.
    pub signing_key_sha256: Digest,
    /// The network's name, for people.
    pub network: Name,
    /// The site's name, for people.
    pub site: Name,
    /// The one-time token.
    pub token: Secret,
}
