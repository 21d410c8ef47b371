//! The highest version accepted from each signing key: what makes an old bundle useless to whoever kept it.

use std::collections::BTreeMap;

use patronus_core::signature::{KeyId, Statement};
use patronus_types::Digest;
use serde::{Deserialize, Serialize};

/// The most by which a version may exceed the last: a forged large one would lock out all that follow.
pub const MAX_JUMP: u64 = 10_000;

/// A version that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the bundle's tar.
    pub digest: Digest,
}

/// The highest accepted version by the id of its signing key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(BTreeMap<String, Accepted>);

/// Why a signed version is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is older than one that was accepted.
    #[error(
        "version {version} is older than {highest}, which was accepted from the same key: a rollback is published as a new version"
    )]
    Older {
        /// It.
        version: u64,
        /// The highest accepted one.
        highest: u64,
    },
    /// The same version was signed with another content.
    #[error(
        "version {version} was accepted with the digest {accepted} and now comes with {digest}: somebody signed one version twice"
    )]
    Twice {
        /// The version.
        version: u64,
        /// The accepted digest.
        accepted: Digest,
        /// The one that came now.
        digest: Digest,
    },
    /// It is too far ahead.
    #[error("version {version} is more than 10,000 above {highest}, the highest accepted one")]
    Jump {
        /// It.
        version: u64,
        /// The highest accepted one.
        highest: u64,
    },
}

impl Versions {
    /// Whether a signed statement may be acted upon.
    pub fn judge(&self, key: KeyId, statement: &Statement) -> Result<(), Refused> {
        let Some(accepted) = self.0.get(&key.to_string()) else { return Ok(()) };
        let (version, highest) = (statement.version, accepted.version);
        if version < highest {
            return Err(Refused::Older { version, highest });
        }
        if version == highest && statement.digest != accepted.digest {
            return Err(Refused::Twice { version, accepted: accepted.digest, digest: statement.digest });
        }
        if version - highest > MAX_JUMP {
            return Err(Refused::Jump { version, highest });
        }
        Ok(())
    }

    /// Records an accepted statement; false if it changes nothing.
    pub fn accept(&mut self, key: KeyId, statement: &Statement) -> bool {
        let accepted = Accepted { version: statement.version, digest: statement.digest };
        self.0.insert(key.to_string(), accepted) != Some(accepted)
    }

    /// Records a statement that was accepted before, if nothing higher is recorded.
    pub fn restore(&mut self, key: KeyId, statement: &Statement) {
        if self.0.get(&key.to_string()).is_none_or(|accepted| accepted.version < statement.version) {
            self.accept(key, statement);
        }
    }

    /// The highest version accepted from any key; 0 for none.
    pub fn highest(&self) -> u64 {
        self.0.values().map(|accepted| accepted.version).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use patronus_types::{NetworkId, SiteId};

    use super::*;

    fn statement(version: u64, content: u8) -> Statement {
        Statement {
            network: NetworkId::new(1, &[0; 10]),
            site: SiteId::new(1, &[0; 10]),
            version,
            digest: Digest([content; 32]),
            previous: None,
            issued_at: patronus_types::Timestamp::UNIX_EPOCH,
            terms: Default::default(),
        }
    }

    #[test]
    fn versions_only_grow_under_one_key() {
        let key = KeyId([1; 8]);
        let mut versions = Versions::default();
        assert_eq!(versions.judge(key, &statement(50_000, 1)), Ok(()), "a site that joins late");
        assert!(versions.accept(key, &statement(50_000, 1)));
        assert!(!versions.accept(key, &statement(50_000, 1)));
        assert_eq!(versions.judge(key, &statement(50_000, 1)), Ok(()));
        assert!(matches!(versions.judge(key, &statement(50_000, 2)), Err(Refused::Twice { .. })));
        assert!(matches!(versions.judge(key, &statement(49_999, 1)), Err(Refused::Older { .. })));
        assert_eq!(versions.judge(key, &statement(60_000, 2)), Ok(()));
        assert!(matches!(versions.judge(key, &statement(60_001, 2)), Err(Refused::Jump { .. })));
        assert_eq!(versions.judge(KeyId([2; 8]), &statement(1, 9)), Ok(()), "another key counts by itself");
        assert_eq!(versions.highest(), 50_000);
    }
}
