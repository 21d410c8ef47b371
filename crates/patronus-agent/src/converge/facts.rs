//! What a bundle cannot know of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use patronus_core::apply::{Facts, Sessions};
use patronus_core::path::PORT_OFFSET;
use patronus_types::Host;
use patronus_types::bundle::Content;
use tokio::time::Instant;

use super::{ConvergeError, Site};
use crate::world::World;

/// How long an address is taken for a name's.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The same while nothing comes by some path: it may lead to where the site was.
const DOUBTED: Duration = Duration::from_secs(20);

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

    /// Whether there are names at all.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Resolves what is unknown, and everything when it is old.
    pub(super) async fn refresh(&mut self, world: &World, contents: &[&Content], doubted: bool) {
        let names = names(contents);
        let fresh = if doubted { DOUBTED } else { FRESH };
        let old = self.at.is_none_or(|at| at.elapsed() >= fresh);
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
        chosen: Default::default(),
        class_ids: Vec::new(),
        mark_shift: site.world.mark_shift,
        probe_port: site.identity.port_base.saturating_add(PORT_OFFSET),
    })
}

/// The uplinks whose device is not there, by index.
pub(super) fn missing(content: &Content, facts: &Facts) -> Vec<u8> {
    let gone = |device: &Option<String>| device.as_ref().is_some_and(|device| !facts.links.contains_key(device));
    let all = (0u8..).zip(&content.uplinks);
    all.filter(|(_, uplink)| gone(&uplink.device)).map(|(index, _)| index).collect()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::advance;

    use super::*;
    use crate::fakes::{FakeNames, Lab};

    #[tokio::test(start_paused = true)]
    async fn names_are_looked_up_by_age_and_sooner_where_nothing_comes_by_a_path() {
        let lab = Lab::new();
        let names = Arc::new(FakeNames::default());
        let world = World { names: Arc::clone(&names) as _, ..lab.world() };
        let mut content = lab.open_content();
        content.peers[0].uplinks[0].endpoint = Some("far.example:51820".parse().unwrap());
        let mut resolved = Resolved::default();
        assert!(resolved.is_empty());
        let moves_to = |last: u8| {
            let address: IpAddr = [192, 0, 2, last].into();
            names.0.lock().unwrap().insert("far.example".to_owned(), address);
            address
        };
        let first = moves_to(1);
        resolved.refresh(&world, &[&content], false).await;
        let second = moves_to(2);
        advance(DOUBTED).await;
        resolved.refresh(&world, &[&content], false).await;
        assert_eq!(resolved.addresses()["far.example"], first, "a path that works is left alone");
        resolved.refresh(&world, &[&content], true).await;
        assert_eq!(resolved.addresses()["far.example"], second);
        let third = moves_to(3);
        advance(FRESH).await;
        resolved.refresh(&world, &[&content], false).await;
        assert_eq!(resolved.addresses()["far.example"], third);
    }
}
