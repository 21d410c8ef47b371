//! What is not ours stays as it is.

use patronus_agent::effects::model::{Family, Route, RouteChange, Rule, RuleChange, Selector, Via};
use patronus_agent::effects::{Device as _, Error};

use crate::lab::{Namespace, device, is_root, network, owner, pair, tunnelled_pair};

/// Everything that is not ours, as the kernel lists it.
fn snapshot(namespace: &Namespace) -> String {
    namespace.sh(
        "ip -o addr show | grep -v pt000; ip -o link show | grep -v pt000; \
         ip route show table all | grep -v 'proto 80' | grep -v pt000; \
         ip -6 route show table all | grep -v 'proto 80' | grep -v pt000; ip rule; ip -6 rule; nft list ruleset || true",
    )
}

#[test]
fn a_whole_life_leaves_the_host_as_it_was() {
    if !is_root() {
        return;
    }
    let (one, two) = pair();
    one.namespace.sh(
        "ip link add mine type bridge && ip link set mine up && ip addr add 10.44.0.1/24 dev mine && \
         ip route add 10.45.0.0/16 via 10.44.0.2 proto static && ip -6 route add 2001:db8:45::/48 dev wan metric 5 && \
         ip rule add priority 4003 from 10.44.0.0/24 lookup 77 && ip -6 rule add priority 4004 from fd44::/64 lookup 77",
    );
    let before = snapshot(&one.namespace);
    one.connect(&two, "192.0.2.2");
    one.namespace.run(|| async {
        let device = device();
        let rule =
            Rule { priority: 4000, selector: Selector::source_ports(Family::V4, &(51820..=51823)), table: 20_300 };
        device.change_rules(&[RuleChange::Add(rule)]).await.unwrap();
        let observed = device.observe(&owner()).await.unwrap();
        let rules: Vec<_> = observed.rules.into_iter().map(RuleChange::Remove).collect();
        assert_eq!(rules.len(), 1, "foreign rules in our range are not ours");
        device.change_rules(&rules).await.unwrap();
        let routes: Vec<_> = observed.routes.into_iter().map(RouteChange::Remove).collect();
        device.change_routes(&routes).await.unwrap();
        device.change_routes(&routes).await.unwrap();
        device.delete_tunnel(&owner(), "pt000").await.unwrap();
        device.change_routes(&routes).await.unwrap();
    });
    assert_eq!(snapshot(&one.namespace), before);
}

#[test]
fn a_foreign_interface_with_our_name_is_refused() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    namespace.sh("ip link add pt000 type bridge && ip link set pt000 mtu 1300");
    let before = namespace.sh("ip -o link show pt000");
    namespace.run(|| async {
        let device = device();
        let refused = [
            device.create_tunnel(&owner(), "pt000", 1420).await,
            device.delete_tunnel(&owner(), "pt000").await,
            device.set_mtu(&owner(), "pt000", 1420).await,
            device.add_address(&owner(), "pt000", "10.9.0.1".parse().unwrap()).await,
            device.change_wireguard(&owner(), "pt000", &Default::default()).await,
        ];
        for result in refused {
            assert!(matches!(result, Err(Error::ForeignInterface { .. })), "{result:?}");
        }
        let observed = device.observe(&owner()).await.unwrap();
        assert_eq!(observed.foreign, ["pt000".to_owned()].into());
        assert!(observed.tunnels.is_empty());
    });
    assert_eq!(namespace.sh("ip -o link show pt000"), before);
}

#[test]
fn a_foreign_route_is_not_replaced() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    for (family, foreign) in [(4, "10.80.0.0/16"), (6, "2001:db8:80::/48")] {
        one.namespace.sh(&format!("ip route add {foreign} dev wan metric 7 proto static"));
        let refused = one.namespace.run(move || async move {
            let via = Via { device: "pt000".to_owned(), gateway: None, source: None };
            let route = Route::via(Route::MAIN, foreign.parse().unwrap(), 7, via);
            let device = device();
            let refused = device.change_routes(&[RouteChange::Add(route.clone())]).await;
            device.change_routes(&[RouteChange::Remove(route)]).await.unwrap();
            refused
        });
        assert!(matches!(refused, Err(Error::ForeignRoute { .. })), "{refused:?}");
        assert!(one.namespace.sh(&format!("ip -{family} route show {foreign}")).contains("dev wan"));
    }
}

#[test]
fn a_route_of_another_network_of_ours_is_told_from_a_foreign_one() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    for (family, destination) in [(4, "10.81.0.0/16"), (6, "2001:db8:81::/48")] {
        let refused = one.namespace.run(move || async move {
            let device = device();
            let add = |name: &str| {
                let via = Via { device: name.to_owned(), gateway: None, source: None };
                [RouteChange::Add(Route::via(Route::MAIN, destination.parse().unwrap(), 0, via))]
            };
            device.create_tunnel(&network(1), "pt100", 1420).await.unwrap();
            device.change_routes(&add("pt100")).await.unwrap();
            device.change_routes(&add("pt100")).await.unwrap();
            device.change_routes(&add("pt000")).await
        });
        assert!(matches!(&refused, Err(Error::OtherNetwork { device, .. }) if device == "pt100"), "{refused:?}");
        assert!(one.namespace.sh(&format!("ip -{family} route show {destination}")).contains("dev pt100"));
    }
}
