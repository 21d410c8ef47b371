//! Agents that are wrong on purpose: each invariant has one that it finds.

use std::collections::HashSet;

/// What is wrong with an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// It never leaves the path that it took first.
    Stubborn,
    /// It goes to another path and back without a cause.
    Restless,
    /// It has figures of paths on which it has heard nothing.
    Inventive,
    /// It tells of half the latency.
    Optimist,
    /// It takes the path that a hash map names first.
    Fickle,
}

type Uplinks = (u8, u8);

impl Defect {
    /// The route that it sets in place of the right one, knowing the one that is set; none where it leaves that.
    pub fn choose(&mut self, known: Option<Option<Uplinks>>, right: Option<Uplinks>) -> Option<Option<Uplinks>> {
        match (self, known) {
            (Self::Stubborn, Some(_)) => None,
            (Self::Fickle, Some(_)) => Some(HashSet::from([(0, 0), (0, 1), (1, 0), (1, 1)]).into_iter().next()),
            _ => Some(right),
        }
    }
}
