//! A snapshot of everything of one network on this host.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use rtnetlink::Handle;

use super::error::Result;
use super::link::{self, ALIAS, Link};
use super::model::{Driver, Observed, Owner, Route, Target, Tunnel, class_of_route};
use super::nft::Nft;
use super::sysctl::Setting;
use super::wireguard::Wireguard;
use super::{address, route, rule};

/// Looks at everything of the owner's and at nothing else.
pub(super) async fn observe(netlink: &Handle, wireguard: &Wireguard, nft: &Nft, owner: &Owner) -> Result<Observed> {
    let links = link::all(netlink).await?;
    let (tunnels, foreign) = split(&links, owner);
    let addresses = address::all(netlink).await?;
    let mut observed = Observed {
        tunnels: BTreeMap::new(),
        foreign,
        routes: BTreeSet::new(),
        twins: BTreeSet::new(),
        rules: rule::ours(netlink, owner).await?,
        firewall: nft.read(owner).await,
        sysctls: sysctls(&links)?,
    };
    for (link, driver) in tunnels {
        let addresses = addresses.get(&link.index).into_iter().flatten().map(IpNet::addr).collect();
        let tunnel = Tunnel {
            index: link.index,
            driver,
            mtu: link.mtu,
            up: link.up,
            addresses,
            rp_filter: Setting::RpFilter(link.name.clone()).read()?.and_then(|value| value.parse().ok()),
            wireguard: wireguard.read(link).await.map_err(|error| error.to_string()),
        };
        observed.tunnels.insert(link.name.clone(), tunnel);
    }
    for route in route::ours(netlink, &links).await? {
        sort_in(&mut observed, owner, route);
    }
    Ok(observed)
}

/// The owner's tunnels, and the names of interfaces that only look like them.
fn split<'a>(links: &'a BTreeMap<u32, Link>, owner: &Owner) -> (Vec<(&'a Link, Driver)>, BTreeSet<String>) {
    let alias = owner.alias();
    let (ours, others): (Vec<&Link>, Vec<&Link>) =
        links.values().partition(|link| link.alias.as_ref() == Some(&alias) && link.driver.is_some());
    let prefix = owner.interface_prefix();
    let foreign = others.into_iter().filter(|link| link.name.starts_with(&prefix)).map(|link| link.name.clone());
    (ours.into_iter().filter_map(|link| Some((link, link.driver?))).collect(), foreign.collect())
}

/// The settings outside our own interfaces that a plan may change.
fn sysctls(links: &BTreeMap<u32, Link>) -> Result<BTreeMap<String, String>> {
    let devices = links.values().filter(|link| link.alias.as_ref().is_none_or(|alias| !alias.starts_with(ALIAS)));
    let arp = devices.flat_map(|link| [Setting::ArpIgnore(link.name.clone()), Setting::ArpAnnounce(link.name.clone())]);
    let mut values = BTreeMap::new();
    for setting in arp.chain([Setting::ReservedPorts]) {
        // A link may have gone meanwhile, and a name that we would not write to is not read either.
        if let (Ok(path), Ok(Some(value))) = (setting.path(), setting.read()) {
            values.insert(path, value);
        }
    }
    Ok(values)
}

fn sort_in(observed: &mut Observed, owner: &Owner, route: Route) {
    let over_tunnel = route.device().is_some_and(|device| observed.tunnels.contains_key(device));
    if over_tunnel || owner.uplink_tables().contains(&route.table) {
        observed.routes.insert(route);
    } else if route.target == Target::Unreachable && (route.table == Route::MAIN || class_of_route(&route).is_some()) {
        observed.twins.insert(route);
    }
}
