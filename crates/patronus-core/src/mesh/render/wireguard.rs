//! `wg/tunnel-<i><j>.conf`: the same for people, to look at or to bring a tunnel up by hand with wg-quick.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::bundle::{LocalUplink, Peer, Tunnel};
use patronus_types::{Endpoint, Name};

/// What stands before a peer's allowed addresses.
pub(super) const ALLOWED: &str = "AllowedIPs = ";

/// What an interface's own section says.
pub(in crate::mesh) struct Head<'a> {
    pub(in crate::mesh) network: &'a Name,
    pub(in crate::mesh) site: &'a Name,
    pub(in crate::mesh) addresses: &'a [IpAddr],
    pub(in crate::mesh) mtu: u16,
    pub(in crate::mesh) uplink: &'a LocalUplink,
    pub(in crate::mesh) tunnel: &'a Tunnel,
    /// Whether wg-quick makes the routes; only one of several tunnels can.
    pub(in crate::mesh) routes: bool,
}

/// The file's name in the bundle.
pub(in crate::mesh) fn file_name(tunnel: &Tunnel) -> String {
    format!("wg/tunnel-{}{}.conf", tunnel.local, tunnel.remote)
}

/// The interface's section.
pub(in crate::mesh) fn head(head: &Head<'_>) -> String {
    let Head { network, site, addresses, mtu, uplink, tunnel, routes } = head;
    let addresses: Vec<String> = addresses.iter().map(|&address| IpNet::from(address).to_string()).collect();
    let mut text = format!(
        "# Patronus: network {network}, site {site}, uplink {name} with uplink {remote} of the others.\n\
         # For people; the agent reads bundle.json. To use it with wg-quick, put the site's key into the line below.\n\
         [Interface]\n\
         # PrivateKey = (the private half of {key})\n\
         Address = {addresses}\n\
         ListenPort = {port}\n\
         MTU = {mtu}\n",
        name = uplink.name,
        remote = tunnel.remote,
        key = uplink.public_key,
        addresses = addresses.join(", "),
        port = tunnel.port,
    );
    if !routes {
        text.push_str("Table = off\n");
    }
    text
}

/// A peer's section on interface (local, remote); none if it has no such uplink.
pub(in crate::mesh) fn peer(peer: &Peer, local: u8, remote: u8, keepalive_s: u16) -> Option<String> {
    let uplink = peer.uplinks.get(usize::from(remote))?;
    let allowed: Vec<String> = peer.allowed_ips.iter().map(IpNet::to_string).collect();
    let mut text = format!("\n[Peer]\n# {}\nPublicKey = {}\n", peer.name, uplink.public_key);
    if let Some(endpoint) = uplink.endpoint.as_ref().and_then(|endpoint| endpoint_of(endpoint, local)) {
        let _ = writeln!(text, "Endpoint = {endpoint}");
    }
    let _ = writeln!(text, "{ALLOWED}{}", allowed.join(", "));
    match uplink.keepalive_s.unwrap_or(keepalive_s) {
        0 => {}
        seconds => {
            let _ = writeln!(text, "PersistentKeepalive = {seconds}");
        }
    }
    Some(text)
}

/// Where local uplink `local` reaches a peer's uplink. None only if the port would not exist.
fn endpoint_of(endpoint: &Endpoint, local: u8) -> Option<Endpoint> {
    let port = endpoint.port?.checked_add(u16::from(local))?;
    Some(Endpoint { host: endpoint.host.clone(), port: Some(port) })
}
