use patronus_types::bundle::{Content, Spare};

use super::*;
use crate::apply::model::Target;
use crate::mesh::tests::sample::{key, sites};

fn content() -> Content {
    let compiled = crate::mesh::compile(&sites(2)).unwrap();
    crate::mesh::content(&compiled.sites[0].tar.to_vec()).unwrap()
}

fn facts() -> Facts {
    let network = patronus_types::NetworkId::new(1, &[0; 10]);
    Facts {
        owner: Owner::new(0, network).unwrap(),
        driver: Driver::Kernel,
        ipv6: true,
        keys: (0..4).map(|uplink| key(0, uplink)).collect(),
        links: BTreeMap::new(),
        resolved: BTreeMap::new(),
        sessions: BTreeSet::new(),
        deaf: BTreeSet::new(),
        chosen: Default::default(),
    }
}

#[test]
fn a_key_that_is_not_here_is_refused() {
    let mut facts = facts();
    facts.keys.clear();
    let error = desired(&content(), &facts).unwrap_err();
    assert_eq!(error, Unfit::Key { uplink: "up0".parse().unwrap(), public_key: key(0, 0) });
}

#[test]
fn names_are_resolved_and_a_missing_one_waits_for_nothing() {
    let mut content = content();
    content.peers[0].uplinks[0].endpoint = "hub.example.net:700".parse().ok();
    let mut facts = facts();
    let state = desired(&content, &facts).unwrap();
    assert_eq!(state.tunnels["pt000"].peers[&key(1, 0)].endpoint, None);
    assert_eq!(state.warnings.len(), 1);
    facts.resolved.insert("hub.example.net".into(), "192.0.2.1".parse().unwrap());
    assert_eq!(
        desired(&content, &facts).unwrap().tunnels["pt000"].peers[&key(1, 0)].endpoint,
        "192.0.2.1:700".parse().ok()
    );
}

/// The interface that carries the only peer's prefix.
fn path(costs: ([u32; 2], [u32; 2]), endpoints: ([bool; 2], [bool; 2])) -> String {
    let mut content = content();
    let mut local = content.uplinks[0].clone();
    let mut far = content.peers[0].uplinks[0].clone();
    (local.name, local.public_key) = ("up1".parse().unwrap(), key(0, 1));
    far.public_key = key(1, 1);
    content.uplinks.push(local);
    content.peers[0].uplinks.push(far);
    for index in 0..2 {
        let (near, far) = (&mut content.uplinks[index], &mut content.peers[0].uplinks[index]);
        (near.cost, far.cost) = (costs.0[index], costs.1[index]);
        near.device = Some(format!("eth{index}"));
        near.keepalive_s = if endpoints.0[index] { 0 } else { 25 };
        far.endpoint = far.endpoint.take().filter(|_| endpoints.1[index]);
    }
    let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)];
    content.tunnels = pairs
        .map(|(local, remote)| patronus_types::bundle::Tunnel {
            local,
            remote,
            port: 51_820 + u16::from(4 * local + remote),
        })
        .into();
    let state = desired(&content, &facts()).unwrap();
    let main = state.routes.iter().find(|route| route.table == Route::MAIN).unwrap();
    assert!(matches!(&main.target, Target::Via(via) if via.source == "10.210.0.1".parse().ok()));
    main.device().unwrap().to_owned()
}

#[test]
fn the_cheapest_path_that_can_come_up_carries_the_traffic() {
    let all = ([true; 2], [true; 2]);
    assert_eq!(path(([100, 100], [100, 100]), all), "pt000", "the first of equals");
    assert_eq!(path(([100, 10], [100, 100]), all), "pt010");
    assert_eq!(path(([100, 10], [100, 10]), all), "pt011");
    assert_eq!(path(([10, 100], [100, 10]), all), "pt001");
    assert_eq!(path(([10, 100], [10, 100]), ([false, true], [false, true])), "pt001", "somebody must know the other");
    assert_eq!(path(([10, 100], [10, 100]), ([false; 2], [false; 2])), "pt000", "better than nothing");
    assert_eq!(path(([u32::MAX; 2], [u32::MAX, 0]), all), "pt001", "sums do not overflow");
}

#[test]
fn a_host_without_ipv6_is_told_where_the_network_has_it() {
    let mut content = content();
    let mut facts = facts();
    facts.ipv6 = false;
    assert!(desired(&content, &facts).unwrap().warnings.is_empty(), "the network has none either");
    content.addresses.push("fd00::1".parse().unwrap());
    let state = desired(&content, &facts).unwrap();
    assert!(state.warnings.len() == 1 && state.warnings[0].contains("disable_ipv6"), "{:?}", state.warnings);
    assert!(state.tunnels["pt000"].addresses.iter().all(|address| address.is_ipv4()));
    facts.ipv6 = true;
    assert!(desired(&content, &facts).unwrap().warnings.is_empty());
}

#[test]
fn tunnels_that_carry_traffic_are_left_before_one_goes_back_in_a_rotation() {
    let spare = |key: u8, carries| {
        let spare = Spare { public_key: PublicKey([key; 32]), port: 51_836, local: 0, carries, peers: Vec::new() };
        Content { spare: Some(spare), ..content() }
    };
    let (none, moved, re_keyed) = (content(), spare(1, true), spare(1, false));
    for (from, to) in [(&none, &moved), (&moved, &re_keyed), (&re_keyed, &none), (&moved, &moved), (&none, &none)] {
        assert_eq!(departs(from, to), None, "the course of a rotation");
    }
    assert_eq!(departs(&moved, &none), Some(Departure::Spare));
    assert_eq!(departs(&moved, &spare(2, true)), Some(Departure::Spare));
    assert_eq!(departs(&re_keyed, &moved), Some(Departure::Ordinary));
}
