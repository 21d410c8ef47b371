//! The server secret: 32 random bytes from which tokens' hashes, derived secrets and the JWT key come.
//!
//! Without it a stolen database is a list of hashes that fit nothing.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use patronus_types::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{KeyError, random};
use crate::folder::Folder;

const FILE: &str = "secret";

/// The server secret; never printed, wiped when dropped.
pub struct ServerSecret(Zeroizing<[u8; 32]>);

impl ServerSecret {
    /// Takes a secret.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Makes the secret unless it is there.
    pub fn ensure(folder: &Folder) -> Result<Self, KeyError> {
        if folder.read(FILE)?.is_none() {
            folder.write_private(FILE, &random::<32>()?)?;
        }
        Self::read(folder)
    }

    /// Reads the secret.
    pub fn read(folder: &Folder) -> Result<Self, KeyError> {
        let damaged = |reason: &str| KeyError::Damaged { path: folder.path(FILE), reason: reason.to_owned() };
        let bytes = Zeroizing::new(folder.read(FILE)?.ok_or_else(|| damaged("it is missing"))?);
        let bytes = bytes.as_slice().try_into().map_err(|_| damaged("it has not 32 bytes"))?;
        Ok(Self::new(bytes))
    }

    /// A secret for one purpose, from parts that are told apart whatever they hold.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = keyed(&self.0[..]);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// By this a database knows its server's secret.
    pub fn mark(&self) -> Digest {
        Digest(self.derive("mark", &[]))
    }

    /// Hashes tokens.
    pub fn token_hasher(&self) -> TokenHasher {
        TokenHasher(keyed(&self.derive("token", &[])))
    }
}

/// HMAC-SHA-256 of tokens, its key prepared once: it is on the path of every request.
#[derive(Clone)]
pub struct TokenHasher(Hmac<Sha256>);

impl TokenHasher {
    /// The hash under which a token is found in memory.
    pub fn hash(&self, token: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The hash as the store keeps it.
    pub fn text(&self, token: &str) -> String {
        hex(&self.hash(token))
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_parts_are_told_apart() {
        let secret = ServerSecret::new([7; 32]);
        let all = [
            secret.derive("a", &[b"bc"]),
            secret.derive("ab", &[b"c"]),
            secret.derive("a", &[b"b", b"c"]),
            secret.derive("a", &[b"", b"bc"]),
            ServerSecret::new([8; 32]).derive("a", &[b"bc"]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all[0], secret.derive("a", &[b"bc"]));
    }
}
