//! A tunnel: one WireGuard interface of this host.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use super::WireguardState;

/// What carries a tunnel's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// The kernel's own WireGuard, by netlink.
    Kernel,
    /// A process of its own, by its configuration socket.
    Userspace,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Userspace => "userspace",
        })
    }
}

/// A tunnel as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The interface's index. It stays the same for as long as the tunnel was never restarted.
    pub index: u32,
    /// What carries it.
    pub driver: Driver,
    /// MTU in bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// Its overlay addresses, each a /32 or /128.
    pub addresses: BTreeSet<IpAddr>,
    /// `rp_filter`, where the kernel says.
    pub rp_filter: Option<u8>,
    /// Its key, port and peers, or why they cannot be read (a process that does not answer).
    pub wireguard: Result<WireguardState, String>,
}
