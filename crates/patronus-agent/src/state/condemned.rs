//! The bundles that were tried on this host and undone.

use patronus_types::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// So many are remembered; the oldest are forgotten first.
const MOST: usize = 64;

/// A bundle that is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condemned {
    /// The bundle.
    pub digest: Digest,
    /// The version as which it was tried.
    pub version: u64,
    /// Why it was undone.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// All of them, the newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CondemnedList(Vec<Condemned>);

impl CondemnedList {
    /// Why a bundle is not tried, if it is not.
    pub fn find(&self, digest: Digest) -> Option<&Condemned> {
        self.0.iter().find(|one| one.digest == digest)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Condemned> {
        self.0.iter()
    }

    /// Whether nothing is on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it means that the list is thrown away.
    pub fn forgiven(&self) -> String {
        let versions: Vec<String> =
            self.0.iter().map(|one| format!("version {} ({})", one.version, one.digest.short())).collect();
        match versions.as_slice() {
            [] => "nothing was marked bad here".to_owned(),
            versions => {
                format!("no longer marked bad here, and tried again where the server names it: {}", versions.join(", "))
            }
        }
    }

    /// The same list with one more.
    #[must_use]
    pub fn with(&self, one: Condemned) -> Self {
        let mut all: Vec<_> = self.0.iter().filter(|other| other.digest != one.digest).cloned().collect();
        all.push(one);
        all.drain(..all.len().saturating_sub(MOST));
        Self(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered_each_once() {
        let one = |number: u8| Condemned {
            digest: Digest([number; 32]),
            version: number.into(),
            reason: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        let all = (0..100).chain([99]).fold(CondemnedList::default(), |all, number| all.with(one(number)));
        assert_eq!(all.0.len(), MOST);
        let two = CondemnedList::default().with(one(3)).with(one(4)).forgiven();
        assert!(two.contains("version 3 (030303") && two.contains(", version 4 ("), "{two}");
        assert_eq!(CondemnedList::default().forgiven(), "nothing was marked bad here");
        assert!(all.find(Digest([99; 32])).is_some() && all.find(Digest([35; 32])).is_none());
    }
}
