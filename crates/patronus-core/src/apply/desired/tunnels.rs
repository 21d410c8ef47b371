//! Interfaces and their peers.

use patronus_types::bundle::{Content, LocalUplink, Peer, Tunnel};

use super::{Desired, DesiredPeer, DesiredTunnel, Unfit};
use crate::apply::Facts;

pub(super) fn add(desired: &mut Desired, content: &Content, facts: &Facts) -> Result<(), Unfit> {
    for tunnel in &content.tunnels {
        let Some(uplink) = content.uplinks.get(usize::from(tunnel.local)) else { continue };
        if !facts.keys.contains(&uplink.public_key) {
            return Err(Unfit::Key { uplink: uplink.name.clone(), public_key: uplink.public_key });
        }
        let name = facts.owner.interface(tunnel.local, tunnel.remote);
        let made = make(&mut desired.warnings, content, facts, (tunnel, uplink));
        desired.tunnels.insert(name, made);
    }
    Ok(())
}

fn make(
    warnings: &mut Vec<String>,
    content: &Content,
    facts: &Facts,
    (tunnel, uplink): (&Tunnel, &LocalUplink),
) -> DesiredTunnel {
    let addresses = content.addresses.iter().copied().filter(|&address| facts.has_family_of(address));
    let mut made = DesiredTunnel {
        local: tunnel.local,
        public_key: uplink.public_key,
        port: tunnel.port,
        mtu: u32::from(content.mtu),
        addresses: addresses.collect(),
        peers: Default::default(),
    };
    for peer in &content.peers {
        let Some(far) = peer.uplinks.get(usize::from(tunnel.remote)) else { continue };
        let endpoint = far.endpoint.as_ref().and_then(|endpoint| {
            let found = facts.socket_address(endpoint, tunnel.local);
            if found.is_none() && tunnel.local == 0 {
                warnings.push(format!("the endpoint {endpoint} of {} cannot be resolved now", peer.name));
            }
            found
        });
        let Peer { name, allowed_ips, .. } = peer;
        made.peers.insert(
            far.public_key,
            DesiredPeer {
                name: name.clone(),
                endpoint,
                allowed_ips: allowed_ips.iter().copied().collect(),
                keepalive_s: far.keepalive_s.unwrap_or(uplink.keepalive_s),
            },
        );
    }
    made
}
