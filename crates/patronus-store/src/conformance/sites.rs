//! Sites.

use std::collections::BTreeMap;
use std::net::IpAddr;

use patronus_types::api::page::StatusFilter;
use patronus_types::api::standing::SiteMode;
use patronus_types::network::NetworkSpec;
use patronus_types::site::{SiteSpec, SiteStatus, SyncState, Uplink};

use super::world::{World, at, dry, key, name, page, site_id, site_spec};
use crate::{Change, NewSite, SiteFilter, StoreError, Write};

const DAY_S: i64 = 24 * 3600;

fn tiny() -> NetworkSpec {
    NetworkSpec { range: "10.0.0.0/29".parse().unwrap(), ..NetworkSpec::named(name("tiny")) }
}

pub async fn addresses_count_up_and_come_back_late(world: &World) {
    let spec = NetworkSpec { range6: Some("fd00::/64".parse().unwrap()), ..tiny() };
    let network = world.network_of(spec).await.unwrap();
    let first = world.site(network.id, "s1").await;
    let expected: Vec<IpAddr> = vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
    assert_eq!(first.addresses, expected);
    assert_eq!(first.sync, SyncState::Pending);

    let host = |site: &patronus_types::site::Site| site.addresses[0].to_string();
    world.store.delete_site(&world.later(0), first.id, 1).await.unwrap();
    let second = world.site_with(&world.later(2 * DAY_S), network.id, "s2").await.unwrap();
    assert_eq!(host(&second), "10.0.0.2", "a never-used one comes first");
    world.store.delete_site(&world.later(60), second.id, 1).await.unwrap();
    for index in 3..=6 {
        world.site(network.id, &format!("s{index}")).await;
    }
    let early = world.site_with(&world.later(DAY_S - 1), network.id, "s7").await;
    assert!(matches!(early, Err(StoreError::Conflict(_))));
    let tried = world.site_with(&dry(&world.later(2 * DAY_S)), network.id, "s7").await.unwrap();
    let oldest = world.site_with(&world.later(2 * DAY_S), network.id, "s7").await.unwrap();
    assert_eq!((host(&tried), host(&oldest)), ("10.0.0.1".to_owned(), "10.0.0.1".to_owned()));
    let next = world.site_with(&world.later(2 * DAY_S), network.id, "s8").await.unwrap();
    assert_eq!(host(&next), "10.0.0.2");
}

pub async fn a_used_up_range_is_a_conflict(world: &World) {
    let network = world.network_of(tiny()).await.unwrap();
    for index in 1..=6 {
        world.site(network.id, &format!("s{index}")).await;
    }
    let Err(StoreError::Conflict(message)) = world.site_with(&world.write(), network.id, "s7").await else {
        panic!("a seventh site got an address")
    };
    assert!(message.contains("`tiny`") && message.contains("10.0.0.0/29"), "{message}");
}

pub async fn keys_are_one_sites(world: &World) {
    let (alpha, beta) = (world.network("alpha").await, world.network("beta").await);
    let shared = key();
    let new = |network, site: &str| NewSite { id: site_id(), network, spec: site_spec(site), public_key: Some(shared) };
    let ams = world.store.create_site(&world.write(), new(alpha.id, "ams")).await.unwrap();
    assert_eq!((ams.public_key, ams.sync), (Some(shared), SyncState::Unpublished));
    let taken = world.store.create_site(&world.write(), new(beta.id, "fra")).await;
    assert!(matches!(&taken, Err(StoreError::Exists(message)) if message.contains("`ams`")), "{taken:?}");
    let fra = world.site(beta.id, "fra").await;
    let taken = world.store.update_site(&world.write(), fra.id, 1, fra.spec.clone(), Some(shared)).await;
    assert!(matches!(taken, Err(StoreError::Exists(_))));
    world.store.delete_site(&world.write(), ams.id, 1).await.unwrap();
    let freed = world.store.update_site(&world.write(), fra.id, 1, fra.spec, Some(shared)).await.unwrap();
    assert_eq!(freed.public_keys, [shared]);
}

pub async fn a_name_in_two_networks_is_ambiguous(world: &World) {
    let (alpha, beta) = (world.network("alpha").await, world.network("beta").await);
    let (one, two) = (world.site(alpha.id, "ams").await, world.site(beta.id, "ams").await);
    assert!(matches!(world.site_with(&world.write(), alpha.id, "ams").await, Err(StoreError::Exists(_))));
    let reference = "ams".parse().unwrap();
    let found = world.store.site(world.tenant, Some(beta.id), &reference, at(0)).await.unwrap();
    assert_eq!(found, two);
    match world.store.site(world.tenant, None, &reference, at(0)).await {
        Err(StoreError::Ambiguous { ids, .. }) => assert!(ids.contains(&one.id.into()) && ids.contains(&two.id.into())),
        other => panic!("{other:?}"),
    }
    let elsewhere = world.store.site(world.tenant, Some(beta.id), &one.id.to_string().parse().unwrap(), at(0)).await;
    assert!(matches!(elsewhere, Err(StoreError::NotFound { kind: "site", .. })));
    assert_eq!(world.store.site_name(one.id).await.unwrap(), name("ams"));
}

pub async fn what_is_bundled_makes_the_network_grow(world: &World) {
    let network = world.network("alpha").await;
    let generation = async || world.network_now(network.id).await.generation;
    let site = world.site(network.id, "ams").await;
    assert_eq!(generation().await, 2);
    let words = SiteSpec {
        location: "Amsterdam".to_owned(),
        labels: BTreeMap::from([("tier".to_owned(), "gold".to_owned())]),
        ..site.spec.clone()
    };
    let site = world.store.update_site(&world.later(5), site.id, 1, words, None).await.unwrap();
    assert_eq!((site.version, site.updated_at, generation().await), (2, at(5), 2));
    let wider = SiteSpec {
        prefixes: vec!["192.168.1.0/24".parse().unwrap()],
        // By that its agent knows how often it may measure, and which uplink a policy means.
        uplinks: vec![Uplink {
            metered: true,
            labels: BTreeMap::from([("kind".to_owned(), "fibre".to_owned())]),
            ..site.spec.uplinks[0].clone()
        }],
        ..site.spec.clone()
    };
    world.store.update_site(&world.write(), site.id, 2, wider.clone(), None).await.unwrap();
    assert_eq!(generation().await, 3);
    let first_key = key();
    world.store.update_site(&world.write(), site.id, 3, wider.clone(), Some(first_key)).await.unwrap();
    assert_eq!(generation().await, 4);
    world.store.update_site(&world.write(), site.id, 4, wider, Some(first_key)).await.unwrap();
    assert_eq!(generation().await, 4);
    world.store.delete_site(&world.write(), site.id, 5).await.unwrap();
    assert_eq!(generation().await, 5);
}

pub async fn a_deleted_site_takes_its_tokens_along(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let enrolled = world.enrolled(&site).await;
    let unused = world.ticket(&site).await;
    world.changes();
    world.store.delete_site(&world.write(), site.id, enrolled.site.version).await.unwrap();
    let changes = world.changes();
    let removed = changes.iter().filter(|change| matches!(change, Change::TokenRemoved(_))).count();
    assert_eq!(removed, 3, "the agent's, the used and the unused enrolment token");
    assert!(changes.iter().any(|change| matches!(change, Change::SiteRemoved(id) if *id == site.id)));
    assert!(changes.iter().any(|change| matches!(change, Change::Desired { desired: None, .. })));
    let late = world.store.enrol(&world.write(), super::world::enrolment(&unused)).await;
    assert!(matches!(late, Err(StoreError::Credential(_))));
    let tokens = world.store.tokens(world.tenant, Default::default(), page(10, None)).await.unwrap();
    assert!(tokens.items.iter().all(|token| token.revoked_at.is_some() && token.site == Some(name("ams"))));
}

pub async fn active_is_heard_within_two_minutes(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let status = async |seconds| {
        let site = world.store.site(world.tenant, None, &"ams".parse().unwrap(), at(seconds)).await.unwrap();
        site.status == SiteStatus::Active
    };
    assert!(!status(0).await);
    world.store.heard(vec![(site.id, at(100)), (site_id(), at(100))]).await.unwrap();
    world.store.heard(vec![(site.id, at(50))]).await.unwrap();
    assert!(status(219).await);
    assert!(!status(220).await);
    assert_eq!(world.site_now(site.id).await.version, 1);
}

pub async fn lists_filter_and_page(world: &World) {
    let (alpha, beta) = (world.network("alpha").await, world.network("beta").await);
    let mut heard = Vec::new();
    for index in 0..30 {
        let network = if index % 3 == 0 { beta.id } else { alpha.id };
        // The same names in both networks: their order is by id then.
        let site =
            world.site(network, &format!("s{:02}", index / 3 * if index % 3 == 0 { 1 } else { 2 } + index % 3)).await;
        if index % 2 == 0 {
            heard.push((site.id, at(0)));
        }
    }
    world.store.heard(heard).await.unwrap();
    for (network, status, expected) in [
        (None, StatusFilter::All, 30),
        (Some(alpha.id), StatusFilter::All, 20),
        (None, StatusFilter::Active, 15),
        (None, StatusFilter::Inactive, 15),
        (Some(beta.id), StatusFilter::Active, 5),
    ] {
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut cursor = None;
        loop {
            let filter = SiteFilter { network, status };
            let got = world.store.sites(world.tenant, filter, page(7, cursor), at(1)).await.unwrap();
            assert_eq!(got.total, Some(expected));
            seen.extend(got.items.iter().map(|site| (site.spec.name.to_string(), site.id.to_string())));
            cursor = got.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(u64::try_from(seen.len()).unwrap(), expected);
        assert!(seen.is_sorted());
        seen.dedup();
        assert_eq!(u64::try_from(seen.len()).unwrap(), expected);
    }
}

pub async fn a_renamed_site_is_renamed_in_memory(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let site = world.enrolled(&site).await.site;
    world.changes();
    let spec = SiteSpec { name: name("adam"), ..site.spec };
    world.store.update_site(&world.write(), site.id, site.version, spec, None).await.unwrap();
    let changes = world.changes();
    let renamed = changes.iter().find_map(|change| match change {
        Change::TokenAdded(_, principal) => principal.agent.as_ref(),
        _ => None,
    });
    assert_eq!(renamed.unwrap().site_name, name("adam"));
}

pub async fn a_mode_is_set_once_and_told(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    assert_eq!((site.mode, site.halted), (SiteMode::Apply, None));
    let clean = world.network_now(network.id).await.generation;
    world.changes();
    let set = async |mode| world.store.set_site_mode(&world.write(), site.id, mode).await.unwrap();
    for (mode, version) in [(SiteMode::Hold, 2), (SiteMode::Hold, 2), (SiteMode::Shadow, 3), (SiteMode::Apply, 4)] {
        let after = set(mode).await;
        assert_eq!((after.mode, after.version), (mode, version));
    }
    let told = world.changes().into_iter().filter_map(|change| match change {
        Change::Mode { site: of, mode } => Some((of, mode)),
        _ => None,
    });
    let modes = [SiteMode::Hold, SiteMode::Shadow, SiteMode::Apply];
    assert_eq!(told.collect::<Vec<_>>(), modes.map(|mode| (site.id, mode)));
    let kinds = world.event_kinds().await;
    let kinds: Vec<_> = kinds.iter().map(String::as_str).filter(|kind| *kind != "site.created").collect();
    assert_eq!(kinds[kinds.len() - 3..], ["site.held", "site.shadowed", "site.unheld"]);
    assert_eq!(world.network_now(network.id).await.generation, clean, "it stands in no bundle");
    let nowhere = world.store.set_site_mode(&world.write(), site_id(), SiteMode::Hold).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound { .. })));
    let elsewhere = Write { tenant: patronus_types::TenantId::new(9, &[9; 10]), ..world.write() };
    assert!(world.store.set_site_mode(&elsewhere, site.id, SiteMode::Hold).await.is_err());
}
