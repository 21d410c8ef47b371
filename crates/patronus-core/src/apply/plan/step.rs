//! One step of a plan: one call of the agent's effects.

use std::fmt;
use std::net::IpAddr;

use patronus_types::PublicKey;

use crate::apply::model::{PeerChange, RouteChange, RuleChange};

/// Something to do. Doing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a tunnel (alias, `rp_filter` 2, MTU, up), or finish one whose making was cut short.
    CreateTunnel {
        /// Its name.
        interface: String,
        /// MTU in bytes.
        mtu: u32,
    },
    /// Delete a tunnel, with its addresses and routes.
    DeleteTunnel {
        /// Its name.
        interface: String,
    },
    /// Change a tunnel's MTU.
    SetMtu {
        /// Its name.
        interface: String,
        /// MTU in bytes.
        mtu: u32,
    },
    /// Change a tunnel's key, port and peers in place.
    ChangeWireguard {
        /// Its name.
        interface: String,
        /// The public half of the private key to set; none to leave it.
        key: Option<PublicKey>,
        /// The port to listen on; none to leave it, 0 for any free one.
        port: Option<u16>,
        /// Changes to peers, in order.
        peers: Vec<PeerChange>,
    },
    /// Add an overlay address.
    AddAddress {
        /// The tunnel.
        interface: String,
        /// The address.
        address: IpAddr,
    },
    /// Remove an overlay address.
    RemoveAddress {
        /// The tunnel.
        interface: String,
        /// The address.
        address: IpAddr,
    },
    /// Change a kernel setting.
    SetSysctl {
        /// Its path below `/proc/sys`.
        path: String,
        /// Its value.
        value: String,
    },
    /// Change rules, in order.
    ChangeRules(Vec<RuleChange>),
    /// Change routes, in order and in one batch.
    ChangeRoutes(Vec<RouteChange>),
    /// Replace the network's nft table.
    ReplaceFirewall {
        /// Its chains.
        chains: String,
        /// Whether it is an error that it cannot be.
        required: bool,
    },
    /// Remove the network's nft table.
    RemoveFirewall,
    /// Send something to peers at once: what waits for a packet of ours (a new port, endpoint or key) then moves on.
    Probe {
        /// The tunnel.
        interface: String,
        /// The peers.
        peers: Vec<PublicKey>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTunnel { interface, mtu } => write!(f, "create {interface} with mtu {mtu}"),
            Self::DeleteTunnel { interface } => write!(f, "delete {interface}"),
            Self::SetMtu { interface, mtu } => write!(f, "set the mtu of {interface} to {mtu}"),
            Self::ChangeWireguard { interface, key, port, peers } => {
                write!(f, "change {interface}:")?;
                key.iter().try_for_each(|key| write!(f, " key {key}"))?;
                port.iter().try_for_each(|port| write!(f, " port {port}"))?;
                write!(f, " {} peers", peers.len())
            }
            Self::AddAddress { interface, address } => write!(f, "add {address} to {interface}"),
            Self::RemoveAddress { interface, address } => write!(f, "remove {address} from {interface}"),
            Self::SetSysctl { path, value } => write!(f, "set {path} to {value}"),
            Self::ChangeRules(changes) => write!(f, "change {} rules", changes.len()),
            Self::ChangeRoutes(changes) => write!(f, "change {} routes", changes.len()),
            Self::ReplaceFirewall { .. } => f.write_str("replace the nft table"),
            Self::RemoveFirewall => f.write_str("remove the nft table"),
            Self::Probe { interface, peers } => write!(f, "probe {} peers on {interface}", peers.len()),
        }
    }
}
