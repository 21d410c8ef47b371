//! A tunnel from its creation to its end.

use std::collections::BTreeSet;

use patronus_agent::effects::model::{Driver, Firewall, Route, RouteChange};
use patronus_agent::effects::{Device as _, DriverChoice, Error, Linux, Settings};

use crate::lab::{Namespace, device, driver, is_root, network, owner, tunnelled_pair};

#[test]
fn a_tunnel_carries_packets_and_is_seen_as_it_is() {
    if !is_root() {
        return;
    }
    let (one, two) = tunnelled_pair();
    for target in ["10.9.0.2", "fd09::2"] {
        one.namespace.ping(target, 20).assert_nothing_lost();
    }
    let observed = one.namespace.run(|| async { device().observe(&owner()).await.unwrap() });
    let tunnel = &observed.tunnels["pt000"];
    let wireguard = tunnel.wireguard.as_ref().unwrap();
    let peer = &wireguard.peers[&two.public_key()];
    assert_eq!((tunnel.driver, tunnel.mtu, tunnel.up, tunnel.rp_filter), (driver(), 1420, true, Some(2)));
    assert_eq!(tunnel.addresses, BTreeSet::from(one.overlay()));
    assert_eq!((wireguard.public_key, wireguard.port), (Some(one.public_key()), one.port()));
    assert_eq!(peer.endpoint, Some("192.0.2.2:51822".parse().unwrap()));
    assert_eq!(peer.allowed_ips, two.overlay().map(Into::into).into());
    assert!(peer.last_handshake.is_some() && peer.rx_bytes > 0 && peer.tx_bytes > 0);
    assert_eq!(observed.routes, BTreeSet::from(two.routes(&one)));
    assert_eq!((observed.twins.len(), observed.rules.len(), observed.foreign.len()), (0, 0, 0));
    assert_eq!(observed.firewall, Firewall::Missing);
}

#[test]
fn making_it_again_changes_nothing_and_deleting_it_leaves_nothing() {
    if !is_root() {
        return;
    }
    let (one, two) = tunnelled_pair();
    let ping = one.namespace.ping("10.9.0.2", 100);
    let index = one.index();
    one.connect(&two, "192.0.2.2");
    ping.assert_nothing_lost();
    assert_eq!(one.index(), index);
    let before = one.namespace.run(|| async {
        let device = device();
        device.delete_tunnel(&owner(), "pt000").await.unwrap();
        device.delete_tunnel(&owner(), "pt000").await.unwrap();
        device.observe(&owner()).await.unwrap()
    });
    assert!(before.tunnels.is_empty() && before.routes.is_empty());
    assert_eq!(one.namespace.sh("ls /run/wireguard").trim(), "");
    // The name is free at once.
    one.connect(&two, "192.0.2.2");
    one.namespace.ping("10.9.0.2", 20).assert_nothing_lost();
}

#[test]
fn a_process_outlives_whoever_started_it() {
    if !is_root() || driver() != Driver::Userspace {
        return;
    }
    let (one, _two) = tunnelled_pair();
    let processes = one
        .namespace
        .sh("for p in /proc/[0-9]*; do [ \"$(readlink $p/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ] && \
         grep -q wireguard-go $p/comm && grep PPid $p/status && tr '\\0' '\\n' < $p/environ; done; true");
    let parent = processes.lines().find_map(|line| line.strip_prefix("PPid:")).expect("there is no process").trim();
    assert_ne!(parent, std::process::id().to_string(), "it would end or linger with the process that started it");
    assert!(!processes.contains("CARGO") && !processes.contains("HOME="), "{processes}");
}

#[test]
fn an_interrupted_creation_is_finished() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    namespace.sh(match driver() {
        Driver::Kernel => "ip link add pt000 type wireguard",
        Driver::Userspace => "wireguard-go pt000 >/dev/null 2>&1",
    });
    let observed = namespace.run(|| async {
        let device = device();
        let before = device.observe(&owner()).await.unwrap();
        assert_eq!(before.foreign, ["pt000".to_owned()].into());
        device.create_tunnel(&owner(), "pt000", 1300).await.unwrap();
        device.observe(&owner()).await.unwrap()
    });
    assert_eq!(observed.tunnels["pt000"].mtu, 1300);
}

#[test]
fn two_networks_do_not_see_each_other() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    one.namespace.run(|| async {
        let device = device();
        device.create_tunnel(&network(1), "pt100", 1420).await.unwrap();
        let twin = Route::unreachable(Route::MAIN, "10.77.0.0/16".parse().unwrap(), 9999);
        device.change_routes(&[RouteChange::Add(twin)]).await.unwrap();
        let (first, second) = (device.observe(&network(0)).await.unwrap(), device.observe(&network(1)).await.unwrap());
        assert_eq!(first.tunnels.keys().collect::<Vec<_>>(), ["pt000"]);
        assert_eq!(second.tunnels.keys().collect::<Vec<_>>(), ["pt100"]);
        assert_eq!((first.routes.len(), second.routes.len()), (2, 0));
        assert_eq!(first.twins, second.twins);
        assert!(matches!(device.delete_tunnel(&network(0), "pt100").await, Err(Error::ForeignInterface { .. })));
        device.delete_tunnel(&network(1), "pt100").await.unwrap();
    });
    one.namespace.ping("10.9.0.2", 10).assert_nothing_lost();
}

#[test]
fn a_missing_or_failing_program_is_said() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| async {
        let with = |program: &str| {
            let settings = Settings { driver: DriverChoice::Userspace, program: program.into(), ..Settings::default() };
            Linux::new(settings, "nft".into())
        };
        let missing = with("no-such-wireguard").create_tunnel(&owner(), "pt000", 1420).await.unwrap_err();
        assert!(missing.to_string().contains("install wireguard-go"), "{missing}");
        let failing = with("wireguard-go").create_tunnel(&owner(), "a-name-too-long-", 1420).await.unwrap_err();
        assert!(matches!(failing, Error::InvalidName(_)), "{failing}");
        let failing = with("ls").create_tunnel(&owner(), "pt000", 1420).await.unwrap_err();
        assert!(failing.to_string().contains("pt000"), "{failing}");
    });
}
