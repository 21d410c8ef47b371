//! The kernel's WireGuard, by generic netlink.
//!
//! The crate's socket blocks, so each conversation has a blocking thread and a socket of its own.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use patronus_types::{PublicKey, Timestamp};
use wireguard_uapi::set::{AllowedIp, Device, Peer as PeerMessage, WgPeerF};
use wireguard_uapi::{DeviceInterface, WgSocket, get};

use crate::effects::error::{Error, Result};
use crate::effects::model::{AllowedIps, Peer, PeerChange, PeerState, PeerUpdate, WireguardChange, WireguardState};
use crate::effects::ports;

/// Peers in one message. The crate would split a longer list by itself, but it copies all of a message for each peer
/// that it adds: a thousand at once take a hundred times as long.
const BATCH: usize = 32;

/// Reads a device.
pub(super) async fn read(name: &str) -> Result<WireguardState> {
    let owned = name.to_owned();
    let device = blocking(name, move || {
        let mut socket = WgSocket::connect().map_err(io::Error::other)?;
        socket.get_device(DeviceInterface::from_name(owned)).map_err(io::Error::other)
    });
    Ok(state(device.await?))
}

/// Changes a device.
pub(super) async fn change(name: &str, change: WireguardChange) -> Result<()> {
    let owned = name.to_owned();
    let port = change.port;
    let changed = blocking(name, move || set(&owned, &change)).await;
    match (changed, port) {
        // The crate hides the number of the error: whether the port was the reason is asked of the port.
        (Err(Error::Device { .. }), Some(port)) if !ports::is_free(port) => {
            Err(Error::PortInUse { interface: name.to_owned(), port, holder: ports::holder(port) })
        }
        (changed, _) => changed,
    }
}

async fn blocking<T: Send + 'static>(name: &str, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Error::device(name, error)),
        Err(panicked) => Err(Error::device(name, panicked)),
    }
}

fn set(name: &str, change: &WireguardChange) -> io::Result<()> {
    let mut socket = WgSocket::connect().map_err(io::Error::other)?;
    let (first, rest) = change.peers.split_at(change.peers.len().min(BATCH));
    let mut identity = Device::from_ifname(name);
    identity.private_key = change.private_key.as_ref().map(|key| key.expose());
    identity.listen_port = change.port;
    send(&mut socket, identity, first)?;
    rest.chunks(BATCH).try_for_each(|peers| send(&mut socket, Device::from_ifname(name), peers))
}

fn send(socket: &mut WgSocket, device: Device<'_>, changes: &[PeerChange]) -> io::Result<()> {
    let prefixes: Vec<Vec<Prefix>> = changes.iter().map(|peer| prefixes(allowed_ips(peer))).collect();
    let peers = changes.iter().zip(&prefixes).map(|(peer, prefixes)| message(peer, prefixes)).collect();
    socket.set_device(device.peers(peers)).map_err(io::Error::other)
}

/// The crate's messages borrow addresses, which `IpNet` gives by value only.
type Prefix = (IpAddr, u8);

fn prefixes(nets: &[IpNet]) -> Vec<Prefix> {
    nets.iter().map(|net| (net.addr(), net.prefix_len())).collect()
}

fn allowed_ips(change: &PeerChange) -> &[IpNet] {
    match change {
        PeerChange::Add(peer) => &peer.allowed_ips,
        PeerChange::Update(PeerUpdate { allowed_ips: AllowedIps::Add(nets) | AllowedIps::Replace(nets), .. }) => nets,
        PeerChange::Update(_) | PeerChange::Remove(_) => &[],
    }
}

fn message<'a>(change: &'a PeerChange, prefixes: &'a [Prefix]) -> PeerMessage<'a> {
    let allowed = prefixes.iter().map(|(ipaddr, mask)| AllowedIp { ipaddr, cidr_mask: Some(*mask) }).collect();
    let mut message = match change {
        PeerChange::Add(peer) => add(peer),
        PeerChange::Update(update) => self::update(update),
        PeerChange::Remove(key) => PeerMessage::from_public_key(&key.0).flags(vec![WgPeerF::RemoveMe]),
    };
    message.allowed_ips = allowed;
    message
}

fn add(peer: &Peer) -> PeerMessage<'_> {
    let mut message = PeerMessage::from_public_key(&peer.public_key.0).flags(vec![WgPeerF::ReplaceAllowedIps]);
    message.preshared_key = peer.preshared_key.as_ref().map(|key| key.expose());
    message.endpoint = peer.endpoint.as_ref();
    message.persistent_keepalive_interval = Some(peer.keepalive_s);
    message
}

fn update(update: &PeerUpdate) -> PeerMessage<'_> {
    let mut flags = vec![WgPeerF::UpdateOnly];
    if matches!(update.allowed_ips, AllowedIps::Replace(_)) {
        flags.push(WgPeerF::ReplaceAllowedIps);
    }
    let mut message = PeerMessage::from_public_key(&update.public_key.0).flags(flags);
    message.preshared_key = update.preshared_key.as_ref().map(|key| key.expose());
    message.endpoint = update.endpoint.as_ref();
    message.persistent_keepalive_interval = update.keepalive_s;
    message
}

fn state(device: get::Device) -> WireguardState {
    WireguardState {
        public_key: device.public_key.map(PublicKey),
        port: device.listen_port,
        peers: device.peers.into_iter().map(peer_state).collect(),
    }
}

fn peer_state(peer: get::Peer) -> (PublicKey, PeerState) {
    let state = PeerState {
        endpoint: peer.endpoint,
        allowed_ips: peer.allowed_ips.iter().filter_map(|net| IpNet::new(net.ipaddr, net.cidr_mask).ok()).collect(),
        keepalive_s: peer.persistent_keepalive_interval,
        preshared: peer.preshared_key != [0; 32],
        last_handshake: handshake(peer.last_handshake_time),
        rx_bytes: peer.rx_bytes,
        tx_bytes: peer.tx_bytes,
    };
    (PublicKey(peer.public_key), state)
}

fn handshake(since_1970: Duration) -> Option<Timestamp> {
    let seconds = i64::try_from(since_1970.as_secs()).ok().filter(|seconds| *seconds > 0)?;
    Timestamp::new(seconds, i32::try_from(since_1970.subsec_nanos()).ok()?).ok()
}
