//! What earlier applies have put on the host and the kernel cannot tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use patronus_types::PublicKey;

use crate::apply::Desired;
use crate::apply::model::{Route, class_of_rule};

/// The traces of earlier applies: made again from the bundles that have run, so it need not be stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// `unreachable` routes in `main`. They name no device, so the kernel does not say whose they are.
    pub twins: BTreeSet<Route>,
    /// Endpoints as they were set, by interface and peer. What the device holds now may have been learnt since.
    pub endpoints: BTreeMap<(String, PublicKey), SocketAddr>,
    /// The numbers of the network's classes, those that are no longer used included.
    pub classes: BTreeSet<u8>,
}

impl Memory {
    /// What remains of one desired state that has been applied, or begun to be.
    pub fn of(desired: &Desired) -> Self {
        let mut memory = Self::default();
        memory.add(desired);
        memory
    }

    /// Adds a later one, for a host that may be between both.
    pub fn add(&mut self, desired: &Desired) {
        self.twins.extend(desired.twins.iter().cloned());
        self.classes.extend(desired.rules.iter().filter_map(class_of_rule));
        for (interface, tunnel) in &desired.tunnels {
            for (key, peer) in &tunnel.peers {
                self.endpoints.extend(peer.endpoint.map(|endpoint| ((interface.clone(), *key), endpoint)));
            }
        }
    }
}
