//! Tokens, and the memory that follows them.

use std::collections::BTreeMap;

use patronus_types::api::standing::SiteMode;
use patronus_types::permission::Role;
use patronus_types::token::{Token, TokenKind};

use super::releases::release;
use super::world::{World, at, page, site_id, token_id};
use crate::{Change, NewRotation, NewToken, StoreError, TokenFilter};

fn api_token(description: &str) -> NewToken {
    let id = token_id();
    NewToken {
        id,
        kind: TokenKind::Api,
        hash: format!("hash-{id}"),
        description: description.to_owned(),
        role: Role::Operator,
        site: None,
        expires_at: Some(at(60)),
    }
}

pub async fn tokens_come_and_go(world: &World) {
    world.changes();
    let new = api_token("ci");
    let made = world.store.create_token(&world.write(), new.clone()).await.unwrap();
    assert_eq!(
        (made.description.as_str(), made.role, made.created_by.as_str()),
        ("ci", Role::Operator, "patronus-server")
    );
    let changes = world.changes();
    let Change::TokenAdded(hash, principal) = &changes[0] else { panic!("{changes:?}") };
    assert_eq!((hash, principal.name.as_str(), principal.expires_at), (&new.hash, "ci", Some(at(60))));

    world.store.used(vec![(new.id, at(30)), (new.id, at(20)), (token_id(), at(1))]).await.unwrap();
    assert_eq!(world.store.token(world.tenant, new.id).await.unwrap().last_used_at, Some(at(30)));

    for _ in 0..2 {
        let revoked = world.store.revoke_token(&world.later(40), new.id).await.unwrap();
        assert_eq!(revoked.revoked_at, Some(at(40)));
    }
    let removed = world.changes();
    assert_eq!(
        removed.iter().filter(|change| matches!(change, Change::TokenRemoved(old) if *old == new.hash)).count(),
        1
    );
    assert_eq!(world.event_kinds().await, ["tenant.created", "token.created", "token.revoked"]);

    let network = world.network("alpha").await;
    let nowhere = NewToken { kind: TokenKind::Enrol, site: Some((network.id, site_id())), ..api_token("") };
    assert!(matches!(world.store.create_token(&world.write(), nowhere).await, Err(StoreError::NotFound { .. })));
}

/// What a server's memory comes to after changes.
fn memory(changes: Vec<Change>) -> BTreeMap<String, String> {
    let mut memory = BTreeMap::new();
    for change in changes {
        match change {
            Change::TokenAdded(hash, principal) => {
                memory.insert(hash, format!("{principal:?}"));
            }
            Change::TokenRemoved(hash) => {
                memory.remove(&hash);
            }
            Change::Desired { site, desired } => {
                memory.insert(site.to_string(), format!("{desired:?}"));
            }
            Change::Mode { site, mode: SiteMode::Apply } => {
                memory.remove(&format!("mode of {site}"));
            }
            Change::Mode { site, mode } => {
                memory.insert(format!("mode of {site}"), format!("{mode:?}"));
            }
            Change::NewKeys { site, number: Some(number) } => {
                memory.insert(format!("keys of {site}"), number.to_string());
            }
            Change::NewKeys { site, number: None } => {
                memory.remove(&format!("keys of {site}"));
            }
            Change::Rotations => {}
            Change::PollInterval { network, seconds } => {
                memory.insert(network.to_string(), seconds.to_string());
            }
            Change::SiteRemoved(site) => {
                memory.remove(&site.to_string());
                memory.remove(&format!("mode of {site}"));
            }
            Change::Events { tenant, newest } => {
                memory.insert(tenant.to_string(), newest.to_string());
            }
        }
    }
    memory
}

pub async fn the_snapshot_makes_the_same_memory(world: &World) {
    let network = world.network("alpha").await;
    let site = world.enrolled(&world.site(network.id, "ams").await).await.site;
    let again = world.enrolled(&site).await.site;
    let gone = world.site(network.id, "fra").await;
    world.store.create_token(&world.write(), api_token("ci")).await.unwrap();
    world.store.delete_site(&world.write(), gone.id, 1).await.unwrap();
    let now = world.network_now(network.id).await;
    world.store.create_release(&world.write(), release(&now, std::slice::from_ref(&again), 1, b"mesh")).await.unwrap();
    let held = world.site(network.id, "lhr").await;
    for mode in [SiteMode::Shadow, SiteMode::Hold] {
        world.store.set_site_mode(&world.write(), held.id, mode).await.unwrap();
    }
    world.store.set_site_mode(&world.write(), site.id, SiteMode::Hold).await.unwrap();
    world.store.set_site_mode(&world.write(), site.id, SiteMode::Apply).await.unwrap();
    let rotation = NewRotation { site: again.id, without: Default::default(), by_age: false };
    world.store.start_rotation(&world.write(), rotation).await.unwrap();
    let followed = memory(world.changes());
    assert_eq!(memory(world.store.snapshot().await.unwrap()), followed);
    let agents = followed.values().filter(|text| text.starts_with("PrincipalRecord")).count();
    assert_eq!(agents, 2);
}

pub async fn the_newest_come_first(world: &World) {
    let network = world.network("alpha").await;
    let site = world.site(network.id, "ams").await;
    let ticket = world.ticket(&site).await;
    let mut made = Vec::new();
    for index in 0..5 {
        made.insert(0, world.store.create_token(&world.write(), api_token(&format!("t{index}"))).await.unwrap());
    }
    let list =
        async |filter: TokenFilter, cursor| world.store.tokens(world.tenant, filter, page(3, cursor)).await.unwrap();
    let first = list(TokenFilter::default(), None).await;
    assert_eq!((&first.items[..], first.total), (&made[..3], Some(6)));
    let second = list(TokenFilter::default(), first.next).await;
    assert_eq!(second.items.iter().map(|token: &Token| token.kind).collect::<Vec<_>>()[2], TokenKind::Enrol);
    assert_eq!(second.next, None);
    let of_network = list(TokenFilter { network: Some(network.id) }, None).await;
    assert_eq!(of_network.items.len(), 1);
    assert_eq!(format!("hash-{}", of_network.items[0].id), ticket);
}
