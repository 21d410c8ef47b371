//! Endpoints: no two uplinks at one address and port, and none inside what the tunnels carry.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::network::NetworkSpec;
use patronus_types::{Host, Name};

use super::{Code, Finding};
use crate::mesh::{DEFAULT_PORT_BASE, Site};

/// Ports an uplink is reached at: interface (i, j) at the first + j.
const PORTS: u16 = 4;

struct Place<'a> {
    host: &'a Host,
    /// First of the ports; none where the agent has not yet said which.
    port: Option<u16>,
    site: &'a Site,
    uplink: &'a Name,
}

pub(super) fn lint(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site]) {
    let mut places: Vec<Place<'_>> = sites.iter().flat_map(|site| places(site)).collect();
    places.sort_by_key(|place| (place.host, place.port, &place.site.spec.name, place.uplink));
    doubles(findings, &places);
    inside(findings, network, sites, &places);
}

fn places(site: &Site) -> impl Iterator<Item = Place<'_>> {
    (0u16..).zip(&site.spec.uplinks).filter_map(move |(index, uplink)| {
        let endpoint = uplink.endpoint.as_ref()?;
        let known = site.port_base.or(site.is_ready().then_some(DEFAULT_PORT_BASE));
        let port = endpoint.port.or_else(|| known?.checked_add(PORTS * index));
        Some(Place { host: &endpoint.host, port, site, uplink: &uplink.name })
    })
}

fn doubles(findings: &mut Vec<Finding>, places: &[Place<'_>]) {
    let known = || places.iter().filter(|place| place.port.is_some());
    for (one, other) in known().zip(known().skip(1)) {
        let close = one.port.zip(other.port).is_some_and(|(low, high)| high.abs_diff(low) < PORTS);
        if one.host == other.host && close {
            findings.push(double(one, other));
        }
    }
}

fn double(one: &Place<'_>, other: &Place<'_>) -> Finding {
    let port = |place: &Place<'_>| place.port.unwrap_or_default();
    let host = patronus_types::Endpoint { host: one.host.clone(), port: None };
    let message = format!(
        "site {} (uplink {}) and site {} (uplink {}) are reached at the same host {host} with ports {} to {} and {} to {}, \
         which overlap: {PORTS} ports from the endpoint's on belong to one uplink",
        one.site.spec.name,
        one.uplink,
        other.site.spec.name,
        other.uplink,
        port(one),
        port(one).saturating_add(PORTS - 1),
        port(other),
        port(other).saturating_add(PORTS - 1),
    );
    Finding::error(Code::DuplicateEndpoint, vec![one.site.spec.name.clone(), other.site.spec.name.clone()], message)
}

/// Finds the prefix an address lies in; one look-up for each length of prefix there is.
struct Inside<'a> {
    owners: BTreeMap<IpNet, Option<&'a Site>>,
    lengths: BTreeSet<(bool, u8)>,
}

impl<'a> Inside<'a> {
    fn new(network: &NetworkSpec, sites: &[&'a Site]) -> Self {
        let mut owners: BTreeMap<IpNet, Option<&Site>> = BTreeMap::new();
        for site in sites {
            owners.extend(site.spec.prefixes.iter().map(|&prefix| (prefix, Some(*site))));
        }
        owners.insert(network.range.into(), None);
        owners.extend(network.range6.map(|range| (range.into(), None)));
        let lengths = owners.keys().map(|range| (range.addr().is_ipv4(), range.prefix_len())).collect();
        Self { owners, lengths }
    }

    fn find(&self, address: IpAddr) -> Option<(IpNet, Option<&'a Site>)> {
        let lengths = self.lengths.iter().filter(|(v4, _)| *v4 == address.is_ipv4());
        let mut ranges = lengths.filter_map(|&(_, length)| IpNet::new(address, length).ok().map(|range| range.trunc()));
        ranges.find_map(|range| Some((range, *self.owners.get(&range)?)))
    }
}

fn inside(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site], places: &[Place<'_>]) {
    let inside = Inside::new(network, sites);
    // Where an uplink has its device, its outer packets have a routing table that knows no tunnel.
    let exposed: Vec<&Site> = sites
        .iter()
        .copied()
        .filter(|site| site.spec.uplinks.iter().any(|uplink| uplink.device.is_none()))
        .take(2)
        .collect();
    for place in places {
        let Host::Address(address) = place.host else { continue };
        match inside.find(*address) {
            Some((range, None)) => findings.push(in_overlay(place, *address, range)),
            Some((range, Some(owner))) => {
                let looped = exposed.iter().copied().find(|site| site.id != owner.id && site.id != place.site.id);
                findings.push(in_prefix(place, *address, range, (owner, looped)));
            }
            None => {}
        }
    }
}

fn in_overlay(place: &Place<'_>, address: IpAddr, range: IpNet) -> Finding {
    let name = &place.site.spec.name;
    let message = format!(
        "site {name} (uplink {}) has its endpoint {address} inside the network's own range {range}: \
         an endpoint is where the site is reached without the tunnels",
        place.uplink
    );
    Finding::error(Code::EndpointInside, vec![name.clone()], message)
}

fn in_prefix(place: &Place<'_>, address: IpAddr, range: IpNet, (owner, looped): (&Site, Option<&Site>)) -> Finding {
    let (name, uplink, owned) = (&place.site.spec.name, place.uplink, &owner.spec.name);
    let what = format!(
        "site {name} (uplink {uplink}) has its endpoint {address} inside {range}, which is behind site {owned}"
    );
    let sites = vec![name.clone(), owned.clone()];
    match looped {
        Some(looped) => {
            let looped = &looped.spec.name;
            let message = format!(
                "{what}: site {looped} would send the tunnel's own packets into a tunnel; \
                 take the address out of the prefix, or name a `device` for the uplinks of {looped}"
            );
            Finding::error(Code::EndpointInside, sites, message)
        }
        None => Finding::warning(
            Code::EndpointInside,
            sites,
            format!("{what}: only the tunnels themselves will reach it directly"),
        ),
    }
}
