//! WireGuard configurations in the form of `wg-quick`: what an operator uploads, and what is written for people.
//!
//! Reading is strict, because the text becomes what an agent does as root. Commands and secrets are refused with the
//! reason, so is everything that is unknown, written twice or not meant as it stands; and all faults are told at once,
//! each with line and column. No message repeats the value of a secret.
//!
//! What is written here is read back as the same values.

mod error;
mod line;
mod parse;
mod setting;
mod value;
mod write;

use ipnet::IpNet;
use patronus_types::{Endpoint, PublicKey};

pub use error::{Fault, Faults};
pub use parse::parse;

/// The configuration of one WireGuard interface, without its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The interface itself.
    pub interface: Interface,
    /// Its peers, in the order written; no key twice.
    pub peers: Vec<Peer>,
}

/// What `[Interface]` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its addresses, at least one; bits behind the prefix are the host's.
    pub addresses: Vec<IpNet>,
    /// UDP port it listens on.
    pub listen_port: Option<u16>,
    /// MTU in bytes.
    pub mtu: Option<u16>,
    /// Whether `wg-quick` shall set no routes (`Table = off`).
    pub table_off: bool,
}

/// What one `[Peer]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub public_key: PublicKey,
    /// What it may send and is sent; at least one range, none of which another peer has.
    pub allowed_ips: Vec<IpNet>,
    /// Where it is reached; always with a port.
    pub endpoint: Option<Endpoint>,
    /// Seconds between keepalives, 0 for none.
    pub keepalive_s: Option<u16>,
}

#[cfg(test)]
mod tests;
