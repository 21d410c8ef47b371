//! Networks.

use patronus_types::TenantId;
use patronus_types::network::NetworkSpec;

use super::world::{World, dry, name, network_id, page, site_id, site_spec, unique, write_at};
use crate::{Applied, ApplyOp, Change, NewNetwork, NewSite, StoreError};

pub async fn a_network_is_found_by_id_and_name(world: &World) {
    let made = world.network("alpha").await;
    assert_eq!((made.version, made.generation, made.sites, made.dirty), (1, 1, 0, false), "nothing to publish yet");
    for reference in ["alpha".to_owned(), made.id.to_string()] {
        assert_eq!(world.store.network(world.tenant, &reference.parse().unwrap()).await.unwrap(), made);
    }
    let missing = world.store.network(world.tenant, &"beta".parse().unwrap()).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotFound { kind: "network", .. }));
    assert!(matches!(
        world.changes()[..],
        [Change::Events { .. }, Change::PollInterval { seconds: 5, .. }, Change::Events { newest: 2, .. }]
    ));
}

pub async fn names_are_unique_in_a_tenant(world: &World) {
    let alpha = world.network("alpha").await;
    let beta = world.network("beta").await;
    let again = world.network_of(NetworkSpec::named(name("alpha"))).await;
    assert!(matches!(again, Err(StoreError::Exists(_))));
    let renamed = world.store.update_network(&world.write(), beta.id, 1, alpha.spec).await;
    assert!(matches!(renamed, Err(StoreError::Exists(_))));
}

pub async fn a_lost_race_is_told(world: &World) {
    let made = world.network("alpha").await;
    let spec = NetworkSpec { mtu: Some(1400), ..made.spec.clone() };
    let changed = world.store.update_network(&world.write(), made.id, 1, spec.clone()).await.unwrap();
    assert_eq!((changed.version, changed.generation), (2, 2));
    let lost = world.store.update_network(&world.write(), made.id, 1, spec).await;
    assert!(matches!(lost, Err(StoreError::Changed { current: 2 })));
    let lost = world.store.delete_network(&world.write(), made.id, 1).await;
    assert!(matches!(lost, Err(StoreError::Changed { current: 2 })));
    world.store.delete_network(&world.write(), made.id, 2).await.unwrap();
    assert_eq!(world.event_kinds().await, ["tenant.created", "network.created", "network.updated", "network.deleted"]);
}

pub async fn what_is_not_bundled_does_not_make_dirty(world: &World) {
    let made = world.network("alpha").await;
    world.changes();
    let spec = NetworkSpec { poll_interval_s: 60, ..made.spec };
    let changed = world.store.update_network(&world.write(), made.id, 1, spec).await.unwrap();
    assert_eq!((changed.version, changed.generation), (2, 1));
    assert!(matches!(world.changes()[0], Change::PollInterval { seconds: 60, .. }));
}

pub async fn a_network_with_sites_stays_and_keeps_its_range(world: &World) {
    let network = world.network("alpha").await;
    world.site(network.id, "ams").await;
    let spec = NetworkSpec { range: "10.9.0.0/16".parse().unwrap(), ..network.spec };
    let moved = world.store.update_network(&world.write(), network.id, 1, spec.clone()).await;
    assert!(matches!(moved, Err(StoreError::Conflict(_))));
    let deleted = world.store.delete_network(&world.write(), network.id, 1).await;
    assert!(matches!(deleted, Err(StoreError::Conflict(_))));

    let ams = world.store.sites(world.tenant, Default::default(), page(10, None), super::world::at(0)).await.unwrap();
    world.store.delete_site(&world.write(), ams.items[0].id, 1).await.unwrap();
    world.store.update_network(&world.write(), network.id, 1, spec).await.unwrap();
    let fra = world.site(network.id, "fra").await;
    assert_eq!(fra.addresses, ["10.9.0.1".parse::<std::net::IpAddr>().unwrap()]);
}

pub async fn pages_come_in_order_of_name(world: &World) {
    for network in ["delta", "alpha", "charlie", "bravo", "echo"] {
        world.network(network).await;
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let got = world.store.networks(world.tenant, page(2, cursor)).await.unwrap();
        assert_eq!(got.total, Some(5));
        names.extend(got.items.into_iter().map(|network| network.spec.name.to_string()));
        cursor = got.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["alpha", "bravo", "charlie", "delta", "echo"]);
    let foreign = world.store.networks(world.tenant, page(2, Some("rubbish".to_owned()))).await;
    assert!(matches!(foreign, Err(StoreError::Cursor)));
}

pub async fn a_tenant_sees_only_its_own(world: &World) {
    let alpha = world.network("alpha").await;
    let site = world.site(alpha.id, "ams").await;
    let other = TenantId::new(1, &unique());
    let foreign = write_at(other, 0);
    world.store.create_tenant(&foreign, name("other")).await.unwrap();
    assert!(world.store.network(other, &"alpha".parse().unwrap()).await.is_err());
    assert!(world.store.networks(other, page(10, None)).await.unwrap().items.is_empty());
    assert!(world.store.compile_input(other, alpha.id).await.is_err());
    assert!(world.store.update_network(&foreign, alpha.id, 1, alpha.spec.clone()).await.is_err());
    assert!(world.store.delete_network(&foreign, alpha.id, 1).await.is_err());
    assert!(world.site_with(&foreign, alpha.id, "fra").await.is_err());
    assert!(world.store.update_site(&foreign, site.id, 1, site.spec.clone(), None).await.is_err());
    assert!(world.store.delete_site(&foreign, site.id, 1).await.is_err());
    assert!(world.store.leave(&foreign, site.id).await.is_err());
    let same_name = NewNetwork { id: network_id(), spec: alpha.spec };
    world.store.create_network(&foreign, same_name).await.unwrap();
    let numbers =
        |events: Vec<patronus_types::event::Event>| events.into_iter().map(|event| event.number).collect::<Vec<_>>();
    let theirs = world.store.events(other, Default::default(), page(10, None)).await.unwrap().items;
    assert_eq!(numbers(theirs), [2, 1]);
    assert_eq!(numbers(world.events().await), [1, 2, 3]);
}

pub async fn apply_is_all_or_nothing(world: &World) {
    let id = network_id();
    let network = |name_: &str| ApplyOp::CreateNetwork(NewNetwork { id, spec: NetworkSpec::named(name(name_)) });
    let site = |text: &str| {
        ApplyOp::CreateSite(NewSite { id: site_id(), network: id, spec: site_spec(text), public_key: None })
    };
    let ops = vec![network("alpha"), site("ams"), site("fra"), site("ams")];
    assert!(matches!(world.store.apply(&world.write(), ops).await, Err(StoreError::Exists(_))));
    assert!(world.store.network(world.tenant, &"alpha".parse().unwrap()).await.is_err());

    let ops = vec![network("alpha"), site("ams"), site("fra")];
    let shown = world.store.apply(&dry(&world.write()), ops.clone()).await.unwrap();
    assert_eq!(shown.len(), 3);
    assert!(world.store.network(world.tenant, &"alpha".parse().unwrap()).await.is_err());
    let done = world.store.apply(&world.write(), ops).await.unwrap();
    assert!(matches!(&done[2], Applied::Site(site) if site.spec.name.as_str() == "fra"));
    assert_eq!(world.network_now(id).await.sites, 2);
    let kinds = world.event_kinds().await;
    assert_eq!(kinds, ["tenant.created", "network.created", "site.created", "site.created"]);

    let Applied::Site(ams) = &done[1] else { unreachable!("a site was made") };
    let update = ApplyOp::UpdateSite {
        id: ams.id,
        expected: 1,
        spec: Box::new(patronus_types::site::SiteSpec { hub: true, ..ams.spec.clone() }),
        public_key: Some(super::world::key()),
    };
    let spec = NetworkSpec { mtu: Some(1380), ..NetworkSpec::named(name("alpha")) };
    let update_network = ApplyOp::UpdateNetwork { id, expected: 1, spec };
    world.store.apply(&world.write(), vec![update_network, update]).await.unwrap();
    let record = world.store.compile_input(world.tenant, id).await.unwrap();
    assert_eq!((record.network.spec.mtu, record.next_version), (Some(1380), 1));
    assert!(record.sites[0].spec.hub && record.sites[0].public_keys.len() == 1);
}
