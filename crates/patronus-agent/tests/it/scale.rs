//! A thousand peers on one tunnel.

use std::time::Instant;

use patronus_agent::effects::Device as _;
use patronus_agent::effects::model::{AllowedIps, Peer, PeerChange, PeerUpdate, PrivateKey, WireguardChange};
use patronus_types::PublicKey;

use crate::lab::{Namespace, device, is_root, owner};

const PEERS: u16 = 1_000;

fn key(number: u16) -> PublicKey {
    let mut bytes = [1; 32];
    // Not the first byte: WireGuard clears three bits of it.
    bytes[1..3].copy_from_slice(&number.to_be_bytes());
    PrivateKey::new(bytes).public_key()
}

fn peer(number: u16) -> Peer {
    let [high, low] = number.to_be_bytes();
    Peer {
        public_key: key(number),
        preshared_key: None,
        endpoint: Some(format!("192.0.2.1:{}", 10_000 + number).parse().unwrap()),
        allowed_ips: (0..4).map(|part| format!("10.{part}.{high}.{low}/32").parse().unwrap()).collect(),
        keepalive_s: 0,
    }
}

fn change(peers: impl Iterator<Item = PeerChange>) -> WireguardChange {
    WireguardChange { peers: peers.collect(), ..WireguardChange::default() }
}

#[test]
fn a_thousand_peers_are_set_read_changed_and_removed() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| async {
        let (device, owner, name) = (device(), owner(), "pt000");
        device.create_tunnel(&owner, name, 1420).await.unwrap();
        let mut identity = change((0..PEERS).map(|number| PeerChange::Add(peer(number))));
        identity.private_key = Some(PrivateKey::new([9; 32]));
        identity.port = Some(51820);
        let began = Instant::now();
        device.change_wireguard(&owner, name, &identity).await.unwrap();
        let (set, began) = (began.elapsed(), Instant::now());
        let state = device.wireguard(&owner, name).await.unwrap();
        eprintln!("{PEERS} peers: set {set:?}, read {:?}", began.elapsed());
        assert_eq!(state.peers.len(), usize::from(PEERS));
        for number in 0..PEERS {
            let (found, wanted) = (&state.peers[&key(number)], peer(number));
            assert_eq!(found.allowed_ips, wanted.allowed_ips.into_iter().collect(), "{number}");
            assert_eq!(found.endpoint, wanted.endpoint);
        }
        let updates = (0..PEERS).map(|number| {
            let allowed_ips = AllowedIps::Replace(peer(number).allowed_ips[..1].to_vec());
            PeerChange::Update(PeerUpdate { keepalive_s: Some(25), allowed_ips, ..PeerUpdate::of(key(number)) })
        });
        device.change_wireguard(&owner, name, &change(updates)).await.unwrap();
        let state = device.wireguard(&owner, name).await.unwrap();
        assert!(state.peers.values().all(|peer| peer.keepalive_s == 25 && peer.allowed_ips.len() == 1));
        let removals = (0..PEERS / 2).map(|number| PeerChange::Remove(key(number)));
        device.change_wireguard(&owner, name, &change(removals)).await.unwrap();
        let state = device.wireguard(&owner, name).await.unwrap();
        assert_eq!(state.peers.len(), usize::from(PEERS / 2));
        device.delete_tunnel(&owner, name).await.unwrap();
    });
}
