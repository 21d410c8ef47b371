//! The server's keys: what `init` makes and `serve` reads.

mod secret;
mod tls;

use std::path::PathBuf;

use patronus_core::signature::{SignatureError, SigningKey};
use patronus_types::Timestamp;

use crate::folder::{Folder, FolderError};

pub use secret::{ServerSecret, TokenHasher, hex};
pub use tls::{Tls, names_of};

const SIGNING_KEY: &str = "signing.key";
const SIGNING_PUBLIC: &str = "signing.pub";

/// Why a key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file that is not what it should be.
    #[error("`{path}` is damaged ({reason}); restore it from a backup")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is not there.
    #[error(
        "`{path}` is missing: restore it from a backup; without one: patronus-server init --data {data} {option}{}",
        consequence(.option)
    )]
    Missing {
        /// Which file.
        path: PathBuf,
        /// The data folder.
        data: PathBuf,
        /// The option of `init` that makes it anew.
        option: &'static str,
    },
    /// A clock that stands before or after the CA's time.
    #[error(
        "the clock shows {now}, and the certificate authority in `{path}` is valid from {from} to {until}: set the clock"
    )]
    Clock {
        /// The CA's file.
        path: PathBuf,
        /// What the clock shows.
        now: Timestamp,
        /// From when the CA is valid.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// No random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
}

fn consequence(option: &str) -> &'static str {
    match option {
        tls::NEW_CA => " (every agent pins the CA that is lost, and must then be enrolled anew)",
        _ => " (agents pin the CA, which stays: they notice nothing)",
    }
}

/// Random bytes from the system.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(bytes)
}

/// Makes the signing key unless it is there.
pub fn ensure_signing_key(folder: &Folder) -> Result<SigningKey, KeyError> {
    if folder.read(SIGNING_KEY)?.is_none() {
        let key = SigningKey::from_seed(&random()?, random()?);
        folder.write_public(SIGNING_PUBLIC, key.verifying_key().to_text().as_bytes())?;
        folder.write_private(SIGNING_KEY, key.to_text().as_bytes())?;
    }
    signing_key(folder)
}

/// Reads the signing key.
pub fn signing_key(folder: &Folder) -> Result<SigningKey, KeyError> {
    let damaged = |reason: String| KeyError::Damaged { path: folder.path(SIGNING_KEY), reason };
    let bytes = folder.read(SIGNING_KEY)?.ok_or_else(|| damaged("it is missing".into()))?;
    let text = zeroize::Zeroizing::new(String::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?);
    SigningKey::parse(&text).map_err(|error: SignatureError| damaged(error.to_string()))
}
