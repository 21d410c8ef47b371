//! What somebody on this host has ordered, against what the server says.

use serde::{Deserialize, Serialize};

/// The orders of one network. They outlive the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Orders {
    /// Nothing that the server names is applied.
    pub paused: bool,
    /// A version that was left by a revert: it and what is older is not applied again.
    pub left: Option<u64>,
    /// The highest version that was brought as a file.
    pub by_hand: Option<u64>,
}

/// What can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// To apply nothing that the server names.
    Pause,
    /// To go on as the server says.
    Resume,
}

impl Orders {
    /// The same after one more order.
    #[must_use]
    pub fn with(self, order: Order) -> Self {
        match order {
            Order::Pause => Self { paused: true, ..self },
            Order::Resume => Self { paused: false, left: None, ..self },
        }
    }

    /// The version that was left, where `running` is what a revert went back to. Once something newer runs, nothing is held.
    pub fn held(&self, running: Option<u64>) -> Option<u64> {
        self.left.filter(|left| running.is_none_or(|running| running < *left))
    }

    /// Whether `version` was left, or is older than what was left.
    pub fn forbids(&self, version: u64) -> bool {
        self.left.is_some_and(|left| version <= left)
    }

    /// The same once `version` was brought as a file.
    #[must_use]
    pub fn brought(self, version: u64) -> Self {
        Self { by_hand: self.by_hand.max(Some(version)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_holds_what_was_left_and_what_is_older() {
        let orders = Orders { left: Some(5), ..Orders::default() };
        for (version, forbidden) in [(4, true), (5, true), (6, false)] {
            assert_eq!(orders.forbids(version), forbidden, "{version}");
        }
        for (running, held) in [(None, true), (Some(4), true), (Some(5), false), (Some(6), false)] {
            assert_eq!(orders.held(running).is_some(), held, "{running:?}");
        }
        assert!(!Orders::default().forbids(0) && Orders::default().held(None).is_none());
    }

    #[test]
    fn the_highest_that_was_brought_is_kept() {
        let orders = Orders::default().brought(7).brought(5);
        assert_eq!(orders.by_hand, Some(7));
        assert_eq!(serde_json::from_str::<Orders>("{}").unwrap(), Orders::default());
    }
}
