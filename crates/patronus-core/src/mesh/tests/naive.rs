//! The same compiler without any sharing, as plain as it can be written: what the real one is compared with.

use ipnet::IpNet;
use patronus_types::bundle::{Content, Forwards, LocalUplink, Party, Peer, PeerUplink, Spare, SparePeer, Tunnel};
use patronus_types::network::Topology;
use patronus_types::{Endpoint, Name};

use crate::mesh::{Input, Site, render};

pub(super) fn compile(input: &Input) -> Vec<Content> {
    let mut ready: Vec<&Site> = input
        .sites
        .iter()
        .filter(|site| site.public_keys.len() >= site.spec.uplinks.len() && !site.addresses.is_empty())
        .collect();
    ready.sort_by(|one, other| one.spec.name.cmp(&other.spec.name));
    ready.iter().map(|site| content(input, &ready, site)).collect()
}

fn home(spoke: &Site, ready: &[&Site]) -> Option<Name> {
    let mut hubs = ready.iter().filter(|site| site.spec.hub).map(|site| site.spec.name.clone());
    match &spoke.spec.via {
        Some(via) => hubs.find(|hub| hub == via),
        None => hubs.next(),
    }
}

fn own(site: &Site) -> Vec<IpNet> {
    site.addresses.iter().map(|&address| IpNet::from(address)).chain(site.spec.prefixes.iter().copied()).collect()
}

/// What `site` may receive from `peer`; none if they have no tunnel.
fn allowed(input: &Input, ready: &[&Site], site: &Site, peer: &Site) -> Option<Vec<IpNet>> {
    let spokes = |hub: &Site| {
        ready
            .iter()
            .filter(|spoke| !spoke.spec.hub && home(spoke, ready).as_ref() == Some(&hub.spec.name))
            .flat_map(|spoke| own(spoke))
            .collect::<Vec<_>>()
    };
    let mut ranges = match (input.spec.topology, site.spec.hub, peer.spec.hub) {
        (Topology::Mesh, _, _) => own(peer),
        (_, true, true) => [own(peer), spokes(peer)].concat(),
        (_, true, false) if home(peer, ready).as_ref() == Some(&site.spec.name) => own(peer),
        (_, false, true) if home(site, ready).as_ref() == Some(&peer.spec.name) => {
            let mut all = vec![IpNet::V4(input.spec.range)];
            all.extend(input.spec.range6.map(IpNet::V6));
            all.extend(ready.iter().filter(|other| other.id != site.id).flat_map(|other| other.spec.prefixes.clone()));
            all
        }
        _ => return None,
    };
    ranges.sort();
    ranges.dedup();
    Some(ranges)
}

fn content(input: &Input, ready: &[&Site], site: &Site) -> Content {
    let base = site.port_base.unwrap_or(51_820);
    let peers: Vec<Peer> = ready
        .iter()
        .filter(|peer| peer.id != site.id)
        .filter_map(|peer| Some(entry(peer, allowed(input, ready, site, peer)?)))
        .collect();
    let mut tunnels = Vec::new();
    for local in 0..u8::try_from(site.spec.uplinks.len()).unwrap() {
        for remote in 0..4u8 {
            if peers.iter().any(|peer| peer.uplinks.len() > usize::from(remote)) {
                tunnels.push(Tunnel { local, remote, port: base + u16::from(4 * local + remote) });
            }
        }
    }
    let smallest = ready.iter().flat_map(|site| &site.spec.uplinks).map(|uplink| uplink.mtu).min().unwrap();
    Content {
        format: 1,
        network: Party { id: input.network, name: input.spec.name.clone() },
        site: Party { id: site.id, name: site.spec.name.clone() },
        mtu: input.spec.mtu.unwrap_or((smallest - 80).max(1280)),
        addresses: site.addresses.clone(),
        forwards: {
            let of_a_hub = input.spec.topology == Topology::HubSpoke && site.spec.hub;
            let spokes = ready
                .iter()
                .filter(|spoke| of_a_hub && !spoke.spec.hub && home(spoke, ready).as_ref() == Some(&site.spec.name));
            let behind: Vec<IpNet> =
                site.spec.prefixes.iter().copied().chain(spokes.flat_map(|spoke| own(spoke))).collect();
            Forwards {
                ipv4: behind.iter().any(|range| range.addr().is_ipv4()),
                ipv6: behind.iter().any(|range| range.addr().is_ipv6()),
            }
        },
        uplinks: (0..site.spec.uplinks.len())
            .map(|index| LocalUplink {
                name: site.spec.uplinks[index].name.clone(),
                public_key: site.public_keys[index],
                device: site.spec.uplinks[index].device.clone(),
                gateway: site.spec.uplinks[index].gateway,
                gateway6: site.spec.uplinks[index].gateway6,
                cost: site.spec.uplinks[index].cost,
                keepalive_s: if site.spec.uplinks[index].endpoint.is_some() { 0 } else { 25 },
                metered: site.spec.uplinks[index].metered,
                drained: site.spec.uplinks[index].drained,
                labels: site.spec.uplinks[index].labels.clone(),
            })
            .collect(),
        confirm: input.spec.confirm.for_site(|probe| probe.is_run_by(&site.spec)),
        paths: input.spec.paths.clone(),
        tunnels,
        spare: spare(input, ready, site),
        peers,
        policies: crate::policy::resolve(&input.policies, &input.sites, &input.spec.apps).unwrap(),
    }
}

fn spare(input: &Input, ready: &[&Site], site: &Site) -> Option<Spare> {
    let rotating = input.rotation?;
    let ours = site.spare_key?;
    let way = |site: &Site| {
        let mut ways: Vec<usize> = (0..site.spec.uplinks.len()).collect();
        ways.sort_by_key(|index| (site.spec.uplinks[*index].endpoint.is_none(), site.spec.uplinks[*index].cost));
        ways[0]
    };
    let mut peers = Vec::new();
    for peer in ready.iter().filter(|peer| peer.id != site.id && allowed(input, ready, site, peer).is_some()) {
        let (Some(theirs), true) = (peer.spare_key, [site.id, peer.id].contains(&rotating.site)) else { continue };
        let way = way(peer);
        let endpoint = peer.spec.uplinks[way].endpoint.clone();
        let endpoint = endpoint.map(|endpoint| Endpoint {
            port: match endpoint.port {
                None => Some(peer.port_base.unwrap_or(51_820) + 16),
                Some(port) => Some(port + 16 - 4 * u16::try_from(way).unwrap()),
            },
            ..endpoint
        });
        peers.push(SparePeer { name: peer.spec.name.clone(), public_key: theirs, endpoint });
    }
    (!peers.is_empty()).then(|| Spare {
        public_key: ours,
        port: site.port_base.unwrap_or(51_820) + 16,
        local: u8::try_from(way(site)).unwrap(),
        carries: rotating.to_spare,
        peers,
    })
}

fn entry(peer: &Site, allowed_ips: Vec<IpNet>) -> Peer {
    let base = peer.port_base.unwrap_or(51_820);
    let uplinks = (0..peer.spec.uplinks.len()).map(|index| PeerUplink {
        public_key: peer.public_keys[index],
        endpoint: peer.spec.uplinks[index].endpoint.clone().map(|endpoint| Endpoint {
            port: endpoint.port.or(Some(base + 4 * u16::try_from(index).unwrap())),
            ..endpoint
        }),
        cost: peer.spec.uplinks[index].cost,
        keepalive_s: None,
        drained: peer.spec.uplinks[index].drained,
    });
    Peer {
        name: peer.spec.name.clone(),
        addresses: peer.addresses.clone(),
        allowed_ips,
        probe_port: peer.port_base.map(|base| base + 17),
        uplinks: uplinks.collect(),
    }
}

/// The files for people, from the content alone.
pub(super) fn wireguard(content: &Content) -> Vec<(String, String)> {
    let file = |tunnel: &Tunnel| {
        let uplink = &content.uplinks[usize::from(tunnel.local)];
        let mut text = render::head(&render::Head {
            network: &content.network.name,
            site: &content.site.name,
            addresses: &content.addresses,
            mtu: content.mtu,
            uplink,
            tunnel,
            routes: (tunnel.local, tunnel.remote) == (0, 0),
        });
        for peer in &content.peers {
            text.extend(render::peer(peer, tunnel.local, tunnel.remote, uplink.keepalive_s));
        }
        (render::file_name(tunnel), text)
    };
    content.tunnels.iter().map(file).collect()
}
