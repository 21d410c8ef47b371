//! WireGuard public keys: 32 bytes, as text 44 characters of base64.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Invalid;
use crate::schema::string_type;

/// The public half of a WireGuard (X25519) key pair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        match bytes {
            Some([0, rest @ ..]) if rest.iter().all(|&byte| byte == 0) => {
                Err(Invalid::new("an all-zero WireGuard key has no private half"))
            }
            Some(key) => Ok(Self(key)),
            None => Err(Invalid::new("a WireGuard public key is 44 characters of base64, as `wg pubkey` prints it")),
        }
    }
}

string_type!(PublicKey, "^[A-Za-z0-9+/]{43}=$", "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
