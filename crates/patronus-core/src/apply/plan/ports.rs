//! UDP ports move between tunnels only when they are free.

use std::collections::BTreeMap;

use super::{Plan, Step};

/// The ports that the network's devices hold while the plan is carried out.
pub(super) struct Ports(pub(super) BTreeMap<String, u16>);

impl Ports {
    /// Who else has a port.
    fn holder(&self, port: u16, not: &str) -> Option<String> {
        self.0.iter().find(|(name, held)| **held == port && name.as_str() != not).map(|(name, _)| name.clone())
    }

    /// The next of the tunnels that can have its port now. Where each waits for another, one lets go of its port first:
    /// it takes any free one and is reached there, since it sends.
    pub(super) fn next(&mut self, plan: &mut Plan, waiting: &mut Vec<(String, u16)>) -> Option<String> {
        let free = waiting.iter().position(|(name, port)| self.holder(*port, name).is_none());
        let place = match free {
            Some(place) => place,
            None => {
                let (name, port) = waiting.first()?;
                while let Some(holder) = self.holder(*port, name) {
                    self.0.remove(&holder);
                    plan.apply.push(Step::ChangeWireguard {
                        interface: holder,
                        key: None,
                        port: Some(0),
                        peers: Vec::new(),
                    });
                }
                0
            }
        };
        let (name, port) = waiting.remove(place);
        self.0.insert(name.clone(), port);
        Some(name)
    }
}
