//! Tokens: `ptn_<kind>_`, 27 random base62 characters (160 bits) and a CRC32 of what stands before, so that a scanner knows a real one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::permission::Role;
use crate::schema::string_type;
use crate::{Invalid, Name, NetworkId, SiteId, Timestamp, TokenId};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LEN: usize = 27;
const CHECK_LEN: usize = 6;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TokenKind {
    /// People and CI.
    Api,
    /// Brings one site in, once.
    Enrol,
    /// One site's agent.
    Agent,
    /// Renews a login.
    Refresh,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api => "api",
            Self::Enrol => "enrol",
            Self::Agent => "agent",
            Self::Refresh => "refresh",
        })
    }
}

/// A token's secret text. `Debug` hides it; `Display` is the only way to show it, once, to its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes a token of a kind from 32 random bytes (of which 160 bits are kept).
    pub fn new(kind: TokenKind, random: &[u8; 32]) -> Self {
        let mut text = format!("ptn_{kind}_");
        let (high, low) = random.split_at(16);
        let half = |bytes: &[u8]| bytes.iter().fold(0u128, |value, &byte| value << 8 | u128::from(byte));
        text.push_str(&base62(half(high), 14));
        text.push_str(&base62(half(low), RANDOM_LEN - 14));
        let check = checksum(&text);
        text.push_str(&check);
        Self(text)
    }

    /// The kind its prefix names.
    pub fn kind(&self) -> Option<TokenKind> {
        [TokenKind::Api, TokenKind::Enrol, TokenKind::Agent, TokenKind::Refresh]
            .into_iter()
            .find(|kind| self.0.starts_with(&format!("ptn_{kind}_")))
    }

    /// The text itself, for a header or a hash.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn base62(mut value: u128, len: usize) -> String {
    let mut digits = Vec::with_capacity(len);
    for _ in 0..len {
        let digit = usize::try_from(value % 62).unwrap_or_default();
        digits.push(char::from(ALPHABET[digit]));
        value /= 62;
    }
    digits.into_iter().collect()
}

fn checksum(text: &str) -> String {
    base62(u128::from(crc32fast::hash(text.as_bytes())), CHECK_LEN)
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let secret = Self(text.to_owned());
        let prefix = secret.kind().map(|kind| format!("ptn_{kind}_").len());
        let well_formed = prefix.is_some_and(|prefix| {
            text.len() == prefix + RANDOM_LEN + CHECK_LEN
                && text.bytes().skip(prefix).all(|byte| byte.is_ascii_alphanumeric())
                && checksum(&text[..prefix + RANDOM_LEN]) == text[prefix + RANDOM_LEN..]
        });
        if well_formed {
            Ok(secret)
        } else {
            Err(Invalid::new("this is not a Patronus token: it is cut short or mistyped"))
        }
    }
}

string_type!(Secret, "^ptn_(api|enrol|agent|refresh)_[0-9A-Za-z]{33}$", "ptn_api_…");

/// What is known of a token; never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub kind: TokenKind,
    /// What its maker said of it.
    pub description: String,
    /// What an API token may do.
    pub role: Role,
    /// The network of an enrolment or agent token.
    pub network_id: Option<NetworkId>,
    /// The site of an enrolment or agent token.
    pub site_id: Option<SiteId>,
    /// The site's name.
    pub site: Option<Name>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When an enrolment token was used.
    pub used_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_a_mistyped_one_is_not() {
        let secret = Secret::new(TokenKind::Enrol, &std::array::from_fn(|index| u8::try_from(index * 7).unwrap()));
        assert_eq!(secret.expose().parse::<Secret>().unwrap().kind(), Some(TokenKind::Enrol));
        let mut bytes = secret.expose().as_bytes().to_vec();
        bytes[12] = if bytes[12] == b'a' { b'b' } else { b'a' };
        assert!(String::from_utf8(bytes).unwrap().parse::<Secret>().is_err());
        assert!("ptn_api_".parse::<Secret>().is_err());
        assert!("ptn_api_ä".repeat(4).parse::<Secret>().is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new(TokenKind::Api, &[9; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
