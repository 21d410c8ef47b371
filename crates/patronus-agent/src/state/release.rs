//! The signed statement that came with a bundle, kept beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::digest::Prehash;
use patronus_core::signature::{KeyId, Signature, Statement, VerifyingKey};
use patronus_types::Digest;
use patronus_types::api::agent::Running;
use serde::{Deserialize, Serialize};

/// The newest version for which the bundle was accepted. Written anew when a later version has the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the bundle's tar.
    pub digest: Digest,
    /// The signature, as a `.minisig` file holds it.
    pub signature: String,
    /// BLAKE2b-512 of the tar in base64: what signatures are over, so that a later version of the same content can be
    /// verified without the tar.
    pub prehash: String,
    /// SHA-256 of `bundle.json`, so that what the disk gives back can be trusted.
    pub content_sha256: Digest,
}

impl Release {
    /// The text form of a prehash.
    pub fn prehash_text(prehash: &Prehash) -> String {
        STANDARD.encode(prehash.0)
    }

    /// The prehash, if it can be read.
    pub fn prehash(&self) -> Option<Prehash> {
        let bytes = STANDARD.decode(&self.prehash).ok()?;
        <[u8; 64]>::try_from(bytes).ok().map(Prehash)
    }

    /// Which of these keys signed it, and what it said; none if none did.
    pub fn signed_by(&self, keys: &[VerifyingKey]) -> Option<(KeyId, Statement)> {
        let signature = Signature::parse(&self.signature).ok()?;
        let key = keys.iter().find(|key| key.id() == signature.key_id())?;
        Some((key.id(), signature.verify(key, &self.prehash()?).ok()?))
    }

    /// The short form for reports.
    pub fn running(&self) -> Running {
        Running { version: self.version, digest: self.digest }
    }
}
