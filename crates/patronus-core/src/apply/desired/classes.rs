//! Traffic that policies send by paths of its own: a table for each class, a rule that leads to it, and the chains that mark
//! packets.

use std::collections::BTreeMap;

use ipnet::IpNet;
use patronus_types::Name;
use patronus_types::bundle::{Content, Peer};

use super::Desired;
use super::paths::{self, Chosen};
use crate::apply::Facts;
use crate::apply::model::{Family, Route, Rule, Selector, Via, class_rule_priority, class_table};
use crate::path::select::Class;
use crate::policy::compile::{Numbers, classes, compile, firewall};

/// By what was measured: which path carries each site's traffic; of classes by their numbers, where none is one that goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// What no class has.
    pub default: Chosen,
    /// What each class has.
    pub classes: BTreeMap<u8, BTreeMap<Name, Option<(u8, u8)>>>,
}

/// By how many bits a class's number is shifted in a mark where nobody says otherwise.
pub const MARK_SHIFT: u8 = 24;

pub(super) fn add(desired: &mut Desired, content: &Content, facts: &Facts) {
    desired.needs_firewall = !content.policies.is_empty();
    let routes = classes(&content.policies);
    // Numbers of another bundle say nothing.
    if content.policies.is_empty() || facts.class_ids.len() != routes.len() + 1 {
        return;
    }
    for (route, &id) in routes.iter().zip(&facts.class_ids) {
        let uplinks = content.uplinks.iter().map(|uplink| (&uplink.name, &uplink.labels));
        let class = Class::new(route, uplinks);
        rules(desired, facts, id);
        for peer in &content.peers {
            let way = way(content, facts, (id, &class), peer);
            desired.routes.extend(way.into_iter().flat_map(|way| table(content, facts, id, (peer, way))));
        }
    }
    let numbers = Numbers {
        prefix: facts.owner.interface_prefix(),
        probe_port: facts.probe_port,
        shift: facts.mark_shift,
        ids: facts.class_ids.clone(),
    };
    let chains = firewall(&compile(&content.policies), &content.policies, &numbers);
    desired.firewall.get_or_insert_default().push_str(&chains);
}

fn rules(desired: &mut Desired, facts: &Facts, id: u8) {
    let (value, mask) = (u32::from(id) << facts.mark_shift.min(24), 0xff << facts.mark_shift.min(24));
    for family in Family::ALL.into_iter().filter(|&family| family == Family::V4 || facts.ipv6) {
        let selector = Selector::Mark { family, value, mask };
        desired.rules.insert(Rule { priority: class_rule_priority(id), selector, table: class_table(id) });
    }
}

/// The device by which a class goes to a peer, or none where it goes nowhere; nothing where there is no path at all.
fn way(content: &Content, facts: &Facts, (id, class): (u8, &Class), peer: &Peer) -> Option<Option<String>> {
    if let Some(spare) = super::spare::carrier(content, facts, peer) {
        return Some(Some(spare));
    }
    let there = |(local, remote): (u8, u8)| {
        let tunnel = content.tunnels.iter().any(|tunnel| (tunnel.local, tunnel.remote) == (local, remote));
        tunnel && usize::from(remote) < peer.uplinks.len()
    };
    let chosen = facts.chosen.classes.get(&id).and_then(|chosen| chosen.get(&peer.name).copied());
    let uplinks = match chosen {
        Some(None) => return Some(None),
        Some(Some(uplinks)) if there(uplinks) => Some(uplinks),
        _ => paths::first(content, class, peer).map(|tunnel| (tunnel.local, tunnel.remote)),
    };
    match uplinks {
        Some((local, remote)) => Some(Some(facts.owner.interface(local, remote))),
        None => class.drops().then_some(None),
    }
}

fn table<'a>(
    content: &'a Content,
    facts: &'a Facts,
    id: u8,
    (peer, device): (&'a Peer, Option<String>),
) -> impl Iterator<Item = Route> + use<'a> {
    let route = move |range: IpNet| match device.clone() {
        Some(device) => {
            let via = Via { device, gateway: None, source: paths::source(content, range) };
            Route::via(class_table(id), range, 0, via)
        }
        None => Route::unreachable(class_table(id), range, 0),
    };
    peer.allowed_ips.iter().copied().filter(|range| facts.has_family_of(range.addr())).map(route)
}
