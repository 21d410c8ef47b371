//! Routes and rules as the kernel keeps them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use patronus_agent::effects::Device as _;
use patronus_agent::effects::model::{
    Family, Route, RouteChange, Rule, RuleChange, Selector, Via, class_rule_priority, class_table,
};

use crate::lab::{Namespace, device, is_root, network, owner, pair, tunnelled_pair};

fn rules() -> BTreeSet<Rule> {
    let owner = owner();
    let table = owner.uplink_table(1);
    let address = |text: &str| Selector::SourceAddress(text.parse::<IpAddr>().unwrap());
    let mark = |family| Selector::Mark { family, value: 0x0300_0000, mask: 0xff00_0000 };
    let rule = |priority, selector| Rule { priority, selector, table };
    let mut rules = BTreeSet::from([
        rule(owner.address_rule_priority(1), address("192.0.2.1")),
        rule(owner.address_rule_priority(1), address("2001:db8::1")),
    ]);
    for family in Family::ALL {
        rules.insert(rule(owner.port_rule_priority(1), Selector::source_ports(family, &(51824..=51827))));
        rules.insert(rule(owner.port_rule_priority(0) + 8, Selector::source_ports(family, &(51836..=51836))));
        rules.insert(rule(owner.port_rule_priority(0) + 9, mark(family)));
    }
    rules
}

#[test]
fn rules_come_back_as_they_were_written_and_only_once() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    namespace.run(|| async {
        let device = device();
        let add: Vec<_> = rules().into_iter().map(RuleChange::Add).collect();
        device.change_rules(&add).await.unwrap();
        device.change_rules(&add).await.unwrap();
        assert_eq!(device.observe(&owner()).await.unwrap().rules, rules());
    });
    // Without `/etc/protocols` (in the virtual machine) it is a number.
    let listed = namespace.sh("ip rule; ip -6 rule").replace("ipproto-17", "udp");
    assert_eq!(listed.matches("proto 80").count(), rules().len(), "{listed}");
    assert!(listed.contains("4001:\tfrom all ipproto udp sport 51824-51827 lookup 20301 proto 80"), "{listed}");
    assert!(listed.contains("4005:\tfrom 192.0.2.1 ipproto udp lookup 20301 proto 80"), "{listed}");
    namespace.run(|| async {
        let device = device();
        let remove: Vec<_> = rules().into_iter().map(RuleChange::Remove).collect();
        device.change_rules(&remove).await.unwrap();
        device.change_rules(&remove).await.unwrap();
        assert!(device.observe(&owner()).await.unwrap().rules.is_empty());
    });
}

fn uplink_routes() -> BTreeSet<Route> {
    let table = owner().uplink_table(0);
    let via = |gateway: Option<&str>, source: &str| Via {
        device: "wan".to_owned(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
        source: Some(source.parse().unwrap()),
    };
    BTreeSet::from([
        Route::via(table, "192.0.2.0/24".parse().unwrap(), 0, via(None, "192.0.2.1")),
        Route::via(table, "0.0.0.0/0".parse().unwrap(), 0, via(Some("192.0.2.2"), "192.0.2.1")),
        Route::unreachable(table, "0.0.0.0/0".parse().unwrap(), u32::MAX),
        Route::via(table, "2001:db8::/64".parse().unwrap(), 0, via(None, "2001:db8::1")),
        Route::via(table, "::/0".parse().unwrap(), 0, via(Some("2001:db8::2"), "2001:db8::1")),
        Route::unreachable(table, "::/0".parse().unwrap(), u32::MAX),
    ])
}

#[test]
fn an_uplink_table_comes_back_as_it_was_written() {
    if !is_root() {
        return;
    }
    let (one, _two) = pair();
    one.namespace.run(|| async {
        let device = device();
        let add: Vec<_> = uplink_routes().into_iter().map(RouteChange::Add).collect();
        device.change_routes(&add).await.unwrap();
        device.change_routes(&add).await.unwrap();
        assert_eq!(device.observe(&owner()).await.unwrap().routes, uplink_routes());
        let remove: Vec<_> = uplink_routes().into_iter().map(RouteChange::Remove).collect();
        device.change_routes(&remove).await.unwrap();
        assert!(device.observe(&owner()).await.unwrap().routes.is_empty());
    });
}

#[test]
fn a_route_moves_to_another_tunnel_and_its_twin_stays() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    let observed = one.namespace.run(|| async {
        let device = device();
        device.create_tunnel(&owner(), "pt001", 1420).await.unwrap();
        let mut changes = Vec::new();
        for prefix in ["10.90.0.0/16", "fd90::/48"] {
            let via = |name: &str| {
                let via = Via { device: name.to_owned(), gateway: None, source: None };
                Route::via(Route::MAIN, prefix.parse().unwrap(), 0, via)
            };
            changes.push(RouteChange::Add(Route::unreachable(Route::MAIN, prefix.parse().unwrap(), 9999)));
            changes.push(RouteChange::Add(via("pt000")));
            changes.push(RouteChange::Replace(via("pt001")));
        }
        device.change_routes(&changes).await.unwrap();
        device.observe(&owner()).await.unwrap()
    });
    let moved = observed.routes.iter().filter(|route| route.device() == Some("pt001")).count();
    assert_eq!((moved, observed.twins.len(), observed.routes.len()), (2, 2, 4));
}

#[test]
fn a_class_turns_between_a_tunnel_and_nowhere() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    one.namespace.run(|| async {
        let (device, table) = (device(), class_table(7));
        let rules = Family::ALL.map(|family| Rule {
            priority: class_rule_priority(7),
            selector: Selector::Mark { family, value: 7 << 24, mask: 0xff << 24 },
            table,
        });
        device.change_rules(&rules.clone().map(RuleChange::Add)).await.unwrap();
        for prefix in ["10.90.0.0/16", "fd90::/48"] {
            let prefix = prefix.parse().unwrap();
            let via = Via { device: "pt000".to_owned(), gateway: None, source: None };
            let (by, nowhere) = (Route::via(table, prefix, 0, via), Route::unreachable(table, prefix, 0));
            let changes = [&by, &nowhere, &by, &nowhere].map(|route| RouteChange::Replace(route.clone()));
            for (count, change) in changes.iter().enumerate() {
                device.change_routes(std::slice::from_ref(change)).await.unwrap();
                let observed = device.observe(&owner()).await.unwrap();
                let is = |routes: &BTreeSet<Route>, wanted: &Route| routes.iter().any(|route| route == wanted);
                let found = (is(&observed.routes, &by), is(&observed.twins, &nowhere));
                assert_eq!(found, (count % 2 == 0, count % 2 == 1), "{observed:?}");
            }
        }
        let seen = device.observe(&network(1)).await.unwrap();
        assert_eq!(seen.rules, BTreeSet::from(rules), "those of classes are everybody's to see");
    });
}
