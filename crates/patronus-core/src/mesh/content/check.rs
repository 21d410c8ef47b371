//! The bounds of a content. What holds here, the planner need not check again.

use std::collections::BTreeSet;

use patronus_types::bound::{CONFIRM_TIMEOUT, PERCENT, TUNNEL_MTU};
use patronus_types::bundle::{Content, LocalUplink, Peer, PeerUplink, Spare, SparePeer};
use patronus_types::policy::Action;
use patronus_types::site::MAX_UPLINKS;
use patronus_types::{Name, PublicKey};

use crate::policy::MAX_POLICIES;
use crate::validate::{MAX_PREFERRED, device_name, path_settings, probes_of_one_site, unusable};

/// The most peers of a site.
const MAX_PEERS: usize = 10_000;
/// The most overlay addresses of a site.
const MAX_ADDRESSES: usize = 16;
/// The most faults that are told.
const MAX_FAULTS: usize = 16;

/// Everything that is out of bounds, up to a number that a person can read.
pub(super) fn faults(content: &Content) -> Vec<String> {
    let mut faults = Vec::new();
    own(&mut faults, content);
    tunnels(&mut faults, content);
    peers(&mut faults, content);
    spare(&mut faults, content);
    policies(&mut faults, content);
    faults.truncate(MAX_FAULTS);
    faults
}

fn check(faults: &mut Vec<String>, holds: bool, fault: impl FnOnce() -> String) {
    if !holds && faults.len() < MAX_FAULTS {
        faults.push(fault());
    }
}

fn own(faults: &mut Vec<String>, content: &Content) {
    let (mtu, uplinks) = (content.mtu, content.uplinks.len());
    check(faults, TUNNEL_MTU.holds(mtu), || format!("mtu {mtu} is not within {TUNNEL_MTU}"));
    check(faults, (1..=MAX_UPLINKS).contains(&uplinks), || {
        format!("{uplinks} uplinks; 1 to {MAX_UPLINKS} are possible")
    });
    let addresses = content.addresses.len();
    check(faults, (1..=MAX_ADDRESSES).contains(&addresses), || {
        format!("{addresses} overlay addresses; 1 to {MAX_ADDRESSES} are possible")
    });
    let (timeout_s, peers, removed) =
        (content.confirm.timeout_s, content.confirm.peers_percent, content.confirm.max_removed_percent);
    check(faults, CONFIRM_TIMEOUT.holds(timeout_s), || {
        format!("timeout_s {timeout_s} is not within {CONFIRM_TIMEOUT}")
    });
    for percent in [peers, removed] {
        check(faults, PERCENT.holds(percent), || format!("{percent} % is not within {PERCENT}"));
    }
    for fault in path_settings(&content.paths) {
        check(faults, false, || format!("{}: {}", fault.pointer, fault.detail));
    }
    for reason in probes_of_one_site(&content.confirm) {
        check(faults, false, || reason);
    }
    let mut keys = BTreeSet::new();
    let mut devices = BTreeSet::new();
    for LocalUplink { name, public_key, device, .. } in &content.uplinks {
        check(faults, keys.insert(*public_key), || format!("uplink {name} has the key of another uplink"));
        match device {
            None => check(faults, uplinks == 1, || format!("uplink {name} has no device, and is not the only one")),
            Some(device) => {
                check(faults, devices.insert(device), || format!("uplink {name} has the device of another uplink"));
                let reason = device_name(device).err();
                check(faults, reason.is_none(), || {
                    format!("uplink {name}: device {device:?}: {}", reason.unwrap_or_default())
                });
            }
        }
    }
}

fn tunnels(faults: &mut Vec<String>, content: &Content) {
    let mut pairs = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for tunnel in &content.tunnels {
        let (local, remote, port) = (tunnel.local, tunnel.remote, tunnel.port);
        let exists = usize::from(local) < content.uplinks.len() && usize::from(remote) < MAX_UPLINKS;
        check(faults, exists, || format!("tunnel ({local}, {remote}) names an uplink that does not exist"));
        check(faults, pairs.insert((local, remote)), || format!("tunnel ({local}, {remote}) is there twice"));
        check(faults, port > 0 && ports.insert(port), || {
            format!("tunnel ({local}, {remote}): port {port} is 0 or taken by another")
        });
    }
}

fn spare(faults: &mut Vec<String>, content: &Content) {
    let Some(Spare { public_key, port, local, peers, .. }) = &content.spare else { return };
    let taken = || content.tunnels.iter().any(|tunnel| tunnel.port == *port);
    check(faults, *port > 0 && !taken(), || format!("the spare tunnel's port {port} is 0 or taken by another"));
    check(faults, usize::from(*local) < content.uplinks.len(), || {
        format!("the spare tunnel names uplink {local}, which does not exist")
    });
    let mut keys: BTreeSet<PublicKey> = content.uplinks.iter().map(|uplink| uplink.public_key).collect();
    check(faults, keys.insert(*public_key), || "the spare tunnel has the key of another".to_owned());
    let mut names: BTreeSet<&Name> = content.peers.iter().map(|peer| &peer.name).collect();
    for SparePeer { name, public_key, endpoint } in peers {
        check(faults, names.remove(name), || format!("peer {name} of the spare tunnel is no peer, or there twice"));
        check(faults, keys.insert(*public_key), || format!("peer {name}: the key of its spare tunnel is used twice"));
        let port = endpoint.as_ref().is_none_or(|endpoint| endpoint.port.is_some_and(|port| port > 0));
        check(faults, port, || format!("peer {name}: the endpoint of its spare tunnel has no port"));
    }
}

fn peers(faults: &mut Vec<String>, content: &Content) {
    let count = content.peers.len();
    check(faults, count <= MAX_PEERS, || format!("{count} peers; at most {MAX_PEERS} are possible"));
    let mut names = BTreeSet::new();
    let mut ranges = BTreeSet::new();
    let mut keys: BTreeSet<PublicKey> = content.uplinks.iter().map(|uplink| uplink.public_key).collect();
    for peer in &content.peers {
        let name = &peer.name;
        check(faults, names.insert(name), || format!("peer {name} is there twice"));
        let addresses = peer.addresses.len();
        check(faults, addresses <= MAX_ADDRESSES, || {
            format!("peer {name} has {addresses} overlay addresses; at most {MAX_ADDRESSES} are possible")
        });
        // The site would answer its own probes in the peer's place.
        for address in &peer.addresses {
            let own = content.addresses.contains(address);
            check(faults, !own, || format!("peer {name}: {address} is the site's own overlay address"));
        }
        for range in &peer.allowed_ips {
            check(faults, ranges.insert(*range), || format!("peer {name}: {range} is there twice"));
            let reason = unusable(*range);
            check(faults, reason.is_none(), || format!("peer {name}: {range}: {}", reason.unwrap_or_default()));
        }
        peer_uplinks(faults, peer, &mut keys);
    }
}

fn peer_uplinks(faults: &mut Vec<String>, peer: &Peer, keys: &mut BTreeSet<PublicKey>) {
    let Peer { name, uplinks, .. } = peer;
    let count = uplinks.len();
    check(faults, (1..=MAX_UPLINKS).contains(&count), || {
        format!("peer {name} has {count} uplinks; 1 to {MAX_UPLINKS} are possible")
    });
    for (index, PeerUplink { public_key, endpoint, .. }) in uplinks.iter().enumerate() {
        check(faults, keys.insert(*public_key), || format!("peer {name}: the key of uplink {index} is used twice"));
        let highest = u16::MAX - 3;
        let port = endpoint.as_ref().is_none_or(|endpoint| endpoint.port.is_some_and(|port| port <= highest));
        check(faults, port, || format!("peer {name}: the endpoint of uplink {index} has no port up to {highest}"));
    }
}

fn policies(faults: &mut Vec<String>, content: &Content) {
    let count = content.policies.len();
    check(faults, count <= MAX_POLICIES, || format!("{count} policies; at most {MAX_POLICIES} are possible"));
    let mut names = BTreeSet::new();
    for rule in &content.policies {
        let name = &rule.name;
        check(faults, names.insert(name), || format!("policy {name} is there twice"));
        let portless = rule.services.is_empty() || rule.services.iter().any(|service| !service.protocol.has_ports());
        check(faults, rule.src_ports.is_empty() || !portless, || {
            format!("policy {name} has source ports for what has no ports")
        });
        let reason = match &rule.action {
            Action::Route(route) => {
                (route.prefer.len() > MAX_PREFERRED).then(|| format!("it prefers more than {MAX_PREFERRED} uplinks"))
            }
            Action::RateLimit(limit) => {
                (limit.rate == 0 || limit.burst == Some(0)).then(|| "a limit of nothing".to_owned())
            }
            Action::Drop => None,
        };
        check(faults, reason.is_none(), || format!("policy {name}: {}", reason.unwrap_or_default()));
    }
}

/// Whether two of the ranges overlap; for tests of the compiler.
#[cfg(test)]
pub(in crate::mesh) fn overlapping(ranges: &mut [ipnet::IpNet]) -> bool {
    ranges.sort_unstable();
    ranges.windows(2).any(|pair| pair[0].contains(&pair[1]))
}
