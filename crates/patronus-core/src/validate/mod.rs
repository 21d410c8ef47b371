//! The rules a declared value must keep by itself, whatever else is declared. All faults at once, each with its place.
//!
//! What concerns several objects (two sites with one prefix) is the [lint](crate::lint)'s.

mod cidr;
mod network;
mod path;
mod policy;
mod probe;
mod site;
mod text;
mod uplink;

use patronus_types::PublicKey;
use patronus_types::api::error::Fault;
use patronus_types::bound::Bound;
use patronus_types::site::MAX_UPLINKS;

pub use network::network;
pub use path::path_settings;
pub use policy::{MAX_PREFERRED, policy};
pub use site::{MAX_PREFIXES, site};
pub use uplink::device_name;

pub(crate) use cidr::unusable;
pub(crate) use probe::of_one_site as probes_of_one_site;

/// The lowest first port of a site.
pub const MIN_PORT_BASE: u16 = 1024;
/// The highest first port of a site: the probes' port is 17 above it.
pub const MAX_PORT_BASE: u16 = u16::MAX - 17;

/// Collects faults below one place.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Fault { pointer: pointer.into(), detail: detail.into() });
    }

    /// Adds a fault unless `holds`.
    pub(crate) fn check(&mut self, holds: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.add(pointer, detail);
        }
    }

    /// Adds a fault unless a number is within its bound.
    pub(crate) fn within(&mut self, bound: &Bound, number: impl Into<u32>, pointer: impl Into<String>) {
        let number = number.into();
        self.check(bound.holds(number), pointer, bound.instead_of(number));
    }

    pub(crate) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// The keys an agent brings (or a person enters): one to four, all different.
pub fn public_keys(keys: &[PublicKey]) -> Vec<Fault> {
    let mut faults = Faults::default();
    let count = (1..=MAX_UPLINKS).contains(&keys.len());
    faults.check(count, "/public_keys", format!("send 1 to {MAX_UPLINKS} keys, one for each uplink a site can have"));
    for (index, key) in keys.iter().enumerate() {
        let pointer = format!("/public_keys/{index}");
        faults.check(!keys[..index].contains(key), &pointer, "the same key twice: each uplink needs its own");
        faults.check(key.0 != [0; 32], &pointer, "an all-zero key has no private half");
    }
    faults.into_vec()
}

/// The first of a site's UDP ports.
pub fn port_base(port: u16) -> Vec<Fault> {
    let mut faults = Faults::default();
    faults.check(
        (MIN_PORT_BASE..=MAX_PORT_BASE).contains(&port),
        "/port_base",
        format!("use {MIN_PORT_BASE} to {MAX_PORT_BASE}, not {port}, so that the 18 ports from there on exist"),
    );
    faults.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_few_and_different() {
        let key = |byte| PublicKey([byte; 32]);
        assert!(public_keys(&[key(1), key(2), key(3), key(4)]).is_empty());
        assert_eq!(public_keys(&[])[0].pointer, "/public_keys");
        assert_eq!(public_keys(&[key(1), key(2), key(1)])[0].pointer, "/public_keys/2");
        assert_eq!(public_keys(&[key(0)])[0].pointer, "/public_keys/0");
        assert_eq!(public_keys(&[key(1), key(2), key(3), key(4), key(5)]).len(), 1);
    }

    #[test]
    fn ports_exist() {
        assert!(port_base(51_820).is_empty() && port_base(65_518).is_empty());
        assert_eq!(port_base(1023).len() + port_base(65_519).len(), 2);
    }
}
