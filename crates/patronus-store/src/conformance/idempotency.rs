//! Repeats of requests.

use patronus_types::network::NetworkSpec;

use super::world::{World, dry, keyed, name, network_id, page};
use crate::{NewNetwork, StoreError};

fn new(text: &str) -> NewNetwork {
    NewNetwork { id: network_id(), spec: NetworkSpec::named(name(text)) }
}

pub async fn a_repeat_answers_the_first_answer(world: &World) {
    let write = keyed(&world.write(), "k", 1);
    let first = world.store.create_network(&write, new("alpha")).await.unwrap();
    world.changes();
    // The id that the handler made anew for the repeat is not used.
    let again = world.store.create_network(&write, new("alpha")).await.unwrap();
    assert_eq!(again, first);
    assert!(world.changes().is_empty());
    assert_eq!(world.event_kinds().await, ["tenant.created", "network.created"]);
    // A method that answers nothing, and one that answers much.
    let write = keyed(&world.write(), "site", 1);
    let site = world.site_with(&write, first.id, "ams").await.unwrap();
    assert_eq!(world.site_with(&write, first.id, "ams").await.unwrap(), site);
    let write = keyed(&world.write(), "delete", 1);
    for _ in 0..2 {
        world.store.delete_site(&write, site.id, 1).await.unwrap();
    }
}

pub async fn another_body_is_refused(world: &World) {
    world.store.create_network(&keyed(&world.write(), "k", 1), new("alpha")).await.unwrap();
    let other = world.store.create_network(&keyed(&world.write(), "k", 2), new("beta")).await;
    assert!(matches!(other, Err(StoreError::IdempotencyMismatch)));
    world.store.create_network(&keyed(&world.write(), "l", 2), new("beta")).await.unwrap();
}

pub async fn a_failure_is_tried_again(world: &World) {
    let taken = world.network("alpha").await;
    let write = keyed(&world.write(), "k", 1);
    assert!(matches!(world.store.create_network(&write, new("alpha")).await, Err(StoreError::Exists(_))));
    world.store.delete_network(&world.write(), taken.id, 1).await.unwrap();
    world.store.create_network(&write, new("alpha")).await.unwrap();
}

pub async fn answers_are_forgotten_after_a_day(world: &World) {
    let write = keyed(&world.write(), "k", 1);
    let first = world.store.create_network(&write, new("alpha")).await.unwrap();
    let within = keyed(&world.later(86_399), "k", 1);
    assert_eq!(world.store.create_network(&within, new("alpha")).await.unwrap(), first);
    let after = keyed(&world.later(86_400), "k", 2);
    assert_ne!(world.store.create_network(&after, new("beta")).await.unwrap().id, first.id);
}

pub async fn a_dry_run_leaves_nothing(world: &World) {
    let write = dry(&keyed(&world.write(), "k", 1));
    world.changes();
    let shown = world.store.create_network(&write, new("alpha")).await.unwrap();
    assert_eq!((shown.spec.name.as_str(), shown.version), ("alpha", 1));
    assert!(world.changes().is_empty());
    assert!(world.store.networks(world.tenant, page(10, None)).await.unwrap().items.is_empty());
    assert_eq!(world.event_kinds().await, ["tenant.created"]);
    let real = world.store.create_network(&keyed(&world.write(), "k", 2), new("alpha")).await.unwrap();
    assert_ne!(real.id, shown.id);
}
