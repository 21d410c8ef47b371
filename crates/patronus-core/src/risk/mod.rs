//! What a bundle would do to a site that is nearly always a mistake: most peers gone, or the way to the server.
//!
//! Both ends ask, the server before it signs and the agent before it touches anything, so that a mistake has to get past
//! both. Whoever means it says so in the release.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::bundle::{Content, Peer, Source};
use patronus_types::network::Topology;
use patronus_types::release::Declared;
use patronus_types::risk::Risk;
use patronus_types::{Name, PublicKey};

/// How many names stand in a danger.
const NAMED: usize = 5;

/// Something that would happen to a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Danger {
    /// What kind it is.
    pub risk: Risk,
    /// What would happen, in words.
    what: String,
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; if that is meant, publish it with --accept-risk {}", self.what, self.risk)
    }
}

/// What would happen to a site that runs one content and would run another.
///
/// `servers` has the addresses of each server; one without any is not known, and so endangered by nothing.
pub fn dangers(before: Option<&Content>, after: &Content, servers: &[Vec<IpAddr>]) -> Vec<Danger> {
    let removed = before.and_then(|before| removes_peers(before, after));
    let lost = loses_server(before, after, servers);
    let danger = |risk| move |what| Danger { risk, what };
    lost.map(danger(Risk::LosesServer)).into_iter().chain(removed.map(danger(Risk::RemovesPeers))).collect()
}

/// That the neighbours of a site would be told keys that its agent does not have.
pub fn other_keys(site: &Name) -> Danger {
    let what = format!(
        "its agent has other keys than this server knows of it, and its neighbours would lose it: one of the two was restored \
         from before its keys were replaced. Have those that the agent has taken over, and replaced, with `patronusctl site \
         rotate-key {site}`"
    );
    Danger { risk: Risk::OtherKeys, what }
}

/// Whether any site could be endangered, by what was declared and is: reading each site's bundle takes long.
///
/// `before` is the declared state of the release before, if there is one, how many sites had a bundle in it, and how many
/// of them have none any more.
pub fn is_thinkable(before: Option<(&Declared, usize, usize)>, now: &Declared, servers: &[Vec<IpAddr>]) -> bool {
    let states = || before.iter().map(|(then, ..)| *then).chain([now]);
    let removes = before.is_some_and(|(_, sites, gone)| {
        gone * 100 > sites.saturating_sub(1) * usize::from(now.network.confirm.max_removed_percent)
    });
    removes || !states().all(is_plain) || servers.iter().flatten().any(|server| states().any(|it| holds(it, *server)))
}

/// Whether everybody's peers are all the others: nobody wrote a configuration, and no spoke changes its hub.
fn is_plain(declared: &Declared) -> bool {
    let compiled = declared.sites.iter().all(|site| site.source == Source::Compiled);
    compiled && declared.network.topology == Topology::Mesh
}

/// Whether an address lies in what tunnels carry.
fn holds(declared: &Declared, address: IpAddr) -> bool {
    let own = [Some(IpNet::V4(declared.network.range)), declared.network.range6.map(IpNet::V6)];
    let prefixes = declared.sites.iter().flat_map(|site| &site.spec.prefixes).copied();
    own.into_iter().flatten().chain(prefixes).any(|range| range.contains(&address))
}

/// A peer stays as long as its name or one of its keys does.
fn removes_peers(before: &Content, after: &Content) -> Option<String> {
    let gone = gone(before, after);
    let (removed, all) = (gone.len(), before.peers.len());
    (removed * 100 > all * usize::from(after.confirm.max_removed_percent)).then(|| {
        let most = after.confirm.max_removed_percent;
        format!("{removed} of {all} peers would be removed at once ({}), and {most} % may be", named(&gone))
    })
}

fn gone<'a>(before: &'a Content, after: &Content) -> Vec<&'a Name> {
    let names: BTreeSet<&Name> = after.peers.iter().map(|peer| &peer.name).collect();
    let keys: BTreeSet<&PublicKey> = after.peers.iter().flat_map(keys).collect();
    let stays = |peer: &Peer| names.contains(&peer.name) || self::keys(peer).any(|key| keys.contains(key));
    before.peers.iter().filter(|peer| !stays(peer)).map(|peer| &peer.name).collect()
}

fn keys(peer: &Peer) -> impl Iterator<Item = &PublicKey> {
    peer.uplinks.iter().map(|uplink| &uplink.public_key)
}

/// Of several servers one is enough. Of one server's addresses nobody knows which one this site reaches it by, so each counts.
fn loses_server(before: Option<&Content>, after: &Content, servers: &[Vec<IpAddr>]) -> Option<String> {
    let mut lost = Vec::new();
    for addresses in servers.iter().filter(|addresses| !addresses.is_empty()) {
        lost.push(addresses.iter().find_map(|&address| loses(before, after, address))?);
    }
    lost.into_iter().next()
}

fn loses(before: Option<&Content>, after: &Content, server: IpAddr) -> Option<String> {
    if after.addresses.contains(&server) {
        return None;
    }
    match (before.and_then(|before| carrier(before, server)), carrier(after, server)) {
        (None, Some((peer, range))) => {
            Some(format!("what goes to the server {server} would go into the tunnel to {} ({range})", peer.name))
        }
        (Some((peer, _)), None) if before.is_some_and(|before| gone(before, after).contains(&&peer.name)) => {
            Some(format!("the server {server} is reached through {}, which would be removed", peer.name))
        }
        _ => None,
    }
}

/// The peer that what goes to an address is sent to, and by which of its ranges.
fn carrier(content: &Content, address: IpAddr) -> Option<(&Peer, IpNet)> {
    let ranges = content.peers.iter().flat_map(|peer| peer.allowed_ips.iter().map(move |range| (peer, *range)));
    ranges.filter(|(_, range)| range.contains(&address)).max_by_key(|(_, range)| range.prefix_len())
}

fn named(names: &[&Name]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(|name| name.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests;
