//! Which path carries a site's prefixes: the chosen one, or before any has been measured the cheapest that can come up.

use std::collections::BTreeMap;

use ipnet::IpNet;
use patronus_types::Name;
use patronus_types::bundle::{Content, Peer, Tunnel};

use super::{Desired, spare};
use crate::apply::Facts;
use crate::apply::model::{Owner, Route, Via};
use crate::path::select::Class;

/// Metric of the `unreachable` route behind each route over a tunnel.
const TWIN_METRIC: u32 = 9999;

pub(super) fn add(desired: &mut Desired, content: &Content, facts: &Facts) {
    for peer in &content.peers {
        let by_spare = spare::carrier(content, facts, peer);
        let device = by_spare.or_else(|| ordinary(content, &facts.chosen.default, &facts.owner, peer));
        for &range in peer.allowed_ips.iter().filter(|range| facts.has_family_of(range.addr())) {
            desired.twins.insert(Route::unreachable(Route::MAIN, range, TWIN_METRIC));
            if let Some(device) = device.clone() {
                let via = Via { device, gateway: None, source: source(content, range) };
                desired.routes.insert(Route::via(Route::MAIN, range, 0, via));
            }
        }
    }
}

/// The interface that carries a peer's traffic where the spare one does not.
pub(super) fn ordinary(content: &Content, chosen: &Chosen, owner: &Owner, peer: &Peer) -> Option<String> {
    carrier(content, chosen, peer).map(|tunnel| owner.interface(tunnel.local, tunnel.remote))
}

/// Which path was chosen for each site, by what was measured: its uplinks here and there.
pub type Chosen = BTreeMap<Name, (u8, u8)>;

/// The tunnel that carries what goes to a peer where the spare one does not: the chosen one; else that with the least sum of both
/// ends' costs, the first of equals, where one that is drained comes behind the others, and last one of which neither end knows where
/// the other is.
pub fn carrier<'a>(content: &'a Content, chosen: &Chosen, peer: &Peer) -> Option<&'a Tunnel> {
    let chosen = chosen.get(&peer.name).filter(|(_, remote)| usize::from(*remote) < peer.uplinks.len());
    let is_chosen = |tunnel: &&Tunnel| chosen == Some(&(tunnel.local, tunnel.remote));
    if let Some(tunnel) = content.tunnels.iter().find(is_chosen) {
        return Some(tunnel);
    }
    first(content, &Class::default(), peer)
}

/// The tunnel that comes first for a class while nothing is measured; none where it may use none of them.
pub(super) fn first<'a>(content: &'a Content, class: &Class, peer: &Peer) -> Option<&'a Tunnel> {
    let rank = |tunnel: &Tunnel| {
        let near = content.uplinks.get(usize::from(tunnel.local))?;
        let far = peer.uplinks.get(usize::from(tunnel.remote))?;
        // An uplink keeps its sessions alive where it has no endpoint of its own.
        let blind = far.endpoint.is_none() && near.keepalive_s != 0;
        let cost = u64::from(near.cost) + u64::from(far.cost);
        let place = class.place(tunnel.local);
        class.allows(tunnel.local).then_some((
            blind,
            near.drained || far.drained,
            place,
            cost,
            tunnel.local,
            tunnel.remote,
        ))
    };
    let ranked = content.tunnels.iter().filter_map(|tunnel| Some((rank(tunnel)?, tunnel)));
    ranked.min_by_key(|&(rank, _)| rank).map(|(_, tunnel)| tunnel)
}

/// The site's own address of the same family.
pub(super) fn source(content: &Content, range: IpNet) -> Option<std::net::IpAddr> {
    content.addresses.iter().copied().find(|address| address.is_ipv4() == range.addr().is_ipv4())
}
