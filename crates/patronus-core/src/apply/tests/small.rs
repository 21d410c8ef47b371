//! Single changes, and what they must cost.

use patronus_types::api::agent::Steps;
use patronus_types::{Name, PublicKey};

use super::lab::{content_of, link, owner};
use crate::apply::model::{AllowedIps, Driver, PeerChange, Route};
use crate::apply::tests::kernel::Kernel;
use crate::apply::{Desired, Facts, MARK_SHIFT, Memory, Plan, Step, Unfit, desired, plan, waits_for};
use crate::mesh::tests::sample::{key, sites, spare_key};
use crate::mesh::{Input, Rotating};

fn facts() -> Facts {
    Facts {
        owner: owner(),
        driver: Driver::Kernel,
        ipv6: true,
        keys: (0..4).map(|uplink| key(0, uplink)).chain([spare_key(0)]).collect(),
        links: (0..2).map(|index| (format!("eth{index}"), link(index, 1))).collect(),
        resolved: Default::default(),
        sessions: Default::default(),
        deaf: Default::default(),
        chosen: Default::default(),
        class_ids: Vec::new(),
        mark_shift: MARK_SHIFT,
        probe_port: 51_837,
    }
}

fn wanted(input: &Input) -> Desired {
    desired(&content_of(input).unwrap(), &facts()).unwrap()
}

/// A host that runs the first network, and the plan that takes it to the second.
fn from_to(before: &Input, after: &Input) -> (Kernel, Plan) {
    let mut kernel = Kernel::new(&facts());
    kernel.carry_out(&plan(&wanted(before), &kernel.now, &Memory::default())).unwrap();
    let made = plan(&wanted(after), &kernel.now, &Memory::of(&wanted(before)));
    (kernel, made)
}

fn counts(kept: u32, changed: u32, restarted: u32, created: u32, removed: u32) -> Steps {
    Steps { kept, changed, restarted, created, removed }
}

#[test]
fn the_first_apply_makes_everything_in_order() {
    let mut kernel = Kernel::new(&facts());
    let made = plan(&wanted(&sites(3)), &kernel.now, &Memory::default());
    kernel.carry_out(&made).unwrap();
    assert_eq!(made.counts, counts(0, 0, 0, 3, 0));
    let words: Vec<String> = made.apply.iter().map(Step::to_string).collect();
    assert_eq!(
        words,
        [
            "create pt300 with mtu 1420",
            format!("change pt300: key {} port 51820 2 peers", key(0, 0)).as_str(),
            "add 10.210.0.1 to pt300",
            "change 8 routes",
            "replace the nft table",
            "probe 2 peers on pt300",
        ]
    );
    assert!(made.clean.is_empty());
}

#[test]
fn a_new_endpoint_touches_one_peer() {
    let (before, mut after) = (sites(5), sites(5));
    after.sites[2].spec.uplinks[0].endpoint = "198.51.100.7".parse().ok();
    let (_, made) = from_to(&before, &after);
    assert_eq!(made.counts, counts(4, 1, 0, 0, 0));
    assert_eq!(made.verdicts[0].peer.as_deref(), Some("site-0002"));
    assert_eq!(made.apply.len(), 2, "{:?}", made.apply);
    assert!(made.clean.is_empty());
}

#[test]
fn a_prefix_moves_allowed_addresses_before_routes_and_takes_nothing_away() {
    let (before, mut after) = (sites(4), sites(4));
    let moved = after.sites[1].spec.prefixes.pop().unwrap();
    after.sites[2].spec.prefixes.push(moved);
    let (_, made) = from_to(&before, &after);
    let expected = PeerChange::Update(crate::apply::model::PeerUpdate {
        allowed_ips: AllowedIps::Add(vec![moved]),
        ..crate::apply::model::PeerUpdate::of(key(2, 0))
    });
    assert_eq!(
        made.apply,
        [Step::ChangeWireguard { interface: "pt300".into(), key: None, port: None, peers: vec![expected] }]
    );
    assert!(made.clean.is_empty(), "the device took it from the other by itself");
    assert_eq!(made.counts, counts(2, 2, 0, 0, 0));
}

#[test]
fn a_new_peer_takes_what_another_has_only_when_all_moves() {
    let (before, mut after) = (sites(3), sites(4));
    let moved = after.sites[1].spec.prefixes.pop().unwrap();
    after.sites[3].spec.prefixes.push(moved);
    let (mut kernel, made) = from_to(&before, &after);
    let Step::ChangeWireguard { peers, .. } = &made.apply[0] else { panic!("{:?}", made.apply) };
    assert!(
        matches!(&peers[..], [PeerChange::Add(peer)] if peer.allowed_ips.len() == 2 && !peer.allowed_ips.contains(&moved))
    );
    kernel.carry_out(&made).unwrap();
}

#[test]
fn a_site_that_leaves_is_removed_at_the_end() {
    let (before, mut after) = (sites(4), sites(4));
    after.sites.pop();
    let (mut kernel, made) = from_to(&before, &after);
    assert!(made.apply.is_empty());
    assert_eq!(made.counts, counts(3, 0, 0, 0, 1));
    assert!(matches!(&made.clean[..], [Step::ChangeRoutes(routes), Step::ChangeWireguard { .. }] if routes.len() == 4));
    kernel.carry_out(&made).unwrap();
}

#[test]
fn an_address_is_added_before_routes_use_it_and_removed_after() {
    let (before, mut after) = (sites(3), sites(3));
    after.sites[0].addresses = vec!["10.210.0.77".parse().unwrap()];
    let (mut kernel, made) = from_to(&before, &after);
    assert!(matches!(made.apply[0], Step::AddAddress { .. }));
    assert!(matches!(made.apply[1], Step::ChangeRoutes(_)));
    assert!(matches!(made.clean[..], [Step::RemoveAddress { .. }]));
    kernel.carry_out(&made).unwrap();
}

#[test]
fn a_learnt_endpoint_stays() {
    let mut before = sites(3);
    before.sites[1].spec.uplinks[0].endpoint = None;
    let (mut kernel, _) = from_to(&before, &before);
    let learnt = "192.0.2.50:4000".parse().ok();
    for peer in kernel.now.tunnels.get_mut("pt300").unwrap().wireguard.as_mut().unwrap().peers.values_mut() {
        peer.endpoint = learnt;
    }
    // Both the site that has none and the one that moved away from its declared endpoint.
    assert!(plan(&wanted(&before), &kernel.now, &Memory::of(&wanted(&before))).is_empty());
    let forgetful = plan(&wanted(&before), &kernel.now, &Memory::default());
    assert_eq!(forgetful.counts, counts(2, 1, 0, 0, 0), "only the declared one is set back");
    let mut after = before.clone();
    after.sites[2].spec.uplinks[0].endpoint = "198.51.100.9".parse().ok();
    assert_eq!(plan(&wanted(&after), &kernel.now, &Memory::of(&wanted(&before))).counts, counts(2, 1, 0, 0, 0));
}

#[test]
fn another_driver_or_a_dead_device_restarts() {
    let (mut kernel, _) = from_to(&sites(3), &sites(3));
    kernel.now.tunnels.get_mut("pt300").unwrap().wireguard = Err("connection refused".into());
    let made = plan(&wanted(&sites(3)), &kernel.now, &Memory::default());
    assert_eq!(made.counts, counts(0, 0, 3, 0, 0));
    assert!(made.verdicts.iter().all(|verdict| verdict.reason.contains("connection refused")));
    kernel.carry_out(&made).unwrap();
    assert_eq!(kernel.now.routes, wanted(&sites(3)).routes);
}

#[test]
fn another_driver_waits_until_nothing_goes_through_a_tunnel() {
    let (mut kernel, _) = from_to(&sites(3), &sites(3));
    let memory = Memory::of(&wanted(&sites(3)));
    let userspace = |key| Desired {
        driver: Driver::Userspace,
        ..wanted(&{
            let mut input = sites(3);
            input.sites[0].public_keys[0] = key;
            input
        })
    };
    assert_eq!(plan(&userspace(key(0, 0)), &kernel.now, &memory).counts, counts(0, 0, 3, 0, 0), "no session ever");
    let state = kernel.now.tunnels.get_mut("pt300").unwrap().wireguard.as_mut().unwrap();
    state.peers.values_mut().for_each(|peer| peer.last_handshake = Some(patronus_types::Timestamp::UNIX_EPOCH));
    let kept = plan(&userspace(key(0, 0)), &kernel.now, &memory);
    assert!(kept.is_empty() && kept.warnings[0].contains("rotate-key"), "{:?}", kept.warnings);
    let re_keyed = plan(&userspace(key(0, 1)), &kernel.now, &memory);
    assert_eq!((re_keyed.counts, re_keyed.warnings), (counts(0, 0, 3, 0, 0), Vec::new()));
}

#[test]
fn keys_are_replaced_through_the_spare_tunnel() {
    let spares = |mut input: Input, to_spare| {
        input.sites.iter_mut().enumerate().for_each(|(index, site)| site.spare_key = Some(spare_key(index)));
        input.rotation = Some(Rotating { site: input.sites[1].id, to_spare });
        input
    };
    let with = |input: &Input, sessions: &[(&str, PublicKey)]| {
        let facts =
            Facts { sessions: sessions.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect(), ..facts() };
        (
            desired(&content_of(input).unwrap(), &facts).unwrap(),
            waits_for(&content_of(input).unwrap(), &facts.chosen.default, &owner(), &facts.sessions),
        )
    };
    let carrier = |desired: &Desired| {
        let prefix = "10.0.1.0/24".parse().unwrap();
        let main = |route: &&Route| route.table == Route::MAIN && route.destination == prefix;
        desired.routes.iter().find(main).unwrap().device().unwrap().to_owned()
    };
    let (old, spare, new) = (("pt300", key(1, 0)), ("pt3s", spare_key(1)), ("pt300", key(1, 3)));
    let waits = ["site-0001".parse::<Name>().unwrap()];
    let first = spares(sites(3), true);
    let (state, waiting) = with(&first, &[old]);
    assert_eq!((carrier(&state).as_str(), &waiting[..]), ("pt300", &waits[..]), "no session on the spare one yet");
    let made = &state.tunnels["pt3s"];
    assert_eq!((made.port, made.public_key, made.peers.len()), (51_836, spare_key(0), 1), "only who is concerned");
    let (state, waiting) = with(&first, &[old, spare]);
    assert_eq!((carrier(&state).as_str(), waiting.len()), ("pt3s", 0));
    let mut second = spares(sites(3), false);
    second.sites[1].public_keys[0] = key(1, 3);
    let (state, waiting) = with(&second, &[old, spare]);
    assert_eq!((carrier(&state).as_str(), &waiting[..]), ("pt3s", &waits[..]), "the old key's session is nobody's");
    let (state, waiting) = with(&second, &[new, spare]);
    assert_eq!((carrier(&state).as_str(), waiting.len()), ("pt300", 0));
    assert_eq!(carrier(&with(&second, &[]).0), "pt300", "nothing is up: where it will be");
}

#[test]
fn traffic_leaves_a_tunnel_on_which_the_far_end_is_not_heard_any_more() {
    let (old, spare) = (("pt300", key(1, 0)), ("pt3s", spare_key(1)));
    let carrier = |to_spare, deaf: &[(&str, PublicKey)]| {
        let mut input = sites(2);
        input.sites.iter_mut().enumerate().for_each(|(index, site)| site.spare_key = Some(spare_key(index)));
        input.rotation = Some(Rotating { site: input.sites[1].id, to_spare });
        let all = |ends: &[(&str, PublicKey)]| ends.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect();
        let facts = Facts { sessions: all(&[old, spare]), deaf: all(deaf), ..facts() };
        let state = desired(&content_of(&input).unwrap(), &facts).unwrap();
        let main = state.routes.iter().find(|route| route.table == Route::MAIN).unwrap();
        main.device().unwrap().to_owned()
    };
    assert_eq!((carrier(true, &[]), carrier(false, &[])), ("pt3s".into(), "pt300".into()));
    assert_eq!((carrier(true, &[spare]), carrier(false, &[old])), ("pt300".into(), "pt3s".into()), "it has gone back");
    assert_eq!(
        (carrier(true, &[old, spare]), carrier(false, &[old, spare])),
        ("pt3s".into(), "pt300".into()),
        "its agent rests"
    );
}

#[test]
fn a_spare_tunnel_leaves_by_its_uplink() {
    let mut input = sites(2);
    input.sites.iter_mut().enumerate().for_each(|(index, site)| site.spare_key = Some(spare_key(index)));
    input.sites[0].spec.uplinks[0].device = Some("eth0".into());
    input.rotation = Some(Rotating { site: input.sites[0].id, to_spare: true });
    let rules: Vec<_> = wanted(&input).rules.into_iter().filter(|rule| rule.priority == 4_056).collect();
    assert!(rules.len() == 2 && rules.iter().all(|rule| rule.table == 20_312), "{rules:?}");
}

#[test]
fn a_spare_key_that_is_not_here_is_refused() {
    let mut input = sites(2);
    input.sites.iter_mut().for_each(|site| site.spare_key = Some(key(7, 7)));
    input.sites[1].spare_key = Some(spare_key(1));
    input.rotation = Some(Rotating { site: input.sites[0].id, to_spare: true });
    assert!(matches!(desired(&content_of(&input).unwrap(), &facts()), Err(Unfit::SpareKey { .. })));
}

#[test]
fn ports_that_change_places_do_so_by_way_of_a_free_one() {
    let mut two = sites(2);
    for site in &mut two.sites {
        let mut second = site.spec.uplinks[0].clone();
        site.spec.uplinks[0].device = Some("eth0".into());
        (second.name, second.device) = ("up1".parse().unwrap(), Some("eth1".into()));
        second.endpoint = None;
        site.spec.uplinks.push(second);
    }
    let mut other = two.clone();
    other.sites[0].port_base = Some(51_821);
    let (mut kernel, made) = from_to(&two, &other);
    kernel.carry_out(&made).unwrap();
    assert!(plan(&wanted(&other), &kernel.now, &Memory::of(&wanted(&other))).is_empty());
    assert_eq!(made.counts.restarted, 0);
}

#[test]
fn uplinks_have_tables_that_end_in_unreachable() {
    let mut input = sites(2);
    input.sites[0].spec.uplinks[0].device = Some("eth0".into());
    let state = wanted(&input);
    let table = |route: &&Route| route.table == 20_312;
    let shown: Vec<String> =
        state.routes.iter().filter(table).map(|route| format!("{} {:?}", route.destination, route.device())).collect();
    assert_eq!(
        shown,
        [
            "0.0.0.0/0 Some(\"eth0\")",
            "0.0.0.0/0 None",
            "203.0.0.0/24 Some(\"eth0\")",
            "::/0 None",
            "2001:db8::/64 Some(\"eth0\")"
        ]
    );
    let rules: Vec<u32> = state.rules.iter().map(|rule| rule.priority).collect();
    assert_eq!(rules, [4_048, 4_048, 4_052, 4_052]);
    assert!(state.warnings.is_empty());
    input.sites[0].spec.uplinks[0].device = Some("wwan0".into());
    let state = wanted(&input);
    assert_eq!(state.routes.iter().filter(table).count(), 2, "only the last routes");
    assert_eq!(state.warnings, ["uplink up0: there is no device wwan0"]);
}

#[test]
fn what_an_uplink_lacks_is_told() {
    let mut input = sites(2);
    input.sites[0].spec.uplinks[0].device = Some("eth0".into());
    let mut facts = facts();
    let eth0 = facts.links.get_mut("eth0").unwrap();
    (eth0.running, eth0.mtu) = (false, 1499);
    let warnings = desired(&content_of(&input).unwrap(), &facts).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "uplink up0: device eth0 is down or has no carrier",
            "uplink up0: device eth0 has mtu 1499, full tunnel packets need 1500"
        ]
    );
}

#[test]
fn two_uplinks_in_one_subnet_answer_for_themselves() {
    let mut input = sites(2);
    let mut second = input.sites[0].spec.uplinks[0].clone();
    input.sites[0].spec.uplinks[0].device = Some("eth0".into());
    (second.name, second.device) = ("up1".parse().unwrap(), Some("eth1".into()));
    input.sites[0].spec.uplinks.push(second);
    let mut facts = facts();
    assert!(desired(&content_of(&input).unwrap(), &facts).unwrap().sysctls.is_empty());
    facts.links = (0..2).map(|index| (format!("eth{index}"), link(index, 2))).collect();
    assert_eq!(desired(&content_of(&input).unwrap(), &facts).unwrap().sysctls.len(), 4);
}
