//! What can be wrong with a signature or a key file.

use super::KeyId;

/// Why a signature or key was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not the four lines of a signature file.
    #[error("this is not a minisign signature: {0}")]
    Format(&'static str),
    /// Signed over the data itself.
    #[error("the signature is of minisign's old kind `Ed`; sign again without `-l`")]
    Legacy,
    /// Made by another key.
    #[error(
        "the signature was made by key {found}, and {expected} is trusted here; if the signing key was changed on purpose, add the new one with `trust`"
    )]
    Key {
        /// The key that is trusted.
        expected: KeyId,
        /// The key that signed.
        found: KeyId,
    },
    /// The bytes are not those that were signed.
    #[error("the signature does not fit the content: it was altered or belongs to another bundle; download it again")]
    Content,
    /// The comment is not the one that was signed.
    #[error("the signature's trusted comment was altered; download it again")]
    Comment,
    /// The comment is no statement about a bundle.
    #[error(
        "the trusted comment is not a statement about a bundle ({0}); it was made by another program or a newer version"
    )]
    Statement(&'static str),
    /// A public key file or string that cannot be used.
    #[error("this is not a minisign public key: {0}")]
    PublicKey(&'static str),
    /// A secret key file that cannot be used.
    #[error("this is not a minisign secret key: {0}")]
    SecretKey(&'static str),
    /// A secret key file with a password.
    #[error(
        "the secret key is protected by a password; remove it with `minisign -C -W`, or sign where it can be asked for"
    )]
    Protected,
}
