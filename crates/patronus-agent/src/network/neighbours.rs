//! The other networks of this host, as far as this one must keep out of their way.

use std::collections::BTreeMap;

use patronus_core::apply::overlap;
use patronus_types::Digest;
use patronus_types::bundle::Content;

use crate::state::Home;

/// What was found when the others were last looked at, by what they and this one ran then: bundles are long, and change
/// seldom.
#[derive(Debug, Default)]
pub(super) struct Neighbours(BTreeMap<(Digest, Digest), Option<String>>);

impl Neighbours {
    /// What of a bundle is in the way of what the other networks run, in words that name them.
    pub(super) fn overlaps(&mut self, home: &Home, digest: Digest, content: &Content) -> Vec<String> {
        let mut seen = BTreeMap::new();
        for other in home.siblings() {
            let Some(theirs) = other.current() else { continue };
            let known = self.0.remove(&(digest, theirs));
            seen.insert((digest, theirs), known.unwrap_or_else(|| compare(content, &other, theirs)));
        }
        self.0 = seen;
        self.0.values().flatten().cloned().collect()
    }
}

/// A neighbour that cannot be read says so in its own status.
fn compare(content: &Content, other: &Home, digest: Digest) -> Option<String> {
    let (_, theirs) = other.load(digest).ok()??;
    overlap(content, &theirs.network.name, &theirs)
}
