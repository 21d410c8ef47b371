//! The four lines of a `.minisig` file.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KeyId, SignatureError, SigningKey, Statement, VerifyingKey};
use crate::digest::Prehash;

pub(super) const COMMENT: &str = "untrusted comment: ";
const TRUSTED_COMMENT: &str = "trusted comment: ";
const HASHED: [u8; 2] = *b"ED";
const LEGACY: [u8; 2] = *b"Ed";
/// A signature file has about 600 bytes; minisign itself takes comments of at most 8 KiB.
const MAX_LEN: usize = 16 * 1024;

/// A signature as it was read, not yet verified: nothing in it may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    id: KeyId,
    over_content: [u8; 64],
    comment: String,
    over_comment: [u8; 64],
}

impl Signature {
    pub(super) fn make(key: &SigningKey, prehash: &Prehash, comment: String) -> Self {
        let over_content = key.sign(&prehash.0);
        let over_comment = key.sign(&[&over_content, comment.as_bytes()].concat());
        Self { id: key.id(), over_content, comment, over_comment }
    }

    /// Reads the text of a `.minisig` file.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        if text.len() > MAX_LEN {
            return Err(SignatureError::Format("it is longer than 16 KiB"));
        }
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        let [untrusted, first, comment, second] = lines[..] else {
            return Err(SignatureError::Format("it has four lines"));
        };
        if !untrusted.starts_with(COMMENT) {
            return Err(SignatureError::Format("the first line begins with `untrusted comment: `"));
        }
        let comment = comment.strip_prefix(TRUSTED_COMMENT);
        let comment = comment.ok_or(SignatureError::Format("the third line begins with `trusted comment: `"))?;
        let (id, over_content) = parse_first(first)?;
        let over_comment = STANDARD.decode(second).ok().and_then(|raw| raw.try_into().ok());
        let over_comment = over_comment.ok_or(SignatureError::Format("the fourth line is 88 characters of base64"))?;
        Ok(Self { id, over_content, comment: comment.to_owned(), over_comment })
    }

    /// Which key the signature says made it: to choose among several pinned ones.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// What the comment says, whoever wrote it: to learn what a file is meant for, before [`Signature::verify`] tells
    /// whether that is so.
    pub fn claims(&self) -> Result<Statement, SignatureError> {
        Statement::parse(&self.comment)
    }

    /// Verifies both signatures, and only then reads the comment.
    pub fn verify(&self, key: &VerifyingKey, prehash: &Prehash) -> Result<Statement, SignatureError> {
        if self.id != key.id() {
            return Err(SignatureError::Key { expected: key.id(), found: self.id });
        }
        if !key.verifies(&prehash.0, &self.over_content) {
            return Err(SignatureError::Content);
        }
        if !key.verifies(&[&self.over_content, self.comment.as_bytes()].concat(), &self.over_comment) {
            return Err(SignatureError::Comment);
        }
        Statement::parse(&self.comment)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = STANDARD.encode([&HASHED[..], &self.id.0, &self.over_content].concat());
        let second = STANDARD.encode(self.over_comment);
        writeln!(f, "{COMMENT}signature by patronus key {}", self.id)?;
        write!(f, "{first}\n{TRUSTED_COMMENT}{}\n{second}\n", self.comment)
    }
}

fn parse_first(line: &str) -> Result<(KeyId, [u8; 64]), SignatureError> {
    let error = SignatureError::Format("the second line is 100 characters of base64");
    let raw = STANDARD.decode(line).ok().filter(|raw| raw.len() == 2 + 8 + 64).ok_or(error.clone())?;
    let (kind, rest) = raw.split_first_chunk::<2>().ok_or(error.clone())?;
    let (id, signature) = rest.split_first_chunk::<8>().ok_or(error.clone())?;
    match *kind {
        HASHED => Ok((KeyId(*id), signature.try_into().map_err(|_| error)?)),
        LEGACY => Err(SignatureError::Legacy),
        _ => Err(SignatureError::Format("it is of an unknown kind")),
    }
}
