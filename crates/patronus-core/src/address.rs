//! Overlay addresses: the index of a site in its network, and the address that stands for it.
//!
//! The address is the range's first plus the index. Index 0 is the network's own address and the last of an IPv4 range
//! its broadcast address, so indices run from 1 to [`capacity`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use patronus_types::network::NetworkSpec;

/// The highest index that has an address in the range.
pub fn capacity(range: IpNet) -> u32 {
    match range {
        IpNet::V4(range) => (u32::MAX >> range.prefix_len().min(31)).saturating_sub(1),
        IpNet::V6(range) => {
            let hosts = u128::MAX.checked_shr(u32::from(range.prefix_len())).unwrap_or(0);
            u32::try_from(hosts).unwrap_or(u32::MAX)
        }
    }
}

/// The address of an index; none for 0 and above [`capacity`].
pub fn address(range: IpNet, index: u32) -> Option<IpAddr> {
    if index == 0 || index > capacity(range) {
        return None;
    }
    match range {
        IpNet::V4(range) => in_v4(range, index).map(IpAddr::V4),
        IpNet::V6(range) => in_v6(range, index).map(IpAddr::V6),
    }
}

/// The index of an address; none if it is not one that [`address`] gives.
pub fn index(range: IpNet, wanted: IpAddr) -> Option<u32> {
    let index = match (range, wanted) {
        (IpNet::V4(range), IpAddr::V4(wanted)) => u32::from(wanted).checked_sub(u32::from(range.network()))?,
        (IpNet::V6(range), IpAddr::V6(wanted)) => {
            u32::try_from(u128::from(wanted).checked_sub(u128::from(range.network()))?).ok()?
        }
        _ => return None,
    };
    (address(range, index) == Some(wanted)).then_some(index)
}

/// The highest index a site of the network can have.
pub fn network_capacity(network: &NetworkSpec) -> u32 {
    let v6 = network.range6.map_or(u32::MAX, |range| capacity(range.into()));
    capacity(network.range.into()).min(v6)
}

/// All addresses of a site: IPv4, then IPv6 where the network has it. None above [`network_capacity`].
pub fn of_site(network: &NetworkSpec, index: u32) -> Option<Vec<IpAddr>> {
    let ranges = [Some(IpNet::V4(network.range)), network.range6.map(IpNet::V6)];
    ranges.into_iter().flatten().map(|range| address(range, index)).collect()
}

fn in_v4(range: Ipv4Net, index: u32) -> Option<Ipv4Addr> {
    u32::from(range.network()).checked_add(index).map(Ipv4Addr::from)
}

fn in_v6(range: Ipv6Net, index: u32) -> Option<Ipv6Addr> {
    u128::from(range.network()).checked_add(u128::from(index)).map(Ipv6Addr::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn network_and_broadcast_are_nobodys() {
        assert_eq!(capacity(net("10.0.0.0/30")), 2);
        assert_eq!(capacity(net("10.0.0.0/24")), 254);
        assert_eq!(capacity(net("10.0.0.0/8")), 0xff_fffe);
        assert_eq!(capacity(net("fd00::/112")), 0xffff);
        assert_eq!(capacity(net("fd00::/32")), u32::MAX);
        assert_eq!(address(net("10.0.0.0/30"), 0), None);
        assert_eq!(address(net("10.0.0.0/30"), 2), "10.0.0.2".parse().ok());
        assert_eq!(address(net("10.0.0.0/30"), 3), None);
        assert_eq!(address(net("fd00::/112"), 0xffff), "fd00::ffff".parse().ok());
        assert_eq!(index(net("10.0.0.0/30"), "10.0.0.3".parse().unwrap()), None);
        assert_eq!(index(net("10.0.0.0/30"), "10.0.0.0".parse().unwrap()), None);
        assert_eq!(index(net("10.0.0.0/30"), "fd00::1".parse().unwrap()), None);
    }

    #[test]
    fn a_site_has_an_address_in_each_range() {
        let mut spec = NetworkSpec::named("n".parse().unwrap());
        spec.range6 = Some("fd00::/112".parse().unwrap());
        assert_eq!(network_capacity(&spec), 0xfffe);
        assert_eq!(of_site(&spec, 7).unwrap(), ["10.210.0.7".parse::<IpAddr>().unwrap(), "fd00::7".parse().unwrap()]);
        assert_eq!(of_site(&spec, 0xffff), None);
    }

    proptest! {
        #[test]
        fn index_and_address_are_inverse(len in 8u8..=30, base: u32, seed: u32, v6: bool) {
            let range = if v6 {
                IpNet::new(Ipv6Addr::from(u128::from(base) << 96).into(), len * 3 + 22).unwrap().trunc()
            } else {
                IpNet::new(Ipv4Addr::from(base).into(), len).unwrap().trunc()
            };
            let wanted = 1 + seed % capacity(range);
            let found = address(range, wanted).unwrap();
            prop_assert!(range.contains(&found));
            prop_assert_eq!(index(range, found), Some(wanted));
        }
    }
}
