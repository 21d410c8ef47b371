//! The digests a bundle goes by, computed in one pass over its tar.
//!
//! SHA-256 names the content; BLAKE2b-512 is what minisign signs. Both see the same bytes at the same time,
//! because the bytes are often made on the way and are never all in memory.

use std::fmt;

use blake2::Blake2b512;
use patronus_types::Digest;
use sha2::{Digest as _, Sha256};

/// How much both functions are fed before the next: small enough that the second finds it in the nearest cache.
const STRIDE: usize = 16 * 1024;

/// A BLAKE2b-512 digest, the message of a minisign signature of kind `ED`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Prehash(pub [u8; 64]);

impl fmt::Debug for Prehash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Everything one pass over some bytes tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// SHA-256.
    pub digest: Digest,
    /// BLAKE2b-512.
    pub prehash: Prehash,
    /// How many bytes there were.
    pub len: u64,
}

/// Computes [`Hashes`] from bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    sha: Sha256,
    blake: Blake2b512,
    len: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(STRIDE) {
            self.sha.update(piece);
            self.blake.update(piece);
        }
        self.len += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }

    /// The digests of all bytes taken.
    pub fn finish(self) -> Hashes {
        let digest = Digest(self.sha.finalize().into());
        let prehash = Prehash(self.blake.finalize().into());
        Hashes { digest, prehash, len: self.len }
    }
}

/// Both digests of bytes that are in memory.
pub fn hashes(bytes: &[u8]) -> Hashes {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// The SHA-256 of bytes that are in memory.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// The SHA-256 of bytes that are in several pieces.
pub fn sha256_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Digest {
    let mut sha = Sha256::default();
    pieces.for_each(|piece| sha.update(piece));
    Digest(sha.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let of_abc = hashes(b"abc");
        assert_eq!(of_abc.digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(format!("{:?}", of_abc.prehash).starts_with("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b7"));
        assert_eq!(of_abc.len, 3);
        assert_eq!(sha256(b"abc"), of_abc.digest);
    }

    #[test]
    fn pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..100_000u32).map(|index| index.to_le_bytes()[0]).collect();
        let mut hasher = Hasher::default();
        for piece in bytes.chunks(333) {
            hasher.update(piece);
        }
        assert_eq!(hasher.finish(), hashes(&bytes));
    }
}
