//! The event log.

use std::collections::BTreeSet;

use super::world::{World, dry, page, site_id, site_spec};
use crate::{Change, EventFilter, NewSite, StoreError};

pub async fn numbers_have_no_gaps_under_sixty_four_writers(world: &World) {
    let network = world.network("alpha").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let (store, write, network) = (world.store.clone(), world.write(), network.id);
        writers.spawn(async move {
            let mut made = 0;
            for round in 0..6 {
                // A third is taken back, a third fails on a name that is taken, a third stays.
                let site = match round % 3 {
                    1 => "taken".to_owned(),
                    _ => format!("w{writer}-{round}"),
                };
                let write = if round % 3 == 0 { dry(&write) } else { write.clone() };
                let new = NewSite { id: site_id(), network, spec: site_spec(&site), public_key: None };
                match store.create_site(&write, new).await {
                    Ok(_) => made += usize::from(!write.dry_run),
                    Err(StoreError::Exists(_)) => assert_eq!(site, "taken"),
                    Err(error) => panic!("{error}"),
                }
            }
            made
        });
    }
    let made: usize = writers.join_all().await.into_iter().sum();
    assert_eq!(made, 64 * 2 + 1);
    let events = world.events().await;
    let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=u64::try_from(made).unwrap() + 2).collect::<Vec<_>>());
    let sites: BTreeSet<_> =
        events.iter().filter_map(|event| event.resource.as_ref()).map(|of| of.id.clone()).collect();
    assert_eq!(sites.len(), made + 2, "one event for each");
    assert_eq!(world.store.newest_event(world.tenant).await.unwrap(), *numbers.last().unwrap());
    let told = world.changes().into_iter().filter_map(|change| match change {
        Change::Events { newest, .. } => Some(newest),
        _ => None,
    });
    let told: Vec<u64> = told.collect();
    assert!(told.is_sorted_by(|a, b| a < b) && told.last() == numbers.last());
}

pub async fn events_are_filtered_and_paged(world: &World) {
    let (alpha, beta) = (world.network("alpha").await, world.network("beta").await);
    for index in 0..4 {
        world.site(if index % 2 == 0 { alpha.id } else { beta.id }, &format!("s{index}")).await;
    }
    let list = async |filter: EventFilter, limit, cursor| {
        let got = world.store.events(world.tenant, filter, page(limit, cursor)).await.unwrap();
        let numbers: Vec<u64> = got.items.iter().map(|event| event.number).collect();
        (numbers, got.total, got.next)
    };
    let newest = list(EventFilter::default(), 3, None).await;
    assert_eq!((newest.0, newest.1), (vec![7, 6, 5], Some(7)));
    assert_eq!(list(EventFilter::default(), 9, newest.2).await.0, [4, 3, 2, 1]);
    let group = EventFilter { kind: Some("site.".to_owned()), ..EventFilter::default() };
    assert_eq!(list(group, 9, None).await.0, [7, 6, 5, 4]);
    let kind = EventFilter { kind: Some("network.created".to_owned()), ..EventFilter::default() };
    assert_eq!(list(kind, 9, None).await.0, [3, 2]);
    let part = EventFilter { kind: Some("site".to_owned()), ..EventFilter::default() };
    assert!(list(part, 9, None).await.0.is_empty());
    let of_beta = EventFilter { network: Some(beta.id), after: Some(0), ..EventFilter::default() };
    let first = list(of_beta.clone(), 2, None).await;
    assert_eq!(first.0, [3, 5]);
    assert_eq!(list(of_beta, 2, first.2).await.0, [7]);
    let one = world.store.events(world.tenant, EventFilter::default(), page(1, None)).await.unwrap().items.remove(0);
    assert_eq!((one.request_id.as_deref(), one.network_id), (Some("request-1"), Some(beta.id)));
    let resource = one.resource.unwrap();
    assert_eq!((resource.kind.as_str(), resource.name.as_str()), ("site", "s3"));
    assert!(one.message.contains("s3"));
}

pub async fn the_hook_is_called_before_the_answer(world: &World) {
    world.changes();
    for index in 0..20 {
        let network = world.network(&format!("n{index}")).await;
        let seen = world.changes();
        assert!(
            matches!(seen[..], [Change::PollInterval { network: told, .. }, Change::Events { .. }] if told == network.id),
            "{seen:?}"
        );
        let refused = world.store.delete_network(&world.write(), network.id, 9).await;
        assert!(refused.is_err() && world.changes().is_empty());
    }
}
