//! The spare tunnels of a site whose keys are replaced: one at the site, one at each site that has tunnels with it.

use patronus_types::bundle::{Spare, SparePeer};
use patronus_types::site::Uplink;
use patronus_types::{Endpoint, PublicKey};

use super::Rotating;
use super::topology::{Member, Network};

/// The port of a spare tunnel: so far above the first of a network's ports.
const PORT_OFFSET: u16 = 16;

/// What a member's bundle says of a spare tunnel; none where it has none, or no key for it yet.
pub(super) fn spare(network: &Network<'_>, index: usize) -> Option<Spare> {
    let Rotating { site, to_spare } = network.rotation?;
    let member = &network.members[index];
    let public_key = member.site.spare_key?;
    let is_rotating = member.site.id == site;
    let concerns = |other: &usize| is_rotating || network.members[*other].site.id == site;
    let peers: Vec<SparePeer> = network
        .partners(member.site.id)
        .into_iter()
        .filter(concerns)
        .filter_map(|other| {
            let other = &network.members[other];
            other.site.spare_key.map(|key| peer(other, key))
        })
        .collect();
    let port = member.port(0).checked_add(PORT_OFFSET)?;
    let (local, _) = way_out(member)?;
    (!peers.is_empty()).then_some(Spare { public_key, port, local, carries: to_spare, peers })
}

fn peer(member: &Member<'_>, public_key: PublicKey) -> SparePeer {
    let endpoint = way_out(member).and_then(|(index, uplink)| endpoint(member, index, uplink.endpoint.as_ref()?));
    SparePeer { name: member.site.spec.name.clone(), public_key, endpoint }
}

/// A port that is told belongs to the uplink's first interface: the spare one's lies as far from it as on the host.
fn endpoint(member: &Member<'_>, index: u8, told: &Endpoint) -> Option<Endpoint> {
    let port = match told.port {
        None => member.port(0).checked_add(PORT_OFFSET)?,
        Some(first) => first.checked_add(PORT_OFFSET)?.checked_sub(4 * u16::from(index))?,
    };
    Some(Endpoint { host: told.host.clone(), port: Some(port) })
}

/// The uplink of a spare tunnel: the cheapest of those that others can reach, else the cheapest.
fn way_out<'a>(member: &Member<'a>) -> Option<(u8, &'a Uplink)> {
    let uplinks = (0u8..).zip(&member.site.spec.uplinks);
    uplinks.min_by_key(|(index, uplink)| (uplink.endpoint.is_none(), uplink.cost, *index))
}
