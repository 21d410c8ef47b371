//! Signatures in minisign's format, over what a site will run.
//!
//! A release is signed once for every site: Ed25519 over the BLAKE2b-512 of the bundle's tar (minisign's `ED`), and a
//! second signature that ties the trusted comment to the first. The comment is a [`Statement`], so one file says what
//! is signed, for which site, as which version and when, and `minisign -V` shows it.
//!
//! Refused, each by name: the older kind `Ed` (over the data itself), another key, keys of small order,
//! a malleable or altered signature, and a comment that is not a statement in exactly its one written form.

mod error;
mod key;
mod statement;
mod text;

pub use error::SignatureError;
pub use key::{KeyId, SigningKey, VerifyingKey};
pub use statement::Statement;
pub use text::Signature;

use crate::digest::Prehash;

/// Signs a bundle by the digest of its tar; gives the text of a `.minisig` file.
pub fn sign(key: &SigningKey, prehash: &Prehash, statement: &Statement) -> String {
    Signature::make(key, prehash, statement.to_comment()).to_string()
}

/// Verifies the text of a `.minisig` file against the digest of the tar that came with it.
///
/// What the statement says (the site, the version, the digest) is for the caller to compare with what it expects.
pub fn verify(key: &VerifyingKey, signature: &str, prehash: &Prehash) -> Result<Statement, SignatureError> {
    Signature::parse(signature)?.verify(key, prehash)
}

#[cfg(test)]
mod tests;
