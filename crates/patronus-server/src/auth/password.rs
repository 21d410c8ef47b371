//! Passwords: argon2id, off the async threads, at most two at a time, and as slow for unknown users as for known ones.

use std::time::Duration;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use patronus_types::api::error::ErrorCode;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The shortest password that is taken.
pub const MIN_LEN: usize = 12;
/// The longest.
pub const MAX_LEN: usize = 1024;
/// Each one takes 19 MiB and some 30 ms of a core.
const AT_ONCE: usize = 2;
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Compares passwords.
pub struct Passwords {
    turns: Semaphore,
    /// Compared with where there is no user, so that both take as long.
    nobody: String,
}

impl Passwords {
    /// With a password for nobody, which no user has.
    pub fn new(nobody: &[u8; 32]) -> Self {
        Self { turns: Semaphore::new(AT_ONCE), nobody: hash_with_salt(nobody, &nobody[..16]).unwrap_or_default() }
    }

    /// Whether the password fits the hash; without a hash it does not, after the same work.
    pub async fn fits(&self, password: Zeroizing<String>, hash: Option<String>) -> Result<bool> {
        let busy = || Error::new(ErrorCode::Unavailable, "too many people log in at once: try again");
        let turn = tokio::time::timeout(MAX_WAIT, self.turns.acquire()).await.map_err(|_| busy())?;
        let _turn = turn.map_err(|_| busy())?;
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let work = move || Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok();
        let fits = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        Ok(fits && known)
    }
}

/// Makes a password's hash in PHC form.
pub fn hash(password: &str, salt: &[u8; 16]) -> Result<String> {
    hash_with_salt(password.as_bytes(), salt)
}

fn hash_with_salt(password: &[u8], salt: &[u8]) -> Result<String> {
    let hash = Argon2::default().hash_password_with_salt(password, salt);
    hash.map(|hash| hash.to_string()).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_fit_their_hash_only() {
        let passwords = Passwords::new(&[3; 32]);
        let hash = hash("correct horse", &[5; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$"));
        let fits = |password: &str, hash: Option<String>| passwords.fits(Zeroizing::new(password.to_owned()), hash);
        assert!(fits("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!fits("correct hors", Some(hash)).await.unwrap());
        assert!(!fits("correct horse", None).await.unwrap());
        assert!(passwords.nobody.starts_with("$argon2id$"), "the same work for nobody");
    }
}
