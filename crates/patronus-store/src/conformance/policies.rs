//! Policies.

use patronus_types::PolicyId;
use patronus_types::policy::PolicySpec;

use super::world::{World, page, unique};
use crate::{Applied, ApplyOp, NewPolicy, StoreError, Write};

fn spec(name: &str, priority: u16) -> PolicySpec {
    let json = format!(r#"{{"name": "{name}", "priority": {priority}, "match_criteria": {{}}, "action": "drop"}}"#);
    serde_json::from_str(&json).unwrap()
}

fn new(network: patronus_types::NetworkId, spec: PolicySpec) -> NewPolicy {
    NewPolicy { id: PolicyId::new(1, &unique()), network, spec }
}

pub async fn a_policy_is_found_changed_and_deleted(world: &World) {
    let network = world.network("alpha").await;
    let made = world.store.create_policy(&world.write(), new(network.id, spec("web", 10))).await.unwrap();
    assert_eq!((made.version, world.network_now(network.id).await.generation), (1, 2));
    for reference in ["web".to_owned(), made.id.to_string()] {
        let found = world.store.policy(world.tenant, Some(network.id), &reference.parse().unwrap()).await.unwrap();
        assert_eq!(found, made);
    }
    let again = world.store.create_policy(&world.write(), new(network.id, spec("web", 20))).await;
    assert!(matches!(again, Err(StoreError::Exists(_))));
    let mut other = spec("web", 10);
    other.expect = vec!["from ams to fra → drop".parse().unwrap()];
    let changed = world.store.update_policy(&world.write(), made.id, 1, other).await.unwrap();
    assert_eq!((changed.version, world.network_now(network.id).await.generation), (2, 2), "no packet goes another way");
    let lost = world.store.update_policy(&world.write(), made.id, 1, spec("web", 30)).await;
    assert!(matches!(lost, Err(StoreError::Changed { current: 2 })));
    world.store.update_policy(&world.write(), made.id, 2, spec("web", 30)).await.unwrap();
    let record = world.store.compile_input(world.tenant, network.id).await.unwrap();
    assert_eq!((record.policies, record.network.generation), (vec![spec("web", 30)], 3));
    assert!(matches!(world.store.delete_policy(&world.write(), made.id, 2).await, Err(StoreError::Changed { .. })));
    world.store.delete_policy(&world.write(), made.id, 3).await.unwrap();
    assert!(world.store.policies(world.tenant, None, page(10, None)).await.unwrap().items.is_empty());
    let kinds = world.event_kinds().await;
    assert_eq!(kinds[1..], ["network.created", "policy.created", "policy.updated", "policy.updated", "policy.deleted"]);
}

pub async fn policies_belong_to_their_network_and_go_with_it(world: &World) {
    let (alpha, beta) = (world.network("alpha").await, world.network("beta").await);
    for (network, name) in [(alpha.id, "b"), (alpha.id, "a"), (beta.id, "a")] {
        world.store.create_policy(&world.write(), new(network, spec(name, 1))).await.unwrap();
    }
    let listed = |network| async move {
        let found = world.store.policies(world.tenant, network, page(2, None)).await.unwrap();
        (found.items.iter().map(|it| it.spec.name.to_string()).collect::<Vec<_>>(), found.total, found.next.is_some())
    };
    assert_eq!(listed(Some(alpha.id)).await, (vec!["a".to_owned(), "b".to_owned()], Some(2), false));
    assert_eq!(listed(None).await, (vec!["a".to_owned(), "a".to_owned()], Some(3), true));
    let ambiguous = world.store.policy(world.tenant, None, &"a".parse().unwrap()).await;
    assert!(matches!(ambiguous, Err(StoreError::Ambiguous { ids, .. }) if ids.len() == 2));
    world.store.delete_network(&world.write(), alpha.id, 1).await.unwrap();
    assert_eq!(listed(None).await, (vec!["a".to_owned()], Some(1), false));
}

pub async fn what_was_looked_at_must_not_have_moved(world: &World) {
    let network = world.network("alpha").await;
    let seen = |generation| Write { seen: vec![(network.id, generation)], ..world.write() };
    let moved = world.store.create_policy(&seen(2), new(network.id, spec("web", 1))).await;
    assert!(matches!(moved, Err(StoreError::Moved)));
    world.store.create_policy(&seen(1), new(network.id, spec("web", 1))).await.unwrap();
    let ops = vec![ApplyOp::CreatePolicy(new(network.id, spec("ssh", 1)))];
    assert!(matches!(world.store.apply(&seen(1), ops.clone()).await, Err(StoreError::Moved)));
    let keyed = super::world::keyed(&seen(2), "key", 1);
    let done = world.store.apply(&keyed, ops.clone()).await.unwrap();
    let Applied::Policy(policy) = &done[0] else { panic!("{done:?}") };
    assert_eq!(policy.spec.name.as_str(), "ssh");
    assert!(world.store.apply(&keyed, ops).await.is_ok(), "a repeat is answered though the network has moved on");
    let update = ApplyOp::UpdatePolicy { id: policy.id, expected: 1, spec: Box::new(spec("ssh", 7)) };
    world.store.apply(&seen(3), vec![update]).await.unwrap();
    assert_eq!(world.network_now(network.id).await.generation, 4);
}

pub async fn labels_count_where_policies_may_name_them(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let labelled = |value: &str| {
        let labels = [("role".to_owned(), value.to_owned())].into();
        patronus_types::site::SiteSpec { labels, ..site.spec.clone() }
    };
    world.store.update_site(&world.write(), site.id, 1, labelled("branch"), None).await.unwrap();
    assert_eq!(world.network_now(network.id).await.generation, 2, "nobody asks for them");
    world.store.create_policy(&world.write(), new(network.id, spec("web", 1))).await.unwrap();
    world.store.update_site(&world.write(), site.id, 2, labelled("hub"), None).await.unwrap();
    assert_eq!(world.network_now(network.id).await.generation, 4);
}
