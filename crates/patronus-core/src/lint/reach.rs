//! Sites that need a tunnel can make it: a spoke has its hub, and of two ends at least one can be reached.

use std::collections::BTreeMap;

use patronus_types::Name;
use patronus_types::network::{NetworkSpec, Topology};

use super::{Code, Finding, list, names};
use crate::mesh::{Site, home_hub};

pub(super) fn lint(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site]) {
    match network.topology {
        Topology::Mesh => together(findings, sites, "a mesh needs a tunnel between each two"),
        Topology::HubSpoke => hubs(findings, sites),
    }
}

/// Sites that all need tunnels with one another: at most one may be without endpoint.
fn together(findings: &mut Vec<Finding>, sites: &[&Site], why: &str) {
    let hidden: Vec<&Site> = sites.iter().copied().filter(|site| !site.is_reachable()).collect();
    if hidden.len() < 2 {
        return;
    }
    let named: Vec<&Name> = hidden.iter().map(|site| &site.spec.name).collect();
    let message = format!(
        "sites {} have no endpoint on any uplink, so none of them can start a tunnel to another, and {why}: \
         give all but one an endpoint, or join them by a hub (topology hub-spoke)",
        list(&named)
    );
    findings.push(Finding::error(Code::NoEndpoint, names(&hidden), message));
}

fn hubs(findings: &mut Vec<Finding>, sites: &[&Site]) {
    let (hubs, spokes): (Vec<&Site>, Vec<&Site>) = sites.iter().copied().partition(|site| site.spec.hub);
    together(findings, &hubs, "hubs need a tunnel between each two");
    if hubs.is_empty() && !spokes.is_empty() {
        findings.push(no_hub(&spokes));
        return;
    }
    let ready: Vec<&Site> = hubs.iter().copied().filter(|hub| hub.is_ready()).collect();
    let (all_names, ready_names) = (hub_names(&hubs), hub_names(&ready));
    let mut hidden: BTreeMap<&Name, (&Site, Vec<&Site>)> = BTreeMap::new();
    for spoke in spokes {
        let Some(declared) = home_hub(&spoke.spec, &all_names).map(|place| hubs[place]) else {
            findings.push(unknown_hub(spoke, sites));
            continue;
        };
        let now = home_hub(&spoke.spec, &ready_names).map(|place| ready[place]);
        if now.is_none() {
            findings.push(waiting_hub(spoke, declared));
        }
        // Until the first hub is enrolled its spokes have another.
        for home in [Some(declared), now.filter(|now| now.id != declared.id)].into_iter().flatten() {
            if !home.is_reachable() && !spoke.is_reachable() {
                hidden.entry(&home.spec.name).or_insert((home, Vec::new())).1.push(spoke);
            }
        }
    }
    findings.extend(hidden.into_values().map(|(hub, spokes)| hidden_hub(hub, &spokes)));
}

fn hub_names<'a>(hubs: &[&'a Site]) -> Vec<&'a Name> {
    hubs.iter().map(|hub| &hub.spec.name).collect()
}

fn no_hub(spokes: &[&Site]) -> Finding {
    let named: Vec<&Name> = spokes.iter().map(|site| &site.spec.name).collect();
    let message = format!("the network is hub-spoke and has no hub: set `hub: true` for one of {}", list(&named));
    Finding::error(Code::NoHub, names(spokes), message)
}

fn unknown_hub(spoke: &Site, sites: &[&Site]) -> Finding {
    let name = &spoke.spec.name;
    let via = spoke.spec.via.as_ref().map_or("", Name::as_str);
    let message = match sites.iter().any(|site| site.spec.name.as_str() == via) {
        true => format!("site {name} is `via: {via}`, which is not a hub: set `hub: true` for {via}, or name a hub"),
        false => format!("site {name} is `via: {via}`, and there is no such site: name a hub of this network"),
    };
    Finding::error(Code::NoHub, vec![name.clone()], message)
}

fn waiting_hub(spoke: &Site, hub: &Site) -> Finding {
    let (name, hub) = (&spoke.spec.name, &hub.spec.name);
    let message = format!("site {name} has no tunnel until its hub {hub} is enrolled");
    Finding::warning(Code::NoHub, vec![name.clone(), hub.clone()], message)
}

fn hidden_hub(hub: &Site, spokes: &[&Site]) -> Finding {
    let named: Vec<&Name> = spokes.iter().map(|site| &site.spec.name).collect();
    let message = format!(
        "hub {} has no endpoint on any uplink, nor have its spokes {}, so no tunnel can start: give the hub an endpoint",
        hub.spec.name,
        list(&named)
    );
    Finding::error(Code::NoEndpoint, names(&[spokes, &[hub]].concat()), message)
}
