//! What somebody on this host has ordered, against what the server says.

use patronus_types::Name;
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

    /// What one more order does in a network that runs a version, said so that nothing is claimed that was so already.
    pub fn effect(&self, order: Order, network: &Name, running: Option<u64>) -> String {
        match (order, self.paused, self.held(running)) {
            (Order::Pause, true, _) => format!("network {network} is paused here already"),
            (Order::Pause, false, _) => format!(
                "network {network} is paused here: what runs stays, and nothing that the server names is applied until \
                 `patronus-agent resume`"
            ),
            (Order::Resume, false, None) => {
                format!("network {network} was not paused here: it applies what the server names, as before")
            }
            (Order::Resume, true, None) => {
                format!("network {network} is not paused any more: it applies what the server names")
            }
            (Order::Resume, _, Some(left)) => format!(
                "network {network} applies what the server names, also version {left}, which was left by a revert here"
            ),
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
    fn an_order_says_what_it_does() {
        let network = "net".parse().unwrap();
        let said = |orders: Orders, order| orders.effect(order, &network, Some(4));
        let (paused, left) = (Orders::default().with(Order::Pause), Orders { left: Some(5), ..Orders::default() });
        assert!(said(Orders::default(), Order::Pause).contains("until `patronus-agent resume`"));
        assert_eq!(said(paused, Order::Pause), "network net is paused here already");
        assert!(said(Orders::default(), Order::Resume).contains("was not paused here"));
        assert!(said(paused, Order::Resume).contains("is not paused any more"));
        assert!(said(left, Order::Resume).contains("also version 5, which was left"));
        let overtaken = Orders { left: Some(3), ..Orders::default() };
        assert!(said(overtaken, Order::Resume).contains("was not paused here"));
    }

    #[test]
    fn the_highest_that_was_brought_is_kept() {
        let orders = Orders::default().brought(7).brought(5);
        assert_eq!(orders.by_hand, Some(7));
        assert_eq!(serde_json::from_str::<Orders>("{}").unwrap(), Orders::default());
    }
}
