//! The journal of a change: what the host is on its way to, and how far it has come.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use patronus_core::apply::change::Record;
use patronus_core::apply::model::Observed;
use patronus_types::{Digest, PublicKey};
use serde::{Deserialize, Serialize};

/// Written before the first step and again at each turn; removed when the change has ended. Found at a start, it says that
/// the agent ended in the middle, and that the kernel may hold some of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The version.
    pub version: u64,
    /// Its bundle.
    pub digest: Digest,
    /// The bundle that ran before.
    pub before: Option<Digest>,
    /// How far it has come.
    pub record: Record,
}

/// What a bundle does not say of how it was before a change. On the disk before the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Where peers were reached, as learnt, by interface.
    pub endpoints: BTreeMap<String, BTreeMap<PublicKey, SocketAddr>>,
    /// The host's own settings, by path below `/proc/sys`.
    pub settings: BTreeMap<String, String>,
}

impl Snapshot {
    /// What is to be kept of how it is.
    pub fn of(observed: &Observed) -> Self {
        let endpoints = observed.tunnels.iter().filter_map(|(name, tunnel)| {
            let peers = &tunnel.wireguard.as_ref().ok()?.peers;
            let known = peers.iter().filter_map(|(key, peer)| Some((*key, peer.endpoint?)));
            Some((name.clone(), known.collect()))
        });
        Self { endpoints: endpoints.collect(), settings: observed.sysctls.clone() }
    }
}
