//! Passwords: argon2id, off the async threads, at most two at a time, and as slow for unknown users as for known ones.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, PasswordHasher as _, Version};
use patronus_types::api::error::ErrorCode;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::index::locked;

/// The shortest password that is taken.
pub const MIN_LEN: usize = 12;
/// The longest.
pub const MAX_LEN: usize = 1024;
/// Each one takes 19 MiB and some 30 ms of a core.
const AT_ONCE: usize = 2;
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Compares passwords.
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Hashed with where there is no user, so that both take as long.
    nobody: [u8; 16],
    /// The work's memory, one for each turn. Kept, since an allocator keeps it anyway: once for each thread that
    /// ever did such work.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Passwords {
    /// With a salt for nobody's password.
    pub fn new(nobody: &[u8; 32]) -> Self {
        let mut salt = [0; 16];
        salt.copy_from_slice(&nobody[..16]);
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody: salt, memory: Arc::default() }
    }

    /// Whether the password fits the hash; without a hash it does not, after the same work.
    pub async fn fits(&self, password: Zeroizing<String>, hash: Option<String>) -> Result<bool> {
        let busy = || Error::new(ErrorCode::Unavailable, "too many people log in at once: try again");
        let turn = tokio::time::timeout(MAX_WAIT, self.turns.clone().acquire_owned()).await.map_err(|_| busy())?;
        let turn = turn.map_err(|_| busy())?;
        let (memory, nobody) = (self.memory.clone(), self.nobody);
        let work = move || {
            let mut blocks = locked(&memory).pop().unwrap_or_default();
            let fits = compare(password.as_bytes(), hash.as_deref(), &nobody, &mut blocks);
            locked(&memory).push(blocks);
            // Only now: who asked may be gone long since, and the work goes on.
            drop(turn);
            fits
        };
        Ok(tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.unwrap_or(false))
    }
}

/// Computes the password's hash as the kept one was computed. None if the kept one cannot be read.
fn compare(password: &[u8], kept: Option<&str>, nobody: &[u8], blocks: &mut Vec<Block>) -> Option<bool> {
    let Some(kept) = kept else {
        compute(&Argon2::default(), password, nobody, &mut [0; Params::DEFAULT_OUTPUT_LEN], blocks)?;
        return Some(false);
    };
    let kept = PasswordHash::new(kept).ok()?;
    let (salt, expected) = (kept.salt.as_ref()?, kept.hash.as_ref()?);
    let algorithm = Algorithm::try_from(kept.algorithm.as_str()).ok()?;
    let version = kept.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&kept).ok()?);
    let mut computed = vec![0; expected.as_bytes().len()];
    compute(&argon2, password, salt, &mut computed, blocks)?;
    Some(computed.ct_eq(expected.as_bytes()).into())
}

fn compute(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], out: &mut [u8], blocks: &mut Vec<Block>) -> Option<()> {
    blocks.resize(argon2.params().block_count(), Block::new());
    argon2.hash_password_into_with_memory(password, salt, out, blocks).ok()
}

/// Makes a password's hash in PHC form.
pub fn hash(password: &str, salt: &[u8; 16]) -> Result<String> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
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
        assert!(!fits("correct hors", Some(hash.clone())).await.unwrap());
        assert!(!fits("correct horse", None).await.unwrap());
        assert!(!fits("correct horse", Some("rubbish".to_owned())).await.unwrap());
        assert!(fits("correct horse", Some(hash)).await.unwrap(), "also in memory that was used");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_of_logins_takes_the_memory_of_two() {
        let passwords = Passwords::new(&[3; 32]);
        let fit = |_| passwords.fits(Zeroizing::new("a guess".to_owned()), None);
        let fits = futures_util::future::join_all((0..20).map(fit)).await;
        assert!(fits.into_iter().all(|fits| !fits.unwrap()));
        let memory = locked(&passwords.memory);
        assert!((1..=AT_ONCE).contains(&memory.len()), "{}", memory.len());
        assert!(memory.iter().all(|blocks| blocks.len() == Params::DEFAULT.block_count()));
    }
}
