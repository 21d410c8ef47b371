//! What is declared and has no effect, or not the one that was meant.

use ipnet::IpNet;
use patronus_types::network::{NetworkSpec, Topology};

use super::{Code, Finding, list, names};
use crate::mesh::Site;
use crate::validate::{MAX_PORT_BASE, MIN_PORT_BASE};

pub(super) fn lint(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site]) {
    ports(findings, sites);
    devices(findings, sites);
    if network.topology == Topology::Mesh {
        some(
            findings,
            Code::Topology,
            sites,
            |site| site.spec.hub || site.spec.via.is_some(),
            |named| {
                format!(
                    "`hub` and `via` of {named} have no effect in a mesh: set the network's topology to hub-spoke, or leave them out"
                )
            },
        );
    }
    if network.range6.is_none() {
        let v6 = |site: &Site| site.spec.prefixes.iter().any(|prefix| matches!(prefix, IpNet::V6(_)));
        some(findings, Code::NoIpv6, sites, v6, |named| {
            format!(
                "{named} have IPv6 prefixes, and the network has no `range6`: hosts at a site reach them, the sites' own machines do not"
            )
        });
    }
    if let Some(mtu) = network.mtu {
        let narrow = |site: &Site| site.spec.uplinks.iter().any(|uplink| uplink.mtu < mtu.saturating_add(80));
        some(findings, Code::Mtu, sites, narrow, |named| {
            format!(
                "the network's mtu {mtu} and the 80 bytes of a tunnel do not fit uplinks of {named}: large packets will be fragmented or lost"
            )
        });
    }
}

fn ports(findings: &mut Vec<Finding>, sites: &[&Site]) {
    let unusable = |site: &&&Site| site.port_base.is_some_and(|port| !(MIN_PORT_BASE..=MAX_PORT_BASE).contains(&port));
    for site in sites.iter().filter(unusable) {
        let (name, port) = (&site.spec.name, site.port_base.unwrap_or_default());
        let message = format!("site {name} has port_base {port}; {MIN_PORT_BASE} to {MAX_PORT_BASE} is possible");
        findings.push(Finding::error(Code::Port, vec![name.clone()], message));
    }
}

/// A site may be declared before its devices are known, but its tunnels could not be told apart without them.
fn devices(findings: &mut Vec<Finding>, sites: &[&Site]) {
    for site in sites.iter().filter(|site| site.spec.uplinks.len() > 1) {
        let without: Vec<_> = site.spec.uplinks.iter().filter(|it| it.device.is_none()).map(|it| &it.name).collect();
        if !without.is_empty() {
            let (name, uplinks) = (&site.spec.name, list(&without));
            let message = format!(
                "site {name} has several uplinks, and {uplinks} no `device`: with several, each needs its own, so that its tunnels leave by it and by no other"
            );
            findings.push(Finding::error(Code::Device, vec![name.clone()], message));
        }
    }
}

/// One warning for all the sites that something holds for.
fn some(
    findings: &mut Vec<Finding>,
    code: Code,
    sites: &[&Site],
    holds: impl Fn(&Site) -> bool,
    message: impl FnOnce(String) -> String,
) {
    let found: Vec<&Site> = sites.iter().copied().filter(|site| holds(site)).collect();
    if !found.is_empty() {
        let named: Vec<_> = found.iter().map(|site| &site.spec.name).collect();
        findings.push(Finding::warning(code, names(&found), message(list(&named))));
    }
}
