//! Users and logins.

use patronus_types::UserId;
use patronus_types::event::Severity;
use patronus_types::permission::Role;
use patronus_types::user::User;

use super::world::{World, at, name, unique};
use crate::{NewRefresh, Rotation, StoreError};

async fn ada(world: &World) -> User {
    let user = User { id: UserId::new(1, &unique()), name: name("ada"), role: Role::Admin, created_at: at(0) };
    world.store.create_user(&world.write(), user, "$argon2id$…".to_owned()).await.unwrap()
}

fn refresh(hash: &str) -> NewRefresh {
    NewRefresh { hash: hash.to_owned(), expires_at: at(1000) }
}

pub async fn a_login_is_a_chain(world: &World) {
    assert!(!world.store.has_users().await.unwrap());
    let user = ada(world).await;
    assert!(world.store.has_users().await.unwrap());
    let credential = world.store.credential(&name("ada")).await.unwrap();
    assert_eq!((&credential.user, credential.tenant), (&user, world.tenant));
    assert_eq!(credential.password_hash, "$argon2id$…");
    assert_eq!(world.store.user(user.id).await.unwrap(), user);
    assert!(matches!(world.store.credential(&name("eve")).await, Err(StoreError::NotFound { .. })));

    world.store.begin_login(&world.write(), user.id, refresh("r1")).await.unwrap();
    let rotated = Rotation::Rotated(user, world.tenant);
    assert_eq!(world.store.rotate_refresh(&world.write(), "r1", refresh("r2")).await.unwrap(), rotated);
    assert_eq!(world.store.rotate_refresh(&world.write(), "r2", refresh("r3")).await.unwrap(), rotated);
    assert_eq!(world.store.rotate_refresh(&world.later(1000), "r3", refresh("r4")).await.unwrap(), Rotation::Refused);
    assert_eq!(world.store.rotate_refresh(&world.write(), "none", refresh("r4")).await.unwrap(), Rotation::Refused);
}

pub async fn a_second_use_ends_the_login(world: &World) {
    let user = ada(world).await;
    for login in ["a", "b"] {
        world.store.begin_login(&world.write(), user.id, refresh(login)).await.unwrap();
    }
    world.store.rotate_refresh(&world.write(), "a", refresh("a2")).await.unwrap();
    assert_eq!(world.store.rotate_refresh(&world.write(), "a", refresh("a3")).await.unwrap(), Rotation::Reused);
    assert_eq!(world.store.rotate_refresh(&world.write(), "a2", refresh("a3")).await.unwrap(), Rotation::Refused);
    assert!(matches!(
        world.store.rotate_refresh(&world.write(), "b", refresh("b2")).await.unwrap(),
        Rotation::Rotated(..)
    ));
    let events = world.events().await;
    let last = events.last().unwrap();
    assert_eq!((last.kind.as_str(), last.severity), ("user.refresh-reused", Severity::Warning));
}

pub async fn logging_out_ends_the_login(world: &World) {
    let user = ada(world).await;
    world.store.begin_login(&world.write(), user.id, refresh("a")).await.unwrap();
    world.store.rotate_refresh(&world.write(), "a", refresh("a2")).await.unwrap();
    for hash in ["a2", "a2", "unknown"] {
        world.store.end_login(&world.write(), hash).await.unwrap();
    }
    assert_eq!(world.store.rotate_refresh(&world.write(), "a2", refresh("a3")).await.unwrap(), Rotation::Refused);
    assert_eq!(world.event_kinds().await, ["tenant.created", "user.created", "user.logged-in", "user.logged-out"]);
    // Long after, a new login removes what the old one left.
    let late = NewRefresh { expires_at: at(1_000_000), ..refresh("b") };
    world.store.begin_login(&world.later(500_000), user.id, late).await.unwrap();
    assert_eq!(world.store.rotate_refresh(&world.write(), "a", refresh("a4")).await.unwrap(), Rotation::Refused);
}

pub async fn user_names_are_unique(world: &World) {
    let user = ada(world).await;
    let twin = User { id: UserId::new(1, &unique()), ..user };
    assert!(matches!(world.store.create_user(&world.write(), twin, String::new()).await, Err(StoreError::Exists(_))));
}
