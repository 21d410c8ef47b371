//! Changes in place, under traffic.

use patronus_agent::effects::Device as _;
use patronus_agent::effects::model::{AllowedIps, Peer, PeerChange, PeerUpdate, PrivateKey, WireguardChange};

use crate::lab::{device, is_root, owner, tunnelled_pair};

#[test]
fn peers_are_changed_without_loss() {
    if !is_root() {
        return;
    }
    let (one, two) = tunnelled_pair();
    let (ping, index) = (one.namespace.ping("10.9.0.2", 400), one.index());
    let other = PrivateKey::new([77; 32]).public_key();
    for round in 1..=5_u16 {
        let keepalive = PeerUpdate { keepalive_s: Some(20 + round), ..PeerUpdate::of(two.public_key()) };
        one.change_peer(PeerChange::Update(keepalive));
        let more = AllowedIps::Add(vec![format!("10.50.{round}.0/24").parse().unwrap()]);
        one.change_peer(PeerChange::Update(PeerUpdate { allowed_ips: more, ..PeerUpdate::of(two.public_key()) }));
        let exactly = AllowedIps::Replace(two.as_peer("192.0.2.2").allowed_ips);
        one.change_peer(PeerChange::Update(PeerUpdate { allowed_ips: exactly, ..PeerUpdate::of(two.public_key()) }));
        let peer =
            Peer { public_key: other, allowed_ips: vec!["10.60.0.0/24".parse().unwrap()], ..two.as_peer("192.0.2.9") };
        one.change_peer(PeerChange::Add(peer));
        one.change_peer(PeerChange::Remove(other));
        one.change_peer(PeerChange::Remove(other));
    }
    ping.assert_nothing_lost();
    let state = one.wireguard();
    assert_eq!(state.peers.len(), 1);
    assert_eq!(state.peers[&two.public_key()].keepalive_s, 25);
    assert_eq!(state.peers[&two.public_key()].allowed_ips, two.overlay().map(Into::into).into());
    assert_eq!(one.index(), index);
}

#[test]
fn endpoint_and_mtu_are_changed_without_loss() {
    if !is_root() {
        return;
    }
    let (one, two) = tunnelled_pair();
    let endpoint = |text: &str| {
        let endpoint = Some(text.parse().unwrap());
        one.change_peer(PeerChange::Update(PeerUpdate { endpoint, ..PeerUpdate::of(two.public_key()) }));
        endpoint
    };
    let second = endpoint("198.51.100.2:51822");
    assert_eq!(one.wireguard().peers[&two.public_key()].endpoint, second);
    let (ping, index) = (one.namespace.ping("10.9.0.2", 300), one.index());
    // Not asserted under traffic: an answer that is on its way sets the endpoint back to where it came from.
    for address in ["192.0.2.2:51822", "198.51.100.2:51822", "192.0.2.2:51822"] {
        endpoint(address);
    }
    one.namespace.run(|| async {
        for mtu in [1300, 1400, 1420] {
            device().set_mtu(&owner(), "pt000", mtu).await.unwrap();
        }
    });
    ping.assert_nothing_lost();
    assert_eq!(one.index(), index);
}

#[test]
fn the_port_is_changed_in_place() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    let (ping, index) = (one.namespace.ping("10.9.0.2", 200), one.index());
    for port in [51900, 51901] {
        one.change(WireguardChange { port: Some(port), ..WireguardChange::default() });
    }
    // An answer that is on its way to the old port is lost with it.
    ping.assert_lost_at_most(2);
    assert_eq!((one.wireguard().port, one.index()), (51901, index));
}

#[test]
fn an_update_makes_no_peer() {
    if !is_root() {
        return;
    }
    let (one, two) = tunnelled_pair();
    let stranger = PrivateKey::new([78; 32]).public_key();
    one.change_peer(PeerChange::Update(PeerUpdate { keepalive_s: Some(5), ..PeerUpdate::of(stranger) }));
    assert_eq!(one.wireguard().peers.keys().collect::<Vec<_>>(), [&two.public_key()]);
}

#[test]
fn a_prefix_moves_in_one_instant() {
    if !is_root() {
        return;
    }
    let (one, two) = tunnelled_pair();
    let other = PrivateKey::new([79; 32]).public_key();
    let prefix = "10.70.0.0/24".parse().unwrap();
    one.change_peer(PeerChange::Add(Peer { public_key: other, allowed_ips: vec![prefix], ..two.as_peer("192.0.2.9") }));
    let add = AllowedIps::Add(vec![prefix]);
    one.change_peer(PeerChange::Update(PeerUpdate { allowed_ips: add, ..PeerUpdate::of(two.public_key()) }));
    let state = one.wireguard();
    assert!(state.peers[&other].allowed_ips.is_empty());
    assert!(state.peers[&two.public_key()].allowed_ips.contains(&prefix));
}

#[test]
fn an_address_is_replaced_while_both_exist() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    let addresses = one.namespace.run(|| async {
        let (device, new) = (device(), "10.9.1.1".parse().unwrap());
        device.add_address(&owner(), "pt000", new).await.unwrap();
        device.add_address(&owner(), "pt000", new).await.unwrap();
        device.remove_address(&owner(), "pt000", "10.9.0.1".parse().unwrap()).await.unwrap();
        device.remove_address(&owner(), "pt000", "10.9.0.1".parse().unwrap()).await.unwrap();
        let observed = device.observe(&owner()).await.unwrap();
        // Its route went with it.
        assert_eq!(observed.routes.len(), 1);
        observed.tunnels["pt000"].addresses.clone()
    });
    assert_eq!(addresses, ["10.9.1.1".parse().unwrap(), "fd09::1".parse().unwrap()].into());
}
