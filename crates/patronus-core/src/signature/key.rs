//! Signing keys and the text forms that `minisign` reads and writes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use patronus_types::Digest;
use zeroize::Zeroizing;

use super::SignatureError;
use super::text::COMMENT;
use crate::digest::sha256;

const ALGORITHM: &[u8; 2] = b"Ed";
const NO_PASSWORD: &[u8; 2] = &[0; 2];
const CHECKSUM_KIND: &[u8; 2] = b"B2";
/// Salt and cost of the password function; zeros where there is no password.
const PASSWORD_PARAMETERS: usize = 32 + 8 + 8;
/// minisign leaves the checksum of an unprotected key zero, so it is not compared.
const CHECKSUM: usize = 32;
const SECRET_LEN: usize = 2 + 2 + 2 + PASSWORD_PARAMETERS + 8 + 64 + CHECKSUM;

/// The eight bytes by which a signature names its key. They are no secret and prove nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret half; wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct SigningKey {
    id: KeyId,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// Makes a key from 32 secret random bytes and any 8 as its id.
    pub fn from_seed(seed: &[u8; 32], id: [u8; 8]) -> Self {
        Self { id: KeyId(id), key: ed25519_dalek::SigningKey::from_bytes(seed) }
    }

    /// Reads a secret key file without a password, as `minisign -G -W` writes it.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let line = second_line(text).ok_or(SignatureError::SecretKey("it has two lines, a comment and the key"))?;
        let raw = STANDARD.decode(line).map(Zeroizing::new);
        let raw = raw.ok().filter(|raw| raw.len() == SECRET_LEN);
        let raw = raw.ok_or(SignatureError::SecretKey("the second line is 212 characters of base64"))?;
        Self::from_raw(&raw).ok_or(SignatureError::SecretKey("its parts do not fit together"))?
    }

    /// The secret key file without a password.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut raw = Zeroizing::new(Vec::with_capacity(SECRET_LEN));
        raw.extend_from_slice(ALGORITHM);
        raw.extend_from_slice(NO_PASSWORD);
        raw.extend_from_slice(CHECKSUM_KIND);
        raw.extend_from_slice(&[0; PASSWORD_PARAMETERS]);
        raw.extend_from_slice(&self.id.0);
        raw.extend_from_slice(&*Zeroizing::new(self.key.to_keypair_bytes()));
        raw.extend_from_slice(&[0; CHECKSUM]);
        let encoded = Zeroizing::new(STANDARD.encode(&*raw));
        Zeroizing::new(format!("{COMMENT}minisign secret key {}\n{}\n", self.id, *encoded))
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { id: self.id, key: self.key.verifying_key() }
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    fn from_raw(raw: &[u8]) -> Option<Result<Self, SignatureError>> {
        let (algorithm, rest) = raw.split_first_chunk::<2>()?;
        let (password, rest) = rest.split_first_chunk::<2>()?;
        let (id, rest) = rest.get(2 + PASSWORD_PARAMETERS..)?.split_first_chunk::<8>()?;
        let (pair, _checksum) = rest.split_first_chunk::<64>()?;
        if algorithm != ALGORITHM {
            return None;
        }
        if password != NO_PASSWORD {
            return Some(Err(SignatureError::Protected));
        }
        let key = ed25519_dalek::SigningKey::from_keypair_bytes(pair).ok()?;
        Some(Ok(Self { id: KeyId(*id), key }))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, secret)", self.id)
    }
}

/// The public half: what agents pin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey {
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// Reads a public key file, or its second line alone.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let line = second_line(text).unwrap_or_else(|| text.trim());
        let raw = STANDARD.decode(line).ok().and_then(|raw| <[u8; 42]>::try_from(raw).ok());
        let raw = raw.ok_or(SignatureError::PublicKey("it is 56 characters of base64"))?;
        Self::from_raw(&raw).ok_or(SignatureError::PublicKey("it is of another kind or no point of the curve"))
    }

    /// The public key file.
    pub fn to_text(&self) -> String {
        format!("{COMMENT}minisign public key {}\n{self}\n", self.id)
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The SHA-256 of the 42 bytes that the key's base64 stands for; what an invitation carries.
    pub fn fingerprint(&self) -> Digest {
        sha256(&self.to_raw())
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }

    fn from_raw(raw: &[u8; 42]) -> Option<Self> {
        let (algorithm, rest) = raw.split_first_chunk::<2>()?;
        let (id, point) = rest.split_first_chunk::<8>()?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
        (algorithm == ALGORITHM && !key.is_weak()).then_some(Self { id: KeyId(*id), key })
    }

    fn to_raw(self) -> Vec<u8> {
        [&ALGORITHM[..], &self.id.0, self.key.as_bytes()].concat()
    }
}

/// The key's base64, as `minisign -P` takes it.
impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.to_raw()))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifyingKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        Self::parse(text)
    }
}

/// The line after a comment line; nothing may follow it.
fn second_line(text: &str) -> Option<&str> {
    let mut lines = text.lines();
    lines.next().filter(|line| line.starts_with(COMMENT))?;
    let line = lines.next()?;
    lines.next().is_none().then_some(line)
}
