//! Address ranges that can stand behind a site or be an overlay.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// Whether no bit is set behind the prefix.
fn is_canonical(range: IpNet) -> bool {
    range.trunc() == range
}

/// Why no site may have this range, if so.
pub(crate) fn unusable(range: IpNet) -> Option<String> {
    if range.prefix_len() == 0 {
        return Some(
            "a default route over the overlay is not supported: name the ranges that are behind the site".into(),
        );
    }
    if !is_canonical(range) {
        return Some(format!("bits are set behind the prefix: did you mean {}?", range.trunc()));
    }
    special(range).map(|kind| format!("{range} is {kind}, which cannot be routed to a site"))
}

fn special(range: IpNet) -> Option<&'static str> {
    let kinds = [
        ("0.0.0.0/8", "the \"this network\" range"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/96", "loopback or unspecified"),
        ("::ffff:0:0/96", "IPv4 in IPv6 form: write it as IPv4"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    ];
    kinds.into_iter().find(|(kind, _)| kind.parse().is_ok_and(|kind: IpNet| overlap(kind, range))).map(|(_, name)| name)
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// Why an address cannot be another host's, if so.
pub(super) fn not_a_host(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => (address.segments()[0] & 0xffc0) == 0xfe80,
    };
    match address {
        _ if address.is_unspecified() => Some("the unspecified address is nobody's"),
        _ if address.is_multicast() => Some("a multicast address is no single host's"),
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("the broadcast address is no single host's"),
        _ if link_local => Some("a link-local address means another host on each link"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_routable_ranges_pass() {
        for good in ["10.0.0.0/8", "192.168.1.7/32", "fd00::/48", "2001:db8::1/128", "100.64.0.0/10"] {
            assert_eq!(unusable(good.parse().unwrap()), None, "{good}");
        }
        for bad in [
            "0.0.0.0/0",
            "::/0",
            "10.0.0.1/8",
            "127.0.0.0/8",
            "127.0.0.1/32",
            "224.0.0.0/4",
            "128.0.0.0/1",
            "fe80::/64",
            "::1/128",
            "ff02::/16",
            "::ffff:10.0.0.0/104",
            "169.254.1.0/24",
        ] {
            assert!(unusable(bad.parse().unwrap()).is_some(), "{bad}");
        }
        assert!(unusable("10.1.2.3/8".parse().unwrap()).unwrap().contains("10.0.0.0/8"));
    }
}
