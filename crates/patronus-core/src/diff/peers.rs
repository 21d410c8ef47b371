//! The peers, told apart by name.

use std::collections::BTreeMap;

use patronus_types::Name;
use patronus_types::bundle::{Peer, PeerUplink};

use super::{changed, lists, optional};

pub(super) fn diff(lines: &mut Vec<String>, old: &[Peer], new: &[Peer]) {
    let by_name = |peers: &'_ [Peer]| -> BTreeMap<Name, Peer> {
        peers.iter().map(|peer| (peer.name.clone(), peer.clone())).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let mut names: Vec<&Name> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => peer(lines, old, new),
            (None, Some(new)) => lines.push(whole("+", new)),
            (Some(old), None) => lines.push(whole("-", old)),
            (None, None) => {}
        }
    }
}

/// A line for each peer.
pub(super) fn all(sign: &str, peers: &[Peer]) -> Vec<String> {
    peers.iter().map(|peer| whole(sign, peer)).collect()
}

fn whole(sign: &str, peer: &Peer) -> String {
    let ranges: Vec<String> = peer.allowed_ips.iter().map(ToString::to_string).collect();
    format!("{sign} peer {} ({})", peer.name, ranges.join(", "))
}

fn peer(lines: &mut Vec<String>, old: &Peer, new: &Peer) {
    let what = |field: &str| format!("peer {} {field}", new.name);
    lists(lines, what("address"), (&old.addresses, &new.addresses));
    lists(lines, what("allowed"), (&old.allowed_ips, &new.allowed_ips));
    optional(lines, what("probe_port"), (old.probe_port, new.probe_port));
    for index in 0..old.uplinks.len().max(new.uplinks.len()) {
        match (old.uplinks.get(index), new.uplinks.get(index)) {
            (Some(old), Some(new)) => uplink(lines, &what(&format!("uplink {index}")), (old, new)),
            (None, Some(new)) => lines.push(format!("+ {}{}", what(&format!("uplink {index}")), place(new))),
            (Some(old), None) => lines.push(format!("- {}{}", what(&format!("uplink {index}")), place(old))),
            (None, None) => {}
        }
    }
}

fn uplink(lines: &mut Vec<String>, what: &str, (old, new): (&PeerUplink, &PeerUplink)) {
    changed(lines, format_args!("{what} key"), (old.public_key, new.public_key));
    optional(lines, format_args!("{what} endpoint"), (old.endpoint.as_ref(), new.endpoint.as_ref()));
    changed(lines, format_args!("{what} cost"), (old.cost, new.cost));
    optional(lines, format_args!("{what} keepalive_s"), (old.keepalive_s, new.keepalive_s));
    changed(lines, format_args!("{what} drained"), (old.drained, new.drained));
}

fn place(uplink: &PeerUplink) -> String {
    uplink.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default()
}
