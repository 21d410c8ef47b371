//! The site itself: MTU, addresses, uplinks, interfaces.

use std::collections::BTreeMap;

use patronus_types::Name;
use patronus_types::bundle::{Content, LocalUplink, Spare, Tunnel};
use patronus_types::path::PathSettings;
use patronus_types::policy::Rule;

use super::{changed, lists, optional};

pub(super) fn diff(lines: &mut Vec<String>, old: &Content, new: &Content) {
    changed(lines, "network name", (&old.network.name, &new.network.name));
    changed(lines, "site name", (&old.site.name, &new.site.name));
    changed(lines, "mtu", (old.mtu, new.mtu));
    lists(lines, "address", (&old.addresses, &new.addresses));
    lists(lines, "forwards", (&families(old), &families(new)));
    changed(lines, "confirm timeout_s", (old.confirm.timeout_s, new.confirm.timeout_s));
    changed(lines, "confirm peers_percent", (old.confirm.peers_percent, new.confirm.peers_percent));
    let most = (old.confirm.max_removed_percent, new.confirm.max_removed_percent);
    changed(lines, "confirm max_removed_percent", most);
    optional(lines, "confirm probes_required", (old.confirm.probes_required, new.confirm.probes_required));
    paths(lines, (&old.paths, &new.paths));
    lists(lines, "probe", (&old.confirm.probes, &new.confirm.probes));
    for index in 0..old.uplinks.len().max(new.uplinks.len()) {
        match (old.uplinks.get(index), new.uplinks.get(index)) {
            (Some(old), Some(new)) => uplink(lines, old, new),
            (None, Some(new)) => lines.push(format!("+ uplink {}", new.name)),
            (Some(old), None) => lines.push(format!("- uplink {}", old.name)),
            (None, None) => {}
        }
    }
    tunnels(lines, old, new);
    policies(lines, (&old.policies, &new.policies));
    spare(lines, (old.spare.as_ref(), new.spare.as_ref()));
}

fn paths(lines: &mut Vec<String>, (old, new): (&PathSettings, &PathSettings)) {
    changed(lines, "paths interval_ms", (old.interval_ms, new.interval_ms));
    changed(lines, "paths up_score", (old.up_score, new.up_score));
    changed(lines, "paths degraded_score", (old.degraded_score, new.degraded_score));
    changed(lines, "paths hold_s", (old.hold_s, new.hold_s));
    changed(lines, "paths margin_ms", (old.margin_ms, new.margin_ms));
    changed(lines, "paths margin_pct", (old.margin_pct, new.margin_pct));
    changed(lines, "paths budget_kbps", (old.budget_kbps, new.budget_kbps));
    changed(lines, "paths metered_budget_kbps", (old.metered_budget_kbps, new.metered_budget_kbps));
}

fn spare(lines: &mut Vec<String>, (old, new): (Option<&Spare>, Option<&Spare>)) {
    let words = |spare: &Spare| {
        let names: Vec<&str> = spare.peers.iter().map(|peer| peer.name.as_str()).collect();
        let way = if spare.carries { "carries the traffic" } else { "gives the traffic back" };
        format!("port {} with {}, {way}", spare.port, names.join(", "))
    };
    optional(lines, "spare tunnel".to_owned(), (old.map(words), new.map(words)));
}

fn families(content: &Content) -> Vec<&'static str> {
    let families = [(content.forwards.ipv4, "IPv4"), (content.forwards.ipv6, "IPv6")];
    families.into_iter().filter_map(|(forwards, name)| forwards.then_some(name)).collect()
}

fn uplink(lines: &mut Vec<String>, old: &LocalUplink, new: &LocalUplink) {
    let what = |field: &str| format!("uplink {} {field}", new.name);
    changed(lines, what("name"), (&old.name, &new.name));
    changed(lines, what("key"), (old.public_key, new.public_key));
    optional(lines, what("device"), (old.device.as_ref(), new.device.as_ref()));
    optional(lines, what("gateway"), (old.gateway, new.gateway));
    optional(lines, what("gateway6"), (old.gateway6, new.gateway6));
    changed(lines, what("cost"), (old.cost, new.cost));
    changed(lines, what("keepalive_s"), (old.keepalive_s, new.keepalive_s));
    changed(lines, what("metered"), (old.metered, new.metered));
    changed(lines, what("drained"), (old.drained, new.drained));
    lists(lines, what("label"), (&labels(old), &labels(new)));
}

fn labels(uplink: &LocalUplink) -> Vec<String> {
    uplink.labels.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// By name; what only stands in another place is asked before or after others than it was.
fn policies(lines: &mut Vec<String>, (old, new): (&[Rule], &[Rule])) {
    let by_name = |rules: &'_ [Rule]| -> BTreeMap<Name, Rule> {
        rules.iter().map(|rule| (rule.name.clone(), rule.clone())).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    for rule in new {
        match before.get(&rule.name) {
            None => lines.push(format!("+ policy {}", rule.name)),
            Some(before) if before != rule => lines.push(format!("~ policy {}", rule.name)),
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|rule| !after.contains_key(&rule.name));
    lines.extend(gone.map(|rule| format!("- policy {}", rule.name)));
    let kept = |rule: &&Rule| before.contains_key(&rule.name) && after.contains_key(&rule.name);
    let order = |rules: &'_ [Rule]| rules.iter().filter(kept).map(|rule| rule.name.clone()).collect::<Vec<_>>();
    if order(old) != order(new) {
        lines.push("~ policies are asked in another order".to_owned());
    }
}

fn tunnels(lines: &mut Vec<String>, old: &Content, new: &Content) {
    let port = |content: &Content, wanted: &Tunnel| {
        let same = |tunnel: &&Tunnel| (tunnel.local, tunnel.remote) == (wanted.local, wanted.remote);
        content.tunnels.iter().find(same).map(|tunnel| tunnel.port)
    };
    for tunnel in &new.tunnels {
        let what = format!("tunnel {}-{} port", tunnel.local, tunnel.remote);
        optional(lines, what, (port(old, tunnel), Some(tunnel.port)));
    }
    for tunnel in old.tunnels.iter().filter(|tunnel| port(new, tunnel).is_none()) {
        lines.push(format!("- tunnel {}-{} port {}", tunnel.local, tunnel.remote, tunnel.port));
    }
}
