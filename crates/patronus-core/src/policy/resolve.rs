//! From what is declared to rules that are all numbers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::api::error::Fault;
use patronus_types::policy::{Apps, MatchCriteria, Place, PolicySpec, Ports, Protocol, Rule, Service};
use patronus_types::words::nearest;

use super::apps::{app, apps as all_apps};
use crate::mesh::Site;

/// The order in which policies are asked: higher priority first, then by name.
pub fn in_order(policies: &[PolicySpec]) -> Vec<&PolicySpec> {
    let mut sorted: Vec<&PolicySpec> = policies.iter().collect();
    sorted.sort_by(|one, other| other.priority.cmp(&one.priority).then_with(|| one.name.cmp(&other.name)));
    sorted
}

/// The rules of a network, in the order in which they are asked. `apps` are those that the network declares.
///
/// # Errors
/// Everything that names what is not there, each with the policy. Such a policy is never left out or widened.
pub fn resolve(policies: &[PolicySpec], sites: &[Site], apps: &Apps) -> Result<Vec<Rule>, Vec<Fault>> {
    let sites: BTreeMap<&str, &Site> = sites.iter().map(|site| (site.spec.name.as_str(), site)).collect();
    let mut faults = Vec::new();
    let mut rules = Vec::new();
    for policy in in_order(policies) {
        let mut at = |pointer: String, detail: String| {
            faults.push(Fault { pointer, detail: format!("policy {}: {detail}", policy.name) });
        };
        let MatchCriteria { src, dst, src_ports, dscp, .. } = &policy.match_criteria;
        let (src, dst) = (ranges(&sites, src, "src", &mut at), ranges(&sites, dst, "dst", &mut at));
        let services = services(&policy.match_criteria, apps, &mut at);
        match policy.action() {
            None => at("/action".to_owned(), format!("`{}` is incomplete", word(policy))),
            Some(action) => rules.push(Rule {
                name: policy.name.clone(),
                src,
                dst,
                services,
                src_ports: joined(src_ports.clone()),
                dscp: *dscp,
                action,
            }),
        }
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

fn word(policy: &PolicySpec) -> String {
    serde_json::to_value(policy.action).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

type Report<'a> = &'a mut dyn FnMut(String, String);

fn ranges(sites: &BTreeMap<&str, &Site>, places: &[Place], field: &str, report: Report) -> Option<Vec<IpNet>> {
    if places.is_empty() {
        return None;
    }
    let mut ranges: Vec<IpNet> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        match place {
            Place::Range(range) => ranges.push(*range),
            Place::Site(name) => match sites.get(name.as_str()) {
                Some(site) => ranges.extend(of_site(site)),
                None => {
                    let near = nearest(name.as_str(), sites.keys().copied());
                    let hint = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
                    let pointer = format!("/match_criteria/{field}/{index}");
                    report(pointer, format!("there is no site {name}{hint}"));
                }
            },
            Place::Sites(selector) => {
                let selected = sites.values().filter(|site| selector.matches(&site.spec.labels));
                ranges.extend(selected.flat_map(|site| of_site(site)));
            }
        }
    }
    Some(IpNet::aggregate(&ranges))
}

/// What is behind a site, and its own addresses.
pub(super) fn of_site(site: &Site) -> impl Iterator<Item = IpNet> + '_ {
    site.spec.prefixes.iter().copied().chain(site.addresses.iter().copied().map(IpAddr::into))
}

fn services(criteria: &MatchCriteria, apps: &Apps, report: Report) -> Vec<Service> {
    let MatchCriteria { protocol, src_ports, dst_ports, app: name, .. } = criteria;
    let made_of = name.as_ref().map(|name| (name, app(apps, name)));
    let portless = made_of.and_then(|(_, services)| services?.iter().find(|service| !service.protocol.has_ports()));
    if let Some(portless) = portless.filter(|_| !src_ports.is_empty()) {
        let detail = format!("the application has {} too, which has no ports: leave them out", portless.protocol);
        report("/match_criteria/src_ports".to_owned(), detail);
    }
    let list: Vec<Service> = match (made_of, protocol) {
        (Some((_, Some(services))), _) => services.to_vec(),
        (Some((name, None)), _) => {
            let all = all_apps(apps);
            let near = nearest(name.as_str(), all.iter().map(|app| app.name.as_str()));
            let hint = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
            report("/match_criteria/app".to_owned(), format!("there is no application {name}{hint}"));
            Vec::new()
        }
        (None, Some(protocol)) => with_ports(*protocol, dst_ports),
        (None, None) if src_ports.is_empty() && dst_ports.is_empty() => Vec::new(),
        (None, None) => [Protocol::TCP, Protocol::UDP].into_iter().flat_map(|it| with_ports(it, dst_ports)).collect(),
    };
    normal(list)
}

fn with_ports(protocol: Protocol, ports: &[Ports]) -> Vec<Service> {
    match ports {
        [] => vec![Service { protocol, ports: None }],
        ports => ports.iter().map(|ports| Service { protocol, ports: Some(*ports) }).collect(),
    }
}

/// Sorted by protocol, and ports that touch are one range.
fn normal(list: Vec<Service>) -> Vec<Service> {
    let mut ports: BTreeMap<Protocol, Option<Vec<Ports>>> = BTreeMap::new();
    for service in list {
        let known = ports.entry(service.protocol).or_insert_with(|| Some(Vec::new()));
        match (known.as_mut(), service.ports) {
            (Some(known), Some(ports)) => known.push(ports),
            (_, None) => *known = None,
            (None, Some(_)) => {}
        }
    }
    let each = |(protocol, ports): (Protocol, Option<Vec<Ports>>)| match ports {
        None => with_ports(protocol, &[]),
        Some(ports) => with_ports(protocol, &joined(ports)),
    };
    ports.into_iter().flat_map(each).collect()
}

/// Sorted, and those that touch are one.
fn joined(mut ports: Vec<Ports>) -> Vec<Ports> {
    ports.sort_unstable();
    let mut joined: Vec<Ports> = Vec::with_capacity(ports.len());
    for next in ports {
        match joined.last_mut() {
            Some(last) if u32::from(next.first) <= u32::from(last.last) + 1 => last.last = last.last.max(next.last),
            _ => joined.push(next),
        }
    }
    joined
}
