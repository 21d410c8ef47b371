//! Who may ask for it, what ends it early, and when the server begins it by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use patronus_server::app::Clock;
use patronus_server::config::Layer;
use patronus_types::Timestamp;
use serde_json::{Value, json};

use super::{Office, Watch, all_run, give_up, newest, published, rotate, rotation, three, to_spare};
use crate::fake::FakeAgent;
use crate::harness::{TestServer, initialised};

#[tokio::test]
async fn one_site_at_a_time_and_a_new_agent_ends_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut offices = three(&server, &admin).await;
    to_spare(&server, &admin, &mut offices).await;
    let other = rotate(&admin, "bru", json!({})).await;
    assert_eq!((other.status.as_u16(), other.code()), (409, "conflict"));
    assert!(other.text("detail").contains("keys of site `ams`"), "{other:?}");
    let invitation = admin.invite("ams").await;
    let joined = server.nobody().post("/v1/agent/enrol", FakeAgent::new(9).request(&invitation)).await;
    assert_eq!(joined.status, 200, "{joined:?}");
    assert_eq!(rotation(&admin, "ams").await, Value::Null);
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], true);
    assert_eq!(published(&admin).await, 3);
    let content = offices[1].content(&server).await;
    assert_eq!((content.spare, content.peers[0].uplinks[0].public_key.to_string()), (None, FakeAgent::new(9).key(0)));
    assert_eq!(rotate(&admin, "bru", json!({})).await.status, 201);
}

#[tokio::test]
async fn it_can_be_given_up_while_the_site_has_its_old_keys() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut offices = three(&server, &admin).await;
    assert_eq!(give_up(&admin, "ams").await.code(), "conflict", "there is none");
    to_spare(&server, &admin, &mut offices).await;
    assert_eq!(give_up(&admin, "bru").await.code(), "conflict", "it is ams's");
    assert_eq!(give_up(&admin, "ams").await.status, 204);
    let back = newest(&admin).await;
    assert_eq!(
        (&back["version"], &back["message"], &back["created_by"]),
        (&json!(3), &json!("keys of site ams: given up, and traffic moves back"), &json!("admin"))
    );
    assert_eq!(give_up(&admin, "ams").await.status, 204, "twice is once");
    let content = offices[1].content(&server).await;
    let old = offices[0].agent.key(0);
    assert_eq!(
        (content.spare.map(|spare| spare.carries), content.peers[0].uplinks[0].public_key.to_string()),
        (Some(false), old.clone())
    );
    let mut watch = Watch::from_now(&admin).await;
    all_run(&server, &mut offices[..2], 3).await;
    let held = rotation(&admin, "ams").await;
    assert_eq!((&held["phase"], &held["waiting"][0]["site"]), (&json!("back"), &json!("cph")), "{held}");
    all_run(&server, &mut offices[2..], 3).await;
    watch.next("site.rotation-cancelled").await;
    assert_eq!(newest(&admin).await["message"], "keys of site ams: the spare tunnels go");
    let content = offices[1].content(&server).await;
    assert_eq!((content.spare, content.peers[0].uplinks[0].public_key.to_string()), (None, old));
    assert_eq!(rotate(&admin, "ams", json!({})).await.status, 201);
    let keys = offices[0].new_keys(2);
    let offer = json!({"offered_keys": {"number": 2, "public_keys": keys}});
    offices[0].tell(&server, 4, offer.clone()).await;
    watch.next("site.rotation-advanced").await;
    offices[0].tell(&server, 5, offer).await;
    all_run(&server, &mut offices[1..], 5).await;
    watch.next("site.rotation-advanced").await;
    let late = give_up(&admin, "ams").await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "conflict"));
    assert!(late.text("detail").contains("has its new keys already"), "{late:?}");
}

#[tokio::test]
async fn who_could_not_follow_is_named_before_anything_is_done() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut ams = Office::join(&server, &admin, "ams", 1).await;
    let early = rotate(&admin, "ams", json!({})).await;
    assert_eq!((early.status.as_u16(), early.code()), (409, "conflict"));
    assert!(early.text("detail").contains("bundle publish"), "{early:?}");
    let hand = json!({"name": "bru", "endpoints": ["192.0.2.2"], "public_key": FakeAgent::new(2).key(0)});
    assert_eq!(admin.post("/v1/sites", hand).await.status, 201);
    published(&admin).await;
    let itself = rotate(&admin, "bru", json!({"force": true})).await;
    assert!(itself.text("detail").contains("has no agent that could make new keys"), "{itself:?}");
    let refused = rotate(&admin, "ams", json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "conflict"));
    assert!(refused.fault().1.contains("site `bru` has no agent"), "{refused:?}");
    let forced = rotate(&admin, "ams", json!({"force": true})).await;
    assert_eq!((forced.status.as_u16(), &forced.body["stranded"][0]["site"]), (201, &json!("bru")));
    let mut watch = Watch::from_now(&admin).await;
    let keys = ams.new_keys(2);
    ams.tell(&server, 1, json!({"offered_keys": {"number": 2, "public_keys": keys}})).await;
    watch.next("site.rotation-advanced").await;
}

/// A server whose clock the test moves.
async fn dated() -> (TestServer, Arc<AtomicI64>) {
    let moved = Arc::new(AtomicI64::new(Timestamp::now().as_second()));
    let read = moved.clone();
    let clock = Clock::from_fn(move || Timestamp::from_second(read.load(Ordering::Relaxed)).unwrap());
    (TestServer::on(initialised().await, Layer::default(), clock).await, moved)
}

#[tokio::test]
async fn old_keys_are_replaced_by_themselves_and_an_operator_comes_first() {
    let (server, now) = dated().await;
    let admin = server.admin().await;
    let mut offices = Vec::new();
    for (number, name) in [(1, "ams"), (2, "bru"), (3, "cph")] {
        offices.push(Office::join(&server, &admin, name, number).await);
        now.fetch_add(60, Ordering::Relaxed);
    }
    published(&admin).await;
    now.fetch_add(31 * 86_400, Ordering::Relaxed);
    all_run(&server, &mut offices, 1).await;
    let admin = server.admin().await;
    let network = admin.get("/v1/networks/default").await;
    let age = |days: u16| json!({"rotate_keys_days": days});
    let refused = admin.patch("/v1/networks/default", network.header("etag"), age(0)).await;
    assert_eq!(refused.fault(), ("/rotate_keys_days", "use 1 to 3650 days, not 0"));
    let mut watch = Watch::from_now(&admin).await;
    let declared = admin.patch("/v1/networks/default", network.header("etag"), age(30)).await;
    assert_eq!((declared.status.as_u16(), &declared.body["dirty"]), (200, &json!(false)), "it is in no bundle");
    let begun = watch.next("site.rotation-started").await;
    assert_eq!((&begun["resource"]["name"], &begun["details"]["by_age"]), (&json!("ams"), &json!(true)), "the oldest");
    assert_eq!(begun["actor"]["kind"], "system");

    let asked = rotate(&admin, "cph", json!({})).await;
    assert_eq!((asked.status.as_u16(), &asked.body["started"]), (201, &json!(true)), "{asked:?}");
    assert_eq!(rotation(&admin, "ams").await, Value::Null);
    assert_eq!(give_up(&admin, "cph").await.status, 204);
    // A silent site does not take the place of others, nor does one whose partners are silent.
    watch.next("site.rotation-started").await;
    let next = watch.next("site.rotation-started").await;
    assert_eq!(next["resource"]["name"], "ams");
    now.fetch_add(600, Ordering::Relaxed);
    for office in &mut offices[1..] {
        office.tell(&server, 1, json!({})).await;
    }
    let ended = watch.next("site.rotation-cancelled").await;
    assert_eq!(ended["resource"]["name"], "ams");
}

#[tokio::test]
async fn keys_that_an_agent_does_not_have_are_told_to_nobody() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut offices = three(&server, &admin).await;
    // As after a restore from before a rotation: here of the server, or of the site.
    let has = offices[0].new_keys(7);
    offices[0].tell(&server, 1, json!({"public_keys": has})).await;
    let refused = admin.post("/v1/releases", json!({"message": "again", "accept_risks": ["loses-server"]})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "risk"), "{refused:?}");
    let said = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(said.contains("site `ams`: its agent has other keys") && said.contains("site rotate-key ams"), "{said}");
    assert_eq!(newest(&admin).await["version"], 1, "nothing was made");
    let mut watch = Watch::from_now(&admin).await;
    assert_eq!(rotate(&admin, "ams", json!({})).await.status, 201);
    watch.next("site.keys-adopted").await;
    let keys = offices[0].new_keys(2);
    offices[0].tell(&server, 1, json!({"public_keys": has, "offered_keys": {"number": 2, "public_keys": keys}})).await;
    watch.next("site.rotation-advanced").await;
    let content = offices[1].content(&server).await;
    assert_eq!(json!(content.peers[0].uplinks[0].public_key), has[0], "its neighbours know what it has");
}
