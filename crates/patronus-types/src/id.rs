//! Identifiers: `<kind>_` and the 26 Crockford base32 characters of a UUIDv7, so they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::schema::string_type;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 26;

fn encode(value: u128) -> String {
    let digit = |index: usize| {
        let shift = 5 * (ENCODED_LEN - 1 - index);
        let five_bits = usize::try_from((value >> shift) & 31).unwrap_or_default();
        char::from(ALPHABET[five_bits])
    };
    (0..ENCODED_LEN).map(digit).collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != ENCODED_LEN || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        Some((value << 5) | u128::try_from(digit).ok()?)
    })
}

fn uuid_v7(unix_ms: u64, random: &[u8; 10]) -> u128 {
    uuid::Builder::from_unix_timestamp_millis(unix_ms, random).into_uuid().as_u128()
}

macro_rules! id_type {
    ($type:ident, $kind:literal, $pattern:literal, $example:literal) => {
        #[doc = concat!("Identifies a ", $kind, ".")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(u128);

        impl $type {
            /// The word before the underscore.
            pub const KIND: &'static str = $kind;

            /// Makes an id from the time in milliseconds since 1970 and ten random bytes (RFC 9562, version 7).
            pub fn new(unix_ms: u64, random: &[u8; 10]) -> Self {
                Self(uuid_v7(unix_ms, random))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $kind, encode(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                text.strip_prefix(concat!($kind, "_")).and_then(decode).map(Self).ok_or_else(|| {
                    Invalid::new(format_args!("`{text}` is not a {} id (`{}_` and 26 characters)", $kind, $kind))
                })
            }
        }

        string_type!($type, $pattern, $example);
    };
}

id_type!(TenantId, "tenant", "^tenant_[0-7][0-9a-hjkmnp-tv-z]{25}$", "tenant_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(NetworkId, "network", "^network_[0-7][0-9a-hjkmnp-tv-z]{25}$", "network_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(SiteId, "site", "^site_[0-7][0-9a-hjkmnp-tv-z]{25}$", "site_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(ReleaseId, "release", "^release_[0-7][0-9a-hjkmnp-tv-z]{25}$", "release_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(UserId, "user", "^user_[0-7][0-9a-hjkmnp-tv-z]{25}$", "user_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(PolicyId, "policy", "^policy_[0-7][0-9a-hjkmnp-tv-z]{25}$", "policy_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(PathId, "path", "^path_[0-7][0-9a-hjkmnp-tv-z]{25}$", "path_01k9zq3v6p8r2m4n5t7w9x1y3z");
id_type!(TokenId, "token", "^token_[0-7][0-9a-hjkmnp-tv-z]{25}$", "token_01k9zq3v6p8r2m4n5t7w9x1y3z");

/// The text form of any id, for places that hold ids of several kinds (events, operations).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnyId(String);

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AnyId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let body = text.split_once('_').and_then(|(_, body)| decode(body));
        body.map(|_| Self(text.to_owned())).ok_or_else(|| Invalid::new(format_args!("`{text}` is not an id")))
    }
}

string_type!(AnyId, "^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$", "site_01k9zq3v6p8r2m4n5t7w9x1y3z");

macro_rules! any_id_from {
    ($($type:ident)*) => {$(
        impl From<$type> for AnyId {
            fn from(id: $type) -> Self {
                Self(id.to_string())
            }
        }
    )*};
}
any_id_from!(TenantId NetworkId SiteId ReleaseId UserId PolicyId PathId TokenId);

impl PathId {
    /// The id that a path always has: 128 bits made from its two ends, without a time, so it sorts by nothing.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_sorts_by_time() {
        let early = SiteId::new(1, &[255; 10]);
        let late = SiteId::new(2, &[0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<SiteId>().unwrap(), early);
    }

    #[test]
    fn foreign_and_damaged_ids_are_refused() {
        let id = SiteId::new(1, &[7; 10]).to_string();
        assert!(id.parse::<NetworkId>().is_err());
        assert!(id[..id.len() - 1].parse::<SiteId>().is_err());
        assert!(id.replace("site_0", "site_8").parse::<SiteId>().is_err(), "more than 128 bits");
        assert!(format!("{}u", &id[..id.len() - 1]).parse::<SiteId>().is_err(), "u is not in the alphabet");
    }
}
