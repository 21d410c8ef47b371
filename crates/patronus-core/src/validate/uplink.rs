//! The rules of an uplink.

use std::net::IpAddr;

use patronus_types::bound::{COST, UPLINK_MTU};
use patronus_types::site::{MAX_UPLINKS, Uplink};
use patronus_types::{Endpoint, Host};

use super::cidr::not_a_host;
use super::{Faults, text};

/// The longest name of a network device in bytes (the kernel's IFNAMSIZ less the final zero).
const MAX_DEVICE: usize = 15;

/// Adds everything that does not hold in an uplink.
pub(super) fn uplink(faults: &mut Faults, pointer: &str, uplink: &Uplink) {
    let at = |field: &str| format!("{pointer}/{field}");
    if let Some(reason) = uplink.endpoint.as_ref().and_then(bad_endpoint) {
        faults.add(at("endpoint"), reason);
    }
    if let Some(reason) = uplink.device.as_deref().and_then(|device| device_name(device).err()) {
        faults.add(at("device"), reason);
    }
    let gateways = [("gateway", uplink.gateway.map(IpAddr::V4)), ("gateway6", uplink.gateway6.map(IpAddr::V6))];
    for (field, gateway) in gateways {
        let Some(gateway) = gateway else { continue };
        faults.check(uplink.device.is_some(), at(field), "a gateway needs the `device` it is reached by");
        if let Some(reason) = bad_gateway(gateway) {
            faults.add(at(field), reason);
        }
    }
    faults.within(&COST, uplink.cost, at("cost"));
    faults.within(&UPLINK_MTU, uplink.mtu, at("mtu"));
    text::labels(faults, &at("labels"), &uplink.labels);
}

/// Whether a network device of the host can have this name.
///
/// # Errors
/// Why not, in words.
pub fn device_name(name: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match name {
        "." | ".." => Err("not the name of a device"),
        "lo" => Err("loopback leads nowhere"),
        _ if !(1..=MAX_DEVICE).contains(&name.len()) => Err("a device's name has 1 to 15 characters, as in eth0"),
        _ if !name.bytes().all(plain) => Err("a device's name holds only letters, digits, `.`, `_` and `-`"),
        _ if name.starts_with("pt") => Err("names that begin with `pt` are the tunnels' own"),
        _ => Ok(()),
    }
}

fn bad_endpoint(endpoint: &Endpoint) -> Option<String> {
    if let Host::Address(address) = endpoint.host
        && let Some(reason) = not_a_host(address)
    {
        return Some(reason.to_owned());
    }
    let highest = u16::MAX - u16::try_from(MAX_UPLINKS - 1).unwrap_or(0);
    endpoint
        .port
        .is_some_and(|port| port > highest)
        .then(|| format!("use a port up to {highest}: interface (i, j) is reached at the port + j"))
}

/// A link-local gateway is ordinary in IPv6.
fn bad_gateway(gateway: IpAddr) -> Option<&'static str> {
    if gateway.is_loopback() {
        return Some("loopback leads nowhere");
    }
    not_a_host(gateway).filter(|_| gateway.is_multicast() || gateway.is_unspecified() || gateway.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(json: &str) -> Vec<String> {
        let mut faults = Faults::default();
        uplink(&mut faults, "", &serde_json::from_str(json).unwrap());
        faults.into_vec().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn device_names_are_the_kernels_and_not_ours() {
        for good in ["eth0", "wwan0", "eth0.100", "br-lan", "fifteen-letters", "p2p1"] {
            assert_eq!(device_name(good), Ok(()), "{good}");
        }
        for bad in ["", "sixteen-letters-", "a/b", "..", "pt000", "ptp1", "a b", "lo", "eth0:1", "ä"] {
            assert!(device_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_bound_is_kept() {
        assert!(pointers(r#"{"name":"a","endpoint":"192.0.2.1:65532","device":"eth0","gateway":"192.0.2.254","gateway6":"fe80::1"}"#).is_empty());
        assert_eq!(pointers(r#"{"name":"a","endpoint":"192.0.2.1:65533"}"#), ["/endpoint"]);
        assert_eq!(pointers(r#"{"name":"a","endpoint":"0.0.0.0"}"#), ["/endpoint"]);
        assert_eq!(pointers(r#"{"name":"a","endpoint":"fe80::1"}"#), ["/endpoint"]);
        assert_eq!(pointers(r#"{"name":"a","endpoint":"255.255.255.255"}"#), ["/endpoint"]);
        assert_eq!(pointers(r#"{"name":"a","gateway":"192.0.2.1"}"#), ["/gateway"]);
        assert_eq!(
            pointers(r#"{"name":"a","device":"eth0","gateway":"127.0.0.1","gateway6":"ff02::1"}"#),
            ["/gateway", "/gateway6"]
        );
        assert_eq!(pointers(r#"{"name":"a","cost":1000001,"mtu":1359}"#), ["/cost", "/mtu"]);
        assert_eq!(pointers(r#"{"name":"a","mtu":9001,"labels":{"":""}}"#), ["/mtu", "/labels/"]);
    }
}
