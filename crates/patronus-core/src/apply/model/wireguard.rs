//! A WireGuard device's configuration as it is, and small differences to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ipnet::IpNet;
use patronus_types::{PublicKey, Timestamp};

use super::{PresharedKey, PrivateKey};

/// Key, port and peers of one device. The private key is never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WireguardState {
    /// Public half of its key; none while it has no key.
    pub public_key: Option<PublicKey>,
    /// The UDP port it listens on; 0 when it has no socket.
    pub port: u16,
    /// Its peers.
    pub peers: BTreeMap<PublicKey, PeerState>,
}

/// One peer as the device holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerState {
    /// Where it is reached now: as configured, or as learnt from its packets.
    pub endpoint: Option<SocketAddr>,
    /// What it may send and is sent.
    pub allowed_ips: BTreeSet<IpNet>,
    /// Seconds between keepalives; 0 is none.
    pub keepalive_s: u16,
    /// Whether it has a preshared key.
    pub preshared: bool,
    /// When the last handshake was completed; none if never.
    pub last_handshake: Option<Timestamp>,
    /// Bytes received, authenticated.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
}

/// A peer to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub public_key: PublicKey,
    /// Its preshared key.
    pub preshared_key: Option<PresharedKey>,
    /// Where it is reached; none where its packets tell.
    pub endpoint: Option<SocketAddr>,
    /// What it may send and is sent.
    pub allowed_ips: Vec<IpNet>,
    /// Seconds between keepalives; 0 is none.
    pub keepalive_s: u16,
}

/// What to do with a peer's allowed addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedIps {
    /// Leave them.
    #[default]
    Keep,
    /// Add some. Each is taken from whichever peer has it, in the same instant: nothing is lost.
    Add(Vec<IpNet>),
    /// Make it exactly these. The device empties the list first, so use it only where something must go.
    Replace(Vec<IpNet>),
}

/// Changes to an existing peer; what is none stays. It never makes a peer that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerUpdate {
    /// The peer.
    pub public_key: PublicKey,
    /// A new endpoint. An endpoint cannot be taken away, only replaced.
    pub endpoint: Option<SocketAddr>,
    /// Its allowed addresses.
    pub allowed_ips: AllowedIps,
    /// Seconds between keepalives; 0 switches them off.
    pub keepalive_s: Option<u16>,
    /// A new preshared key.
    pub preshared_key: Option<PresharedKey>,
}

impl PeerUpdate {
    /// An update that changes nothing yet.
    pub fn of(public_key: PublicKey) -> Self {
        Self { public_key, endpoint: None, allowed_ips: AllowedIps::Keep, keepalive_s: None, preshared_key: None }
    }
}

/// One change to a device's peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerChange {
    /// Add it.
    Add(Peer),
    /// Change it in place: its session stays.
    Update(PeerUpdate),
    /// Remove it. Nothing happens if it is not there.
    Remove(PublicKey),
}

/// A difference to a device; what it does not name stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WireguardChange {
    /// A new private key.
    pub private_key: Option<PrivateKey>,
    /// A new UDP port.
    pub port: Option<u16>,
    /// Changes to peers, in order.
    pub peers: Vec<PeerChange>,
}
