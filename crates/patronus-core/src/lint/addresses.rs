//! Overlay addresses: one site each, inside the network's ranges.

use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::network::NetworkSpec;

use super::{Code, Finding};
use crate::mesh::Site;

pub(super) fn lint(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site]) {
    let ranges = [Some(IpNet::V4(network.range)), network.range6.map(IpNet::V6)];
    let inside = |address: &IpAddr| ranges.iter().flatten().any(|range| range.contains(address));
    let mut all: Vec<(IpAddr, &Site)> = Vec::new();
    for site in sites {
        all.extend(site.addresses.iter().map(|&address| (address, *site)));
        if let Some(address) = site.addresses.iter().find(|address| !inside(address)) {
            let name = &site.spec.name;
            let message =
                format!("site {name} has the overlay address {address}, which is outside the network's ranges");
            findings.push(Finding::error(Code::Address, vec![name.clone()], message));
        }
    }
    all.sort_by_key(|&(address, site)| (address, &site.spec.name));
    for same in all.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
        let sites: Vec<&Site> = same.iter().map(|&(_, site)| site).collect();
        let names: Vec<_> = sites.iter().map(|site| &site.spec.name).collect();
        let message = format!("sites {} have the same overlay address {}", super::list(&names), same[0].0);
        findings.push(Finding::error(Code::Address, super::names(&sites), message));
    }
}
