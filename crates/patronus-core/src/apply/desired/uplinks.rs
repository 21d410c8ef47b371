//! Each uplink's outer packets leave by it and by no other: a rule for its ports, one for its addresses, and a table that
//! ends in `unreachable`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;
use patronus_types::bundle::{Content, LocalUplink};

use super::Desired;
use crate::apply::Facts;
use crate::apply::model::{Family, HostLink, Route, Rule, Selector, Via};

/// Metric of the last route of an uplink table.
const LAST_METRIC: u32 = u32::MAX;
/// What a tunnel adds to each packet, IPv6 outside.
const OVERHEAD: u32 = 80;
/// Ports that belong to one uplink.
const PORTS: u16 = 4;

pub(super) fn add(desired: &mut Desired, content: &Content, facts: &Facts) {
    let mut links = Vec::new();
    for (index, uplink) in (0u8..).zip(&content.uplinks) {
        // Without a device it follows the host's `main`; it is then the only one.
        let (Some(device), Some(ports)) = (&uplink.device, ports(content, index)) else { continue };
        let link = facts.links.get(device);
        rules(desired, facts, index, (&ports, link));
        if let Some(spare) = content.spare.as_ref().filter(|spare| spare.local == index) {
            port_rules(desired, facts, facts.owner.spare_rule_priority(), (&(spare.port..=spare.port), index));
        }
        table(desired, facts, index, (uplink, link));
        warn(desired, content, (uplink, link));
        links.extend(link);
    }
    sysctls(desired, &links);
}

/// What will not work by this uplink, whatever the far end does.
fn warn(desired: &mut Desired, content: &Content, (uplink, link): (&LocalUplink, Option<&HostLink>)) {
    let (name, device) = (&uplink.name, uplink.device.as_deref().unwrap_or_default());
    let Some(link) = link else {
        return desired.warnings.push(format!("uplink {name}: there is no device {device}"));
    };
    if !link.running {
        desired.warnings.push(format!("uplink {name}: device {device} is down or has no carrier"));
    } else if link.addresses.is_empty() {
        desired.warnings.push(format!("uplink {name}: device {device} has no address"));
    }
    let needed = u32::from(content.mtu) + OVERHEAD;
    if link.mtu < needed {
        let mtu = link.mtu;
        desired
            .warnings
            .push(format!("uplink {name}: device {device} has mtu {mtu}, full tunnel packets need {needed}"));
    }
}

/// The UDP ports of an uplink's interfaces, those that do not exist yet included.
fn ports(content: &Content, local: u8) -> Option<RangeInclusive<u16>> {
    let own = || content.tunnels.iter().filter(move |tunnel| tunnel.local == local);
    let first = own().map(|tunnel| tunnel.port.saturating_sub(u16::from(tunnel.remote))).min()?;
    let last = own().map(|tunnel| tunnel.port).max()?;
    Some(first..=last.max(first.saturating_add(PORTS - 1)))
}

fn families(facts: &Facts) -> impl Iterator<Item = Family> {
    Family::ALL.into_iter().filter(|&family| family == Family::V4 || facts.ipv6)
}

fn rules(desired: &mut Desired, facts: &Facts, index: u8, (ports, link): (&RangeInclusive<u16>, Option<&HostLink>)) {
    let owner = facts.owner;
    let table = owner.uplink_table(index);
    port_rules(desired, facts, owner.port_rule_priority(index), (ports, index));
    // Path-MTU errors are looked up without ports.
    for address in link.into_iter().flat_map(|link| addresses(link, facts)) {
        let selector = Selector::SourceAddress(address.addr());
        desired.rules.insert(Rule { priority: owner.address_rule_priority(index), selector, table });
    }
}

fn port_rules(desired: &mut Desired, facts: &Facts, priority: u32, (ports, index): (&RangeInclusive<u16>, u8)) {
    let table = facts.owner.uplink_table(index);
    for family in families(facts) {
        desired.rules.insert(Rule { priority, selector: Selector::source_ports(family, ports), table });
    }
}

fn addresses<'a>(link: &'a HostLink, facts: &Facts) -> impl Iterator<Item = IpNet> + use<'a> {
    let ipv6 = facts.ipv6;
    link.addresses.iter().copied().filter(move |address| address.addr().is_ipv4() || ipv6)
}

fn table(desired: &mut Desired, facts: &Facts, index: u8, (uplink, link): (&LocalUplink, Option<&HostLink>)) {
    let table = facts.owner.uplink_table(index);
    for family in families(facts) {
        desired.routes.insert(Route::unreachable(table, default_of(family), LAST_METRIC));
        if let Some(link) = link {
            desired.routes.extend(by_link(table, family, (uplink, link)));
        }
    }
}

/// The connected networks of a link, and its default route.
fn by_link(table: u32, family: Family, (uplink, link): (&LocalUplink, &HostLink)) -> Vec<Route> {
    let own: Vec<IpNet> =
        link.addresses.iter().copied().filter(|address| Family::of(address.addr()) == family).collect();
    let via = |destination: IpNet, gateway, source| {
        Route::via(table, destination, 0, Via { device: link.name.clone(), gateway, source })
    };
    // Two addresses in one network: the first is the source, as in `main`.
    let mut connected: BTreeMap<IpNet, IpAddr> = BTreeMap::new();
    for address in &own {
        connected.entry(address.trunc()).or_insert(address.addr());
    }
    let mut routes: Vec<Route> = connected.iter().map(|(&network, &source)| via(network, None, Some(source))).collect();
    let Some(gateway) = gateway(family, uplink, link) else { return routes };
    let source = match gateway {
        Some(gateway) => own.iter().find(|address| address.contains(&gateway)).or(own.first()),
        None => own.first(),
    };
    let Some(source) = source.map(IpNet::addr) else { return routes };
    if let Some(gateway) =
        gateway.filter(|gateway| !link_local(*gateway) && !own.iter().any(|address| address.contains(gateway)))
    {
        // A gateway outside the link's networks: the kernel takes it only with a route to it.
        routes.push(via(gateway.into(), None, Some(source)));
    }
    routes.push(via(default_of(family), gateway, Some(source)));
    routes
}

/// The next hop that is declared, else the one the host has by this link; inside, none where the link itself leads on.
fn gateway(family: Family, uplink: &LocalUplink, link: &HostLink) -> Option<Option<IpAddr>> {
    let declared = match family {
        Family::V4 => uplink.gateway.map(IpAddr::V4),
        Family::V6 => uplink.gateway6.map(IpAddr::V6),
    };
    let default = default_of(family);
    let hosts = || link.routes.iter().filter(|route| route.destination == default).min_by_key(|route| route.metric);
    declared.map(Some).or_else(|| hosts().map(|route| route.gateway))
}

fn default_of(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
    }
}

fn link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if (address.segments()[0] & 0xffc0) == 0xfe80)
}

/// Two uplinks in one subnet answer ARP for themselves only; otherwise almost everything enters by one of them.
fn sysctls(desired: &mut Desired, links: &[&HostLink]) {
    let networks = |link: &HostLink| {
        link.addresses.iter().filter(|address| address.addr().is_ipv4()).map(IpNet::trunc).collect::<Vec<_>>()
    };
    for link in links {
        let own = networks(link);
        let shared = links
            .iter()
            .any(|other| other.name != link.name && networks(other).iter().any(|network| own.contains(network)));
        if shared {
            let path = |setting: &str| format!("net/ipv4/conf/{}/{setting}", link.name);
            desired.sysctls.insert(path("arp_ignore"), "1".to_owned());
            desired.sysctls.insert(path("arp_announce"), "2".to_owned());
        }
    }
}
