//! The host's own links, as far as uplinks need them: addresses, gateways, MTU. They are read and never changed.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use rtnetlink::Handle;

use super::error::Result;
use super::link::{self, ALIAS, Link};
use super::model::{HostLink, HostRoute};
use super::{address, route};

/// One link of the host; none if there is no such device.
pub(super) async fn link(netlink: &Handle, name: &str) -> Result<Option<HostLink>> {
    let Some(link) = link::find(netlink, name).await? else { return Ok(None) };
    let addresses = address::all(netlink).await?.remove(&link.index).unwrap_or_default();
    let routes = route::of_host_link(netlink, link.index).await?;
    Ok(Some(host_link(link, addresses, routes)))
}

/// All links of the host, by name, without those that carry a network's alias.
pub(super) async fn links(netlink: &Handle) -> Result<BTreeMap<String, HostLink>> {
    let mut addresses = address::all(netlink).await?;
    let mut links = BTreeMap::new();
    for (index, link) in link::all(netlink).await? {
        if link.alias.as_ref().is_some_and(|alias| alias.starts_with(ALIAS)) {
            continue;
        }
        let routes = route::of_host_link(netlink, index).await?;
        links.insert(link.name.clone(), host_link(link, addresses.remove(&index).unwrap_or_default(), routes));
    }
    Ok(links)
}

fn host_link(link: Link, addresses: BTreeSet<IpNet>, routes: BTreeSet<HostRoute>) -> HostLink {
    HostLink { name: link.name, index: link.index, running: link.running, mtu: link.mtu, addresses, routes }
}
