//! Numbers of classes on one host, 1 to 255, which flows carry in their marks.
//!
//! A number is not given to another class while flows may carry it: one that is no longer used is retired, and free only when
//! somebody has looked and no flow has it.

use std::collections::{BTreeMap, BTreeSet};

use patronus_types::Digest;
use patronus_types::policy::{Action, Route, Rule};
use serde::{Deserialize, Serialize};

use super::compile::classes;
use crate::digest::sha256;

/// What has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The network's number on the host.
    pub network: u8,
    /// What the class is.
    pub key: Digest,
}

/// All numbers of a host. It is kept on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    held: BTreeMap<u8, Holder>,
    retired: BTreeMap<u8, Holder>,
}

/// There are not enough numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{needed} more classes are needed on this host and {free} numbers are free: use fewer different routes in policies"
)]
pub struct Full {
    /// So many were needed.
    pub needed: usize,
    /// So many there are.
    pub free: usize,
}

impl Ids {
    /// The numbers of a network's classes, in their order. A class that had one keeps it, also when it was retired; those of
    /// classes that are not there any more are retired.
    ///
    /// # Errors
    /// When there are not enough; nothing has changed then.
    pub fn assign(&mut self, network: u8, keys: &[Digest]) -> Result<Vec<u8>, Full> {
        let known = |table: &BTreeMap<u8, Holder>, key: &Digest| {
            let holder = Holder { network, key: *key };
            table.iter().find(|(_, it)| **it == holder).map(|(id, _)| *id)
        };
        let had: Vec<Option<u8>> =
            keys.iter().map(|key| known(&self.held, key).or_else(|| known(&self.retired, key))).collect();
        let needed = had.iter().filter(|id| id.is_none()).count();
        let free: Vec<u8> =
            (1..=u8::MAX).filter(|id| !self.held.contains_key(id) && !self.retired.contains_key(id)).collect();
        if needed > free.len() {
            return Err(Full { needed, free: free.len() });
        }
        let mut free = free.into_iter();
        let ids: Vec<u8> = had.into_iter().filter_map(|id| id.or_else(|| free.next())).collect();
        let others: Vec<u8> = self.of(network).filter(|id| !ids.contains(id)).collect();
        for id in others {
            self.retired.extend(self.held.remove(&id).map(|holder| (id, holder)));
        }
        for (id, key) in ids.iter().zip(keys) {
            self.retired.remove(id);
            self.held.insert(*id, Holder { network, key: *key });
        }
        Ok(ids)
    }

    /// No flow carries a retired number any more: it is free.
    pub fn release(&mut self, id: u8) {
        self.retired.remove(&id);
    }

    /// The numbers that are not used and not free either.
    pub fn retired(&self) -> impl Iterator<Item = u8> + '_ {
        self.retired.keys().copied()
    }

    /// The numbers that a network uses, and those that it used and nobody has been given since.
    pub fn known_of(&self, network: u8) -> BTreeSet<u8> {
        let all = self.held.iter().chain(&self.retired);
        all.filter(|(_, holder)| holder.network == network).map(|(id, _)| *id).collect()
    }

    /// The numbers that a network uses.
    pub fn of(&self, network: u8) -> impl Iterator<Item = u8> + '_ {
        self.held.iter().filter(move |(_, holder)| holder.network == network).map(|(id, _)| *id)
    }
}

/// What tells one class of a network from another: those of [`classes`] in their order, and last that of flows which the
/// default took.
///
/// A flow keeps the number it was given, so the number must go where what it was given could be wrong: that of the default
/// with every change of the rules; those of routes with every change too where anything is dropped or limited, since that may
/// concern their flows as well.
pub fn keys(rules: &[Rule]) -> Vec<Digest> {
    let all = text(&rules);
    let bars = |rule: &Rule| !matches!(rule.action, Action::Route(_));
    let epoch = if rules.iter().any(bars) { all.as_str() } else { "" };
    let of = |route: &Route| sha256(format!("{}\n{epoch}", text(route)).as_bytes());
    classes(rules).into_iter().map(of).chain([sha256(format!("default\n{all}").as_bytes())]).collect()
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(number: u32) -> Digest {
        sha256(&number.to_be_bytes())
    }

    fn rules(json: &str) -> Vec<Rule> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_class_keeps_its_number_and_a_number_its_class() {
        let mut ids = Ids::default();
        assert_eq!(ids.assign(0, &[key(1), key(2)]), Ok(vec![1, 2]));
        assert_eq!(ids.assign(7, &[key(1)]), Ok(vec![3]), "another network's");
        assert_eq!(ids.assign(0, &[key(2), key(3)]), Ok(vec![2, 4]));
        assert_eq!(ids.retired().collect::<Vec<_>>(), [1]);
        assert_eq!(ids.assign(0, &[key(1), key(2)]), Ok(vec![1, 2]), "it comes back");
        assert_eq!(ids.retired().collect::<Vec<_>>(), [4]);
        ids.release(4);
        assert_eq!(ids.assign(0, &[key(1), key(9)]), Ok(vec![1, 4]));
        let json = serde_json::to_string(&ids).unwrap();
        assert_eq!(serde_json::from_str::<Ids>(&json).unwrap(), ids);
    }

    #[test]
    fn what_is_full_changes_nothing() {
        let mut ids = Ids::default();
        let many: Vec<Digest> = (0..255).map(key).collect();
        assert_eq!(ids.assign(0, &many).unwrap().last(), Some(&255));
        let before = ids.clone();
        assert_eq!(ids.assign(1, &[key(1)]), Err(Full { needed: 1, free: 0 }));
        assert_eq!(ids, before);
    }

    #[test]
    fn routes_keep_their_numbers_unless_something_is_barred() {
        let route = r#"{"name": "a", "dst": ["10.1.0.0/16"], "action": {"route": {"prefer": ["fiber"]}}}"#;
        let other = r#"{"name": "b", "dst": ["10.2.0.0/16"], "action": {"route": {"prefer": ["lte"]}}}"#;
        let drop = r#"{"name": "c", "dst": ["10.3.0.0/16"], "action": "drop"}"#;
        let of = |list: &[&str]| keys(&rules(&format!("[{}]", list.join(","))));
        let (one, two, barred) = (of(&[route]), of(&[route, other]), of(&[route, drop]));
        assert_eq!((one.len(), two.len(), barred.len()), (2, 3, 2));
        assert!(two.contains(&one[0]) && !two.contains(&one[1]), "the default's flows are looked at again");
        assert!(!barred.contains(&one[0]));
        assert_ne!(of(&[drop, route])[0], barred[0], "order matters");
    }

    proptest! {
        #[test]
        fn no_number_changes_hands_unless_it_was_released(steps in prop::collection::vec((0u8..3, prop::collection::btree_set(0u32..40, 0..12), any::<bool>()), 1..40)) {
            let mut ids = Ids::default();
            let mut carried: BTreeMap<u8, Holder> = BTreeMap::new();
            for (network, wanted, look) in steps {
                let keys: Vec<Digest> = wanted.into_iter().map(key).collect();
                for (id, key) in ids.assign(network, &keys).unwrap().into_iter().zip(&keys) {
                    let holder = Holder { network, key: *key };
                    prop_assert_eq!(*carried.entry(id).or_insert(holder), holder);
                }
                if look && let Some(id) = ids.clone().retired().next() {
                    ids.release(id);
                    carried.remove(&id);
                }
            }
        }
    }
}
