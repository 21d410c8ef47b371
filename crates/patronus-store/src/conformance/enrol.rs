//! Joining and leaving.

use patronus_types::site::{SiteStatus, SyncState};
use patronus_types::token::TokenKind;

use super::world::{World, at, enrolment, key, page, write_at};
use crate::{Change, Enrolment, StoreError, TokenFilter};

pub async fn a_token_brings_one_agent_in(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let ticket = world.ticket(&site).await;
    world.changes();
    let brought = enrolment(&ticket);
    // The token knows its tenant, whatever the write says.
    let write = write_at(patronus_types::TenantId::new(9, &[9; 10]), 10);
    let enrolled = world.store.enrol(&write, brought.clone()).await.unwrap();
    assert!(!enrolled.repeated);
    assert_eq!((enrolled.site.id, enrolled.network.id), (site.id, network.id));
    assert_eq!((enrolled.site.public_keys.clone(), enrolled.site.port_base), (brought.public_keys, Some(51_820)));
    assert_eq!((enrolled.site.enrolled_at, enrolled.site.status), (Some(at(10)), SiteStatus::Active));
    assert_eq!(enrolled.site.agent.unwrap().hostname, "gw");
    assert_eq!(enrolled.network.generation, 3);
    let changes = world.changes();
    let Change::TokenAdded(hash, principal) = &changes[0] else { panic!("{changes:?}") };
    assert_eq!((hash, principal.kind), (&brought.agent_token_hash, TokenKind::Agent));
    assert_eq!(principal.agent.as_ref().unwrap().site, site.id);
    assert!(matches!(changes[1], Change::Events { tenant, newest: 5 } if tenant == world.tenant));
    assert_eq!(world.event_kinds().await.last().unwrap(), "site.enrolled");
}

pub async fn a_repeat_is_answered_for_an_hour(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let brought = enrolment(&world.ticket(&site).await);
    let first = world.store.enrol(&world.write(), brought.clone()).await.unwrap();
    let events = world.events().await.len();
    let again = world.store.enrol(&world.later(3600), brought.clone()).await.unwrap();
    assert!(again.repeated);
    assert_eq!((&again.site.public_keys, again.site.version), (&first.site.public_keys, first.site.version));
    assert_eq!(world.events().await.len(), events);
    let others = [
        (3601, brought.clone()),
        (1, Enrolment { nonce_hash: "other".to_owned(), ..brought.clone() }),
        (1, Enrolment { public_keys: vec![key(), key(), key(), key()], ..brought.clone() }),
    ];
    for (seconds, other) in others {
        let refused = world.store.enrol(&world.later(seconds), other).await;
        assert!(matches!(refused, Err(StoreError::Credential("used enrolment token"))), "{refused:?}");
    }
    world.store.leave(&world.write(), site.id).await.unwrap();
    assert!(world.store.enrol(&world.later(2), brought).await.is_err(), "its agent's token is revoked");
}

pub async fn of_a_hundred_racing_one_wins(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let ticket = world.ticket(&site).await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, write, brought) = (world.store.clone(), world.write(), enrolment(&ticket));
        racers.spawn(async move { store.enrol(&write, brought.clone()).await.map(|enrolled| (brought, enrolled)) });
    }
    let results = racers.join_all().await;
    let winners: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(
        results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| matches!(error, StoreError::Credential(_)))
    );
    assert_eq!(world.site_now(site.id).await.public_keys, winners[0].0.public_keys);
    let agents = world.store.tokens(world.tenant, TokenFilter::default(), page(1000, None)).await.unwrap().items;
    assert_eq!(agents.iter().filter(|token| token.kind == TokenKind::Agent).count(), 1);
    assert_eq!(world.event_kinds().await.iter().filter(|kind| *kind == "site.enrolled").count(), 1);
}

pub async fn unusable_tokens_are_refused(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let ticket = world.ticket(&site).await;
    let late = world.store.enrol(&world.later(3600), enrolment(&ticket)).await;
    assert!(matches!(late, Err(StoreError::Credential("expired enrolment token"))));
    let unknown = world.store.enrol(&world.write(), enrolment("hash-of-nothing")).await;
    assert!(matches!(unknown, Err(StoreError::Credential("unknown enrolment token"))));
    let other = world.enrolled(&world.site(network.id, "fra").await).await;
    let taken = Enrolment { public_keys: other.site.public_keys, ..enrolment(&ticket) };
    assert!(matches!(world.store.enrol(&world.write(), taken).await, Err(StoreError::Exists(_))));
    let same = key();
    let twice = Enrolment { public_keys: vec![same, key(), same, key()], ..enrolment(&ticket) };
    assert!(matches!(world.store.enrol(&world.write(), twice).await, Err(StoreError::Exists(_))));
    assert!(world.site_now(site.id).await.public_keys.is_empty(), "a refused one leaves nothing behind");
    let tokens = world.store.tokens(world.tenant, TokenFilter::default(), page(10, None)).await.unwrap().items;
    let unused = tokens.iter().find(|token| token.site_id == Some(site.id)).unwrap();
    world.store.revoke_token(&world.write(), unused.id).await.unwrap();
    let revoked = world.store.enrol(&world.write(), enrolment(&ticket)).await;
    assert!(matches!(revoked, Err(StoreError::Credential("revoked enrolment token"))));
}

pub async fn a_new_agent_replaces_the_old(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let ticket = world.ticket(&site).await;
    let first = enrolment(&ticket);
    world.store.enrol(&world.write(), first.clone()).await.unwrap();
    // The same machine again, with the keys it has: they are its own.
    let second = Enrolment { public_keys: first.public_keys.clone(), ..enrolment(&world.ticket(&site).await) };
    world.changes();
    let enrolled = world.store.enrol(&world.write(), second.clone()).await.unwrap();
    assert_eq!(enrolled.site.public_keys, first.public_keys);
    let changes = world.changes();
    assert!(matches!(&changes[0], Change::TokenRemoved(hash) if *hash == first.agent_token_hash));
    assert!(matches!(&changes[1], Change::TokenAdded(hash, _) if *hash == second.agent_token_hash));
    assert!(world.store.token(world.tenant, first.agent_token).await.unwrap().revoked_at.is_some());
}

pub async fn one_that_leaves_is_shut_out(world: &World) {
    let network = world.network("alpha").await;
    let site = world.enrolled(&world.site(network.id, "ams").await).await.site;
    world.changes();
    world.store.leave(&world.write(), site.id).await.unwrap();
    world.store.leave(&world.write(), site.id).await.unwrap();
    let after = world.site_now(site.id).await;
    assert_eq!((after.status, after.enrolled_at, after.agent), (SiteStatus::Inactive, None, None));
    assert_eq!((&after.public_keys, after.sync), (&site.public_keys, SyncState::Pending));
    let left = async || world.store.compile_input(world.tenant, network.id).await.unwrap().sites[0].left_at;
    assert_eq!(left().await, Some(world.write().now), "who publishes is told");
    let changes = world.changes();
    assert_eq!(changes.iter().filter(|change| matches!(change, Change::TokenRemoved(_))).count(), 1);
    assert_eq!(world.event_kinds().await.iter().filter(|kind| *kind == "site.left").count(), 1);
    let foreign = world.store.leave(&world.write(), super::world::site_id()).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })));
    world.enrolled(&site).await;
    assert_eq!(left().await, None);
}
