//! Host indexes: which address of a network's range is whose.
//!
//! A never-used index is given out first. One that a deleted site had comes back only when the range is used up, the
//! oldest first, and not within a day: a site that was away may still run a bundle that knows it under that address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::SignedDuration;
use patronus_types::NetworkId;
use patronus_types::network::{Network, NetworkSpec};
use rusqlite::params;

use crate::StoreError;
use crate::sqlite::codec::{Ms, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::Unit;

/// How long an index rests.
const REST: SignedDuration = SignedDuration::from_hours(24);

/// The addresses that an index stands for.
pub(in crate::sqlite) struct Hosts<'a>(pub &'a NetworkSpec);

impl Hosts<'_> {
    /// The greatest index: the first address of a range is the network's, the last IPv4 one is the broadcast's.
    fn last(&self) -> u32 {
        let hosts = |bits: u8| 1u32.checked_shl(u32::from(bits)).map_or(u32::MAX, |size| size - 1);
        let last4 = hosts(32 - self.0.range.prefix_len()).saturating_sub(1);
        let last6 = self.0.range6.map_or(u32::MAX, |range| hosts(128 - range.prefix_len()));
        last4.min(last6)
    }

    /// The addresses of an index: IPv4, then IPv6 where the network has it.
    fn addresses(&self, host: u32) -> Vec<IpAddr> {
        let first4 = u32::from(self.0.range.network());
        let address4 = IpAddr::V4(Ipv4Addr::from(first4.saturating_add(host)));
        let address6 = self.0.range6.map(|range| {
            let first6 = u128::from(range.network());
            IpAddr::V6(Ipv6Addr::from(first6.saturating_add(u128::from(host))))
        });
        [Some(address4), address6].into_iter().flatten().collect()
    }
}

/// Gives out an index and its addresses.
pub(in crate::sqlite) fn take(unit: &Unit<'_>, network: &Network) -> Outcome<(u32, Vec<IpAddr>)> {
    let hosts = Hosts(&network.spec);
    let fresh: Option<u32> = unit.row(
        "UPDATE networks SET next_host = next_host + 1 WHERE id = ?1 AND next_host <= ?2 RETURNING next_host - 1",
        params![Text(network.id), hosts.last()],
        |row| row.get(0),
    )?;
    let host = match fresh {
        Some(host) => host,
        None => oldest_rested(unit, network.id)?.ok_or_else(|| used_up(network))?,
    };
    Ok((host, hosts.addresses(host)))
}

fn oldest_rested(unit: &Unit<'_>, network: NetworkId) -> Outcome<Option<u32>> {
    unit.row(
        "DELETE FROM freed_hosts WHERE (network_id, host) IN
            (SELECT network_id, host FROM freed_hosts WHERE network_id = ?1 AND freed_at < ?2
             ORDER BY freed_at, host LIMIT 1)
         RETURNING host",
        params![Text(network), Ms(unit.now() - REST)],
        |row| row.get(0),
    )
}

fn used_up(network: &Network) -> StoreError {
    let NetworkSpec { name, range, range6, .. } = &network.spec;
    let ranges = range6.map_or_else(|| range.to_string(), |range6| format!("{range} or {range6}"));
    StoreError::Conflict(format!(
        "network `{name}` has no address left in {ranges}: addresses of deleted sites come back after 24 hours; \
         for more sites make a network with a larger range"
    ))
}

/// Puts a deleted site's index to rest.
pub(in crate::sqlite) fn free(unit: &Unit<'_>, network: NetworkId, host: u32) -> Outcome<()> {
    unit.execute(
        "INSERT INTO freed_hosts (network_id, host, tenant_id, freed_at) VALUES (?1, ?2, ?3, ?4)",
        params![Text(network), host, Text(unit.tenant()), Ms(unit.now())],
    )?;
    Ok(())
}

/// Forgets what was given out, for a new range: its addresses are others.
pub(super) fn start_over(unit: &Unit<'_>, network: NetworkId) -> Outcome<()> {
    unit.execute("UPDATE networks SET next_host = 1 WHERE id = ?1", [Text(network)])?;
    unit.execute("DELETE FROM freed_hosts WHERE network_id = ?1", [Text(network)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(range: &str, range6: Option<&str>) -> NetworkSpec {
        let mut spec = NetworkSpec::named("n".parse().unwrap());
        spec.range = range.parse().unwrap();
        spec.range6 = range6.map(|range| range.parse().unwrap());
        spec
    }

    #[test]
    fn the_smaller_range_decides() {
        assert_eq!(Hosts(&spec("10.0.0.0/30", None)).last(), 2);
        assert_eq!(Hosts(&spec("10.0.0.0/8", Some("fd00::/112"))).last(), 65_535);
        assert_eq!(Hosts(&spec("10.0.0.0/8", Some("fd00::/32"))).last(), (1 << 24) - 2);
    }

    #[test]
    fn an_index_is_one_address_of_each_family() {
        let spec = spec("10.1.2.3/24", Some("fd00:1::/64"));
        let expected: Vec<IpAddr> = vec!["10.1.2.254".parse().unwrap(), "fd00:1::fe".parse().unwrap()];
        assert_eq!(Hosts(&spec).addresses(254), expected);
    }
}
