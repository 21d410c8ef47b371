//! What a bundle cannot know of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use patronus_core::apply::{Facts, Sessions};
use patronus_types::Host;
use patronus_types::bundle::Content;
use tokio::time::Instant;

use super::{ConvergeError, Site};
use crate::world::World;

/// How long an address is taken for a name's.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// The addresses of names. One that cannot be resolved now keeps the address it had.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    addresses: BTreeMap<String, IpAddr>,
    at: Option<Instant>,
}

impl Resolved {
    /// The addresses by name.
    pub fn addresses(&self) -> BTreeMap<String, IpAddr> {
        self.addresses.clone()
    }

    /// Resolves what is unknown, and everything when it is old.
    pub(super) async fn refresh(&mut self, world: &World, contents: &[&Content]) {
        let names = names(contents);
        let old = self.at.is_none_or(|at| at.elapsed() >= FRESH);
        let wanted: Vec<&String> = names.iter().filter(|name| old || !self.addresses.contains_key(*name)).collect();
        if old {
            self.at = Some(Instant::now());
        }
        let found = futures_util::future::join_all(wanted.iter().map(|name| world.names.resolve(name))).await;
        for (name, addresses) in wanted.into_iter().zip(found) {
            let kept = self.addresses.get(name).filter(|address| addresses.contains(address)).copied();
            if let Some(address) = kept.or(addresses.first().copied()) {
                self.addresses.insert(name.clone(), address);
            }
        }
        self.addresses.retain(|name, _| names.contains(name));
    }
}

/// The facts, with the addresses of names as they were when they were last used.
pub(super) async fn facts(site: Site<'_>, contents: &[&Content], resolved: &Resolved) -> Result<Facts, ConvergeError> {
    let device = &site.world.device;
    let mut links = BTreeMap::new();
    let named = contents.iter().flat_map(|content| content.uplinks.iter().filter_map(|uplink| uplink.device.as_ref()));
    for name in named.collect::<BTreeSet<_>>() {
        if let Some(link) = device.host_link(name).await? {
            links.insert(name.clone(), link);
        }
    }
    Ok(Facts {
        owner: *site.owner,
        driver: device.driver(),
        ipv6: site.world.host.has_ipv6(),
        keys: site.identity.public_keys().collect(),
        links,
        resolved: resolved.addresses(),
        sessions: Sessions::new(),
        deaf: Sessions::new(),
    })
}

fn names(contents: &[&Content]) -> BTreeSet<String> {
    let peers = contents.iter().flat_map(|content| &content.peers);
    let endpoints = peers.flat_map(|peer| peer.uplinks.iter().filter_map(|uplink| uplink.endpoint.as_ref()));
    let spare = contents.iter().filter_map(|content| content.spare.as_ref()).flat_map(|spare| &spare.peers);
    let endpoints = endpoints.chain(spare.filter_map(|peer| peer.endpoint.as_ref()));
    let dns = endpoints.filter_map(|endpoint| match &endpoint.host {
        Host::Dns(name) => Some(name.clone()),
        Host::Address(_) => None,
    });
    dns.collect()
}
