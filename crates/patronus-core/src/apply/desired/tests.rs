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
        class_ids: Vec::new(),
        mark_shift: MARK_SHIFT,
        probe_port: 51_837,
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

/// A site with two uplinks, another with two, and what policies say.
fn with_policies(policies: &str) -> Content {
    let mut input = sites(2);
    for site in &mut input.sites {
        let first = site.spec.uplinks[0].clone();
        let labels = [("kind".to_owned(), "lte".to_owned())].into();
        let second = patronus_types::site::Uplink { labels, ..first.clone() };
        site.spec.uplinks = vec![
            patronus_types::site::Uplink { device: Some("eth0".into()), ..first },
            patronus_types::site::Uplink {
                name: "lte".parse().unwrap(),
                device: Some("eth1".into()),
                cost: 500,
                ..second
            },
        ];
    }
    input.policies = serde_json::from_str(policies).unwrap();
    crate::mesh::content(&crate::mesh::compile(&input).unwrap().sites[0].tar.to_vec()).unwrap()
}

/// The devices of a class, none of which is nowhere.
fn devices(desired: &Desired, class: u8) -> Vec<Option<&str>> {
    let mut devices: Vec<_> =
        desired.routes.iter().filter(|it| it.table == 20_000 + u32::from(class)).map(Route::device).collect();
    devices.dedup();
    devices
}

#[test]
fn a_class_has_a_table_a_rule_and_the_path_that_was_chosen_for_it() {
    let policy = |name: &str, route: &str| {
        format!(
            r#"{{"name": "{name}", "priority": 1, "match_criteria": {{"dst_ports": 80}}, "action": "route", "route": {route}}}"#
        )
    };
    let by_label = policy("bulk", r#"{"prefer": ["kind=lte"]}"#);
    let nobody = policy("secret", r#"{"prefer": ["dsl"], "fallback": "drop"}"#);
    let content = with_policies(&format!("[{by_label}, {nobody}]"));
    // In the order of their routes: the one that prefers `dsl`, the one that prefers a label, and what has none.
    let mut facts = Facts { class_ids: vec![9, 4, 7], ..facts() };
    let first = desired(&content, &facts).unwrap();
    assert!(first.needs_firewall);
    assert_eq!((devices(&first, 9), devices(&first, 4), devices(&first, 7)), (vec![None], vec![Some("pt010")], vec![]));
    let rules: Vec<_> = first.rules.iter().filter(|rule| rule.priority > 4600).collect();
    assert_eq!(rules.iter().map(|rule| rule.table).collect::<Vec<_>>(), [20_004, 20_004, 20_009, 20_009]);
    let text = first.firewall.as_ref().unwrap();
    assert!(
        text.contains("chain clamp_forward") && text.contains("0x04000000") && text.contains("udp sport 51837"),
        "{text}"
    );
    let main = first.routes.iter().find(|route| route.table == Route::MAIN).unwrap();
    assert_eq!(main.device(), Some("pt000"), "the cheapest");

    let peer = content.peers[0].name.clone();
    facts.chosen.classes =
        [(4, [(peer.clone(), Some((0, 1)))].into()), (9, [(peer.clone(), Some((1, 1)))].into())].into();
    let measured = desired(&content, &facts).unwrap();
    assert_eq!((devices(&measured, 9), devices(&measured, 4)), (vec![Some("pt011")], vec![Some("pt001")]));
    facts.chosen.classes = [(4, [(peer.clone(), None)].into()), (9, [(peer, Some((3, 3)))].into())].into();
    let measured = desired(&content, &facts).unwrap();
    assert_eq!(
        (devices(&measured, 9), devices(&measured, 4)),
        (vec![None], vec![None]),
        "a path that is gone says nothing"
    );
}

#[test]
fn what_is_drained_comes_last() {
    let mut content = with_policies("[]");
    let carrier =
        |content: &Content| carrier(content, &Chosen::new(), &content.peers[0]).map(|it| (it.local, it.remote));
    assert_eq!(carrier(&content), Some((0, 0)));
    content.uplinks[0].drained = true;
    assert_eq!(carrier(&content), Some((1, 0)));
    content.peers[0].uplinks[0].drained = true;
    assert_eq!(carrier(&content), Some((1, 1)));
    content.uplinks[1].drained = true;
    assert_eq!(carrier(&content), Some((0, 0)), "all of it: as if none were");
}
