//! Time and chance: read here and nowhere else.

use patronus_types::Timestamp;

/// A clock and a source of randomness.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Any number, for jitter.
    fn random(&self) -> u64;

    /// 256 bits that nobody can guess.
    fn secret(&self) -> Result<[u8; 32], getrandom::Error>;

    /// A number that nobody can guess, as long as the system has randomness.
    fn secret_number(&self) -> u64 {
        let secret = self.secret().ok();
        let first = secret.as_ref().and_then(|secret| secret.first_chunk().copied());
        first.map_or_else(|| self.random(), u64::from_be_bytes)
    }
}

/// The system's.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }

    fn secret(&self) -> Result<[u8; 32], getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map(|()| bytes)
    }
}
