//! UDP ports that are taken, and the ports that the kernel shall not give out.

use std::net::UdpSocket;

use patronus_agent::effects::model::WireguardChange;
use patronus_agent::effects::{Device as _, Error, ports, sysctl};

use crate::lab::{Namespace, device, is_root, owner, tunnelled_pair};

#[test]
fn a_taken_port_is_refused_with_its_holder() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    let (refused, taken) = one.namespace.run(|| async {
        let _held = UdpSocket::bind("0.0.0.0:51999").unwrap();
        let change = WireguardChange { port: Some(51999), ..WireguardChange::default() };
        let refused = device().change_wireguard(&owner(), "pt000", &change).await.unwrap_err();
        (refused, ports::first_taken(51990..=52000))
    });
    let Error::PortInUse { port: 51999, holder: Some(holder), .. } = &refused else { panic!("{refused:?}") };
    assert!(holder.contains(&std::process::id().to_string()), "{holder}");
    assert_eq!(taken.map(|taken| taken.port), Some(51999));
    // A good port brings it back whatever the refusal did to the device.
    one.change(WireguardChange { port: Some(51901), ..WireguardChange::default() });
    assert_eq!(one.wireguard().port, 51901);
    one.namespace.ping("10.9.0.2", 10).assert_nothing_lost();
}

#[test]
fn a_tunnels_own_port_counts_as_taken() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    let (taken, port) = (one.namespace.run(|| async { ports::first_taken(51800..=51899) }), one.port());
    assert_eq!(taken.map(|taken| taken.port), Some(port));
}

#[test]
fn ports_are_reserved_beside_those_of_others() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    namespace.sh("echo 8080,51820-51822 > /proc/sys/net/ipv4/ip_local_reserved_ports");
    let added = namespace.run(|| async { sysctl::reserve_ports(51820..=51837).unwrap() });
    let all = namespace.sh("cat /proc/sys/net/ipv4/ip_local_reserved_ports");
    assert_eq!(all.trim(), "8080,51820-51837");
    assert_eq!(added.to_string(), "51823-51837");
    namespace.run(move || async move { sysctl::release_ports(&added).unwrap() });
    let all = namespace.sh("cat /proc/sys/net/ipv4/ip_local_reserved_ports");
    assert_eq!(all.trim(), "8080,51820-51822");
    namespace.sh("echo > /proc/sys/net/ipv4/ip_local_reserved_ports");
    namespace.run(|| async {
        let added = sysctl::reserve_ports(51820..=51837).unwrap();
        sysctl::release_ports(&added).unwrap();
    });
    assert_eq!(namespace.sh("cat /proc/sys/net/ipv4/ip_local_reserved_ports").trim(), "");
}
