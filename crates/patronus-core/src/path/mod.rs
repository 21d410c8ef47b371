//! Paths: what goes through a tunnel to see whether it carries, what is made of it, and which path is used.
//!
//! ```text
//! packet ─▶ prober ─▶ hearing, estimate ─▶ score ─▶ select ─▶ a change of route
//!              ▲                                       │
//!              └── schedule ◀── traffic, what is used ─┘
//! ```
//!
//! Times are durations on the agent's own clock that never goes back; [`prober::Prober`] is the machine that a driver runs.

pub mod estimate;
pub mod hearing;
pub mod mtu;
pub mod packet;
pub mod prober;
pub mod schedule;
pub mod score;
pub mod select;
pub mod summary;
pub mod window;

use patronus_types::{Name, PathId, SiteId};
use sha2::{Digest, Sha256};

/// The port for these packets: so far above the first of a network's ports, on every tunnel.
pub const PORT_OFFSET: u16 = 17;

/// What stands in a packet for both uplinks where it goes through the spare tunnel.
pub const SPARE: u8 = 4;

/// The id of the path from an uplink of a site to an uplink of another: the first 128 bits of the SHA-256 of all four, so that
/// nobody has to remember which it was.
pub fn id(source: (SiteId, &Name), dest: (SiteId, &Name)) -> PathId {
    let text = format!("{} {} {} {}", source.0, source.1, dest.0, dest.1);
    let hash: [u8; 32] = Sha256::digest(text).into();
    let bits = hash.iter().take(16).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    PathId::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_id_and_the_way_back_another() {
        let site = |number| SiteId::new(number, &[0; 10]);
        let (fiber, lte): (Name, Name) = ("fiber".parse().unwrap(), "lte".parse().unwrap());
        let there = id((site(1), &fiber), (site(2), &lte));
        assert_eq!(there, id((site(1), &fiber), (site(2), &lte)));
        assert_eq!(there.to_string().parse(), Ok(there));
        assert_ne!(there, id((site(2), &lte), (site(1), &fiber)));
        assert_ne!(there, id((site(1), &lte), (site(2), &fiber)));
    }
}
