//! The numbers of classes of traffic on this host, whichever network's: a flow carries one in its mark.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use patronus_core::policy::{Full, Ids, keys};
use patronus_types::bundle::Content;

use super::{StateError, read_json, write_json};

/// Networks are tasks of one process, and the numbers are one file.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a network's classes are called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassIds {
    /// Those of a content's classes in their order, and last that of what has none; empty where it has no policies.
    pub ids: Vec<u8>,
    /// All that the network ever had and that may be in the kernel still.
    pub own: BTreeSet<u8>,
}

/// Why classes have no numbers.
#[derive(Debug, thiserror::Error)]
pub enum NoIds {
    /// There are too few.
    #[error(transparent)]
    Full(#[from] Full),
    /// They could not be noted.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The file.
#[derive(Debug, Clone)]
pub struct Classes {
    path: PathBuf,
}

impl Classes {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Numbers the classes of a content, which are on the disk before anything carries them. `used` are those that flows
    /// have: a number that no class has any more and no flow carries is free again. Nothing is known of flows without it.
    pub fn assign(
        &self,
        network: u8,
        content: Option<&Content>,
        used: Option<&BTreeSet<u8>>,
    ) -> Result<ClassIds, NoIds> {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ids = self.read();
        if let Some(used) = used {
            let free: Vec<u8> = ids.retired().filter(|id| !used.contains(id)).collect();
            free.into_iter().for_each(|id| ids.release(id));
        }
        let before = ids.clone();
        let assigned = assign(&mut ids, network, content)?;
        if ids != before {
            write_json(&self.path, &ids)?;
        }
        Ok(assigned)
    }

    /// The same without anybody getting a number.
    pub fn foresee(&self, network: u8, content: &Content) -> Result<ClassIds, NoIds> {
        Ok(assign(&mut self.read(), network, Some(content))?)
    }

    /// What cannot be read is nothing: at worst a flow keeps a path that another policy gave it.
    fn read(&self) -> Ids {
        read_json(&self.path).ok().flatten().unwrap_or_default()
    }
}

fn assign(ids: &mut Ids, network: u8, content: Option<&Content>) -> Result<ClassIds, Full> {
    let rules = content.map(|content| content.policies.as_slice()).unwrap_or_default();
    let keys = if rules.is_empty() { Vec::new() } else { keys(rules) };
    let assigned = ids.assign(network, &keys)?;
    Ok(ClassIds { ids: assigned, own: ids.known_of(network) })
}

#[cfg(test)]
mod tests {
    use patronus_types::policy::Rule;

    use super::*;
    use crate::fakes::Lab;

    fn content(rules: &str) -> Content {
        let policies: Vec<Rule> = serde_json::from_str(rules).unwrap();
        Content { policies, ..Lab::new().open_content() }
    }

    #[test]
    fn numbers_are_kept_and_given_anew_only_when_no_flow_carries_them() {
        let folder = tempfile::tempdir().unwrap();
        let classes = Classes::new(folder.path().join("classes.json"));
        let lte = content(r#"[{"name": "a", "action": {"route": {"prefer": ["lte"]}}}]"#);
        let first = classes.assign(0, Some(&lte), None).unwrap();
        assert_eq!((first.ids.as_slice(), first.own.len()), (&[1, 2][..], 2));
        assert_eq!(classes.assign(1, Some(&lte), None).unwrap().ids, [3, 4], "another network");
        let none = classes.assign(0, None, None).unwrap();
        assert_eq!((none.ids.len(), none.own), (0, BTreeSet::from([1, 2])), "they may be in the kernel still");
        let fiber = content(r#"[{"name": "a", "action": {"route": {"prefer": ["fiber"]}}}]"#);
        assert_eq!(classes.foresee(0, &fiber).unwrap().ids, [5, 6]);
        let again = classes.assign(0, Some(&fiber), Some(&BTreeSet::from([2]))).unwrap();
        assert_eq!(again.ids, [1, 5], "a flow has 2");
        std::fs::write(folder.path().join("classes.json"), "{").unwrap();
        assert_eq!(classes.assign(0, Some(&lte), None).unwrap().ids, [1, 2], "it begins anew");
    }
}
