//! Everything of the agent that touches Linux. What to do is decided elsewhere; here it is done.
//!
//! A tunnel's life: [`Device::create_tunnel`] makes the interface (by netlink, or by starting the userspace program) and
//! gives it the network's alias; then key, port and peers, addresses and routes are changed in place, in small steps,
//! for as long as it lives; [`Device::delete_tunnel`] ends it. [`Device::observe`] sees all of it at any time, so the
//! agent can die at any instant and go on from what is there.
//!
//! Invariants: an interface without the owner's alias is never changed; routes and rules are ours by `protocol 80`, the
//! nft table by its name. No link is ever taken down. The only programs run are the userspace WireGuard and `nft`.
//!
//! Absent on purpose: comparing desired with observed (the plan does), probing, clocks, the server.

mod address;
mod conntrack;
mod device;
pub mod disk;
mod error;
mod host;
mod link;
pub use patronus_core::apply::model;
mod netlink;
pub mod nft;
mod observe;
pub mod ports;
mod route;
mod rule;
pub mod sysctl;
mod watch;
mod wireguard;

pub use device::{Device, Linux};
pub use error::{Error, Result};
pub use watch::{News, Watch};
pub use wireguard::{DriverChoice, Settings, probe_kernel};
