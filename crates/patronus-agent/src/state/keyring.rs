//! The keys beside those in use: one for a spare tunnel, and those that a rotation is about to use or has replaced.

use patronus_types::PublicKey;
use patronus_types::bundle::Content;
use patronus_types::rotation::OfferedKeys;
use patronus_types::site::MAX_UPLINKS;
use serde::{Deserialize, Serialize};

use super::{Identity, KeyPairs};
use crate::effects::model::PrivateKey;

/// Keys beside those in use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keyring {
    /// One for a spare tunnel. What was recorded on one spare tunnel must say nothing on the next, so each has another.
    spare: KeyPairs,
    /// Whether a bundle that ran has it.
    spare_used: bool,
    /// The one before it: a bundle that is kept has it, or a rotation that began before the server heard of the newest one.
    spare_before: KeyPairs,
    /// Those of a rotation that has not come to them yet.
    offered: Option<Offered>,
    /// Those before the last rotation, for as long as a bundle is kept that has them.
    replaced: KeyPairs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offered {
    number: u32,
    keys: KeyPairs,
}

/// Where new keys come from; none when the system gives no randomness.
pub type Source<'a> = &'a dyn Fn() -> Option<PrivateKey>;

impl Keyring {
    /// The public half of the key for a spare tunnel.
    pub fn spare_key(&self) -> Option<PublicKey> {
        self.spare.public().first().copied()
    }

    /// What a rotation may use.
    pub fn offered(&self) -> Option<OfferedKeys> {
        self.offered
            .as_ref()
            .map(|Offered { number, keys }| OfferedKeys { number: *number, public_keys: keys.public() })
    }

    fn pairs(&self) -> impl Iterator<Item = &KeyPairs> {
        [&self.spare, &self.spare_before, &self.replaced]
            .into_iter()
            .chain(self.offered.as_ref().map(|offered| &offered.keys))
    }
}

impl Identity {
    /// The private half of a key of ours.
    pub fn private(&self, public_key: PublicKey) -> Option<&PrivateKey> {
        let all = self.keys.private().iter().chain(self.keyring.pairs().flat_map(KeyPairs::private));
        all.into_iter().find(|key| key.public_key() == public_key)
    }

    /// The public halves of all keys of ours.
    pub fn public_keys(&self) -> impl Iterator<Item = PublicKey> {
        self.keys.public().into_iter().chain(self.keyring.pairs().flat_map(KeyPairs::public))
    }

    /// Whether a key is, or was, or may become that of an uplink.
    pub fn is_of_uplink(&self, index: usize, public_key: PublicKey) -> bool {
        let offered = self.keyring.offered.as_ref().map(|offered| &offered.keys);
        let mut sets = [&self.keys, &self.keyring.replaced].into_iter().chain(offered);
        sets.any(|keys| keys.public().get(index) == Some(&public_key))
    }

    /// Makes the keys of a rotation, unless they are there. True if something was changed.
    pub fn offer_keys(&mut self, number: u32, make: Source<'_>) -> bool {
        if self.keyring.offered.as_ref().is_some_and(|offered| offered.number == number) {
            return false;
        }
        let keys: Option<Vec<PrivateKey>> = (0..MAX_UPLINKS).map(|_| make()).collect();
        let Some(keys) = keys else { return false };
        self.keyring.offered = Some(Offered { number, keys: KeyPairs::new(keys) });
        true
    }

    /// Takes over offered keys that `running` has, forgets keys that no bundle in `kept` has any more, and makes what is
    /// missing. True if something was changed.
    pub fn settle_keys(&mut self, running: Option<&Content>, kept: &[Content], make: Source<'_>) -> bool {
        let before = (self.keys.clone(), self.keyring.clone());
        let uses = |content: &Content, keys: &KeyPairs| {
            let keys = keys.public();
            content.uplinks.iter().any(|uplink| keys.contains(&uplink.public_key))
        };
        if let (Some(running), Some(offered)) = (running, &self.keyring.offered)
            && uses(running, &offered.keys)
        {
            self.keyring.replaced = std::mem::replace(&mut self.keys, offered.keys.clone());
            self.keyring.offered = None;
        }
        if !kept.iter().chain(running).any(|content| uses(content, &self.keyring.replaced)) {
            self.keyring.replaced = KeyPairs::default();
        }
        let spare_key = self.keyring.spare_key();
        let has_spare = |content: &Content| content.spare.as_ref().map(|spare| spare.public_key) == spare_key;
        match running.is_some_and(has_spare) {
            true => self.keyring.spare_used = true,
            false if self.keyring.spare_used => {
                self.keyring.spare_before = std::mem::take(&mut self.keyring.spare);
                self.keyring.spare_used = false;
            }
            false => {}
        }
        if self.keyring.spare_key().is_none() {
            self.keyring.spare = KeyPairs::new(make().into_iter().collect());
        }
        before != (self.keys.clone(), self.keyring.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::fakes::Lab;

    #[test]
    fn keys_live_as_long_as_a_bundle_has_them() {
        let lab = Lab::new();
        let (mut identity, content) = (lab.identity(), lab.open_content());
        let count = Cell::new(100);
        let make = || {
            count.set(count.get() + 1);
            Some(PrivateKey::new([count.get(); 32]))
        };
        let old = identity.keys.public();
        assert!(identity.settle_keys(None, &[], &make));
        let spare = identity.keyring.spare_key();
        assert!(spare.is_some() && !identity.settle_keys(None, &[], &make), "one is enough");
        assert!(identity.offer_keys(2, &make) && !identity.offer_keys(2, &make));
        let new = identity.keyring.offered().unwrap().public_keys;
        assert!(new.len() == 4 && new != old && identity.is_of_uplink(0, new[0]) && identity.is_of_uplink(0, old[0]));
        assert!(!identity.settle_keys(Some(&content), std::slice::from_ref(&content), &make), "nothing uses them yet");

        let (mut moved, mut re_keyed) = (content.clone(), content.clone());
        let far = patronus_types::bundle::Spare {
            public_key: spare.unwrap(),
            port: 1,
            local: 0,
            carries: true,
            peers: Vec::new(),
        };
        moved.spare = Some(far);
        re_keyed.spare = moved.spare.clone();
        re_keyed.uplinks[0].public_key = new[0];
        identity.settle_keys(Some(&moved), &[content.clone(), moved.clone()], &make);
        assert!(identity.settle_keys(Some(&re_keyed), &[moved.clone(), re_keyed.clone()], &make));
        assert_eq!((identity.keys.public(), identity.keyring.offered()), (new.clone(), None));
        assert!(identity.private(old[0]).is_some(), "the bundle before may come back");
        re_keyed.spare = None;
        assert!(identity.settle_keys(Some(&re_keyed), &[moved, re_keyed.clone()], &make));
        assert!(identity.keyring.spare_key().is_some_and(|key| Some(key) != spare), "each use has another");
        assert!(
            identity.private(spare.unwrap()).is_some(),
            "the bundle before has it, and the server knows no other yet"
        );
        assert!(identity.settle_keys(Some(&re_keyed), std::slice::from_ref(&re_keyed), &make));
        assert!(identity.private(old[0]).is_none());
    }

    #[test]
    fn without_randomness_nothing_is_offered() {
        let mut identity = Lab::new().identity();
        assert!(!identity.offer_keys(2, &|| None) && !identity.settle_keys(None, &[], &|| None));
        assert_eq!((identity.keyring.spare_key(), identity.keyring.offered()), (None, None));
    }
}
