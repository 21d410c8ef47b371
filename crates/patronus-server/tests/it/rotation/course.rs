//! How it goes, whatever happens meanwhile.

use patronus_server::app::Clock;
use patronus_server::config::Layer;
use patronus_store::{SiteReport, Write};
use patronus_types::Timestamp;
use patronus_types::event::Actor;
use serde_json::{Value, json};

use super::{Office, PATIENCE_S, Watch, all_run, give_up, newest, published, rotate, rotation, three, to_spare};
use crate::fake::state;
use crate::harness::TestServer;

#[tokio::test]
async fn keys_are_replaced_in_three_releases() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let [mut ams, mut bru, mut cph] = three(&server, &admin).await;
    let before = admin.get("/v1/sites/ams").await.body;
    let caller = ams.agent.caller(&server);
    let etag = state(&caller, None, 0).await.header("etag").to_owned();
    let waiting = tokio::spawn({
        let caller = caller.clone();
        async move { state(&caller, Some(&etag), PATIENCE_S).await }
    });
    let begun = rotate(&admin, "ams", json!({})).await;
    assert_eq!((begun.status.as_u16(), &begun.body["started"]), (201, &json!(true)), "{begun:?}");
    let told = &begun.body["rotation"];
    assert_eq!((&told["phase"], &told["number"], &told["version"]), (&json!("keys"), &json!(2), &Value::Null));
    let missing = json!([{"site": "ams", "reason": "has not made its new keys yet"}]);
    assert_eq!(told["waiting"], missing);
    assert_eq!(waiting.await.unwrap().body["new_keys"], 2, "the agent that waits is told at once");
    let again = rotate(&admin, "ams", json!({})).await;
    assert_eq!((again.status.as_u16(), &again.body["started"]), (200, &json!(false)));

    let mut watch = Watch::from_now(&admin).await;
    let keys = ams.new_keys(2);
    let offer = json!({"offered_keys": {"number": 2, "public_keys": keys}});
    ams.tell(&server, 1, offer.clone()).await;
    watch.next("site.rotation-advanced").await;
    let spare = newest(&admin).await;
    assert_eq!((&spare["version"], &spare["kind"], &spare["changed"]), (&json!(2), &json!("rotation"), &json!(3)));
    assert_eq!(spare["message"], "keys of site ams: traffic moves to spare tunnels");
    assert_eq!(spare["created_by"], "patronus-server");
    let content = bru.content(&server).await;
    let tunnel = content.spare.unwrap();
    assert!(tunnel.carries && tunnel.peers.len() == 1 && tunnel.peers[0].name.as_str() == "ams");
    assert_eq!(content.peers[0].uplinks[0].public_key.to_string(), ams.agent.key(0), "the old ones still");

    ams.tell(&server, 2, offer).await;
    bru.tell(&server, 2, json!({})).await;
    cph.tell(&server, 2, json!({"waits_for": ["ams"]})).await;
    let open = rotation(&admin, "ams").await;
    let missing = json!([{"site": "cph", "reason": "has no session over the spare tunnel yet with: ams"}]);
    assert_eq!((&open["phase"], &open["version"], &open["waiting"]), (&json!("spare"), &json!(2), &missing));
    cph.tell(&server, 2, json!({})).await;
    watch.next("site.rotation-advanced").await;
    let site = admin.get("/v1/sites/ams").await.body;
    assert_eq!((&site["public_keys"], &site["public_key"]), (&keys, &keys[0]));
    assert!(site["keys_since"].as_str() > before["keys_since"].as_str());
    assert_eq!(state(&caller, None, 0).await.body.get("new_keys"), None, "it has them");
    let content = bru.content(&server).await;
    assert!(!content.spare.unwrap().carries);
    assert_eq!(content.peers[0].uplinks[0].public_key.to_string(), keys[0]);

    for office in [&mut ams, &mut bru, &mut cph] {
        office.tell(&server, 3, json!({})).await;
    }
    let done = watch.next("site.keys-rotated").await;
    assert_eq!(done["message"], "site `ams` has new keys");
    assert_eq!((&newest(&admin).await["version"], rotation(&admin, "ams").await), (&json!(4), Value::Null));
    assert_eq!(bru.content(&server).await.spare, None);
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], false);
}

#[tokio::test]
async fn a_silent_site_holds_it_open_until_somebody_goes_on_without_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut offices = three(&server, &admin).await;
    let early = rotate(&admin, "ams", json!({})).await;
    assert_eq!(early.status, 201);
    let forced = rotate(&admin, "ams", json!({"force": true})).await;
    assert_eq!((forced.status.as_u16(), forced.code()), (409, "conflict"), "nobody else can make its keys");
    assert!(forced.text("detail").contains("site `ams` has not made its new keys yet"), "{forced:?}");
    assert_eq!(give_up(&admin, "ams").await.status, 204);
    to_spare(&server, &admin, &mut offices).await;
    let keys = offices[0].new_keys(2);
    let offer = json!({"offered_keys": {"number": 2, "public_keys": keys}, "waits_for": ["cph"]});
    offices[0].tell(&server, 2, offer).await;
    offices[1].tell(&server, 2, json!({})).await;
    let silent = json!([{"site": "cph", "reason": "has not reported version 2 yet"}]);
    let mut open = silent.clone();
    let waits = json!({"site": "ams", "reason": "has no session over the spare tunnel yet with: cph"});
    open.as_array_mut().unwrap().push(waits);
    let listed = admin.get("/v1/sites").await.body;
    assert_eq!(listed[0]["rotation"]["waiting"], open);
    assert_eq!(listed[2]["rotation"], Value::Null, "it is ams's");

    let path = "/v1/sites/ams/rotate-key";
    let asked = admin.post(&format!("{path}?dry_run=true"), json!({"force": true})).await;
    assert_eq!((asked.status.as_u16(), &asked.body["stranded"]), (200, &silent), "{asked:?}");
    assert_eq!(rotation(&admin, "ams").await["waiting"], open, "only asked");
    let mut watch = Watch::from_now(&admin).await;
    let forced = admin.post(path, json!({"force": true})).await;
    assert_eq!(forced.body["stranded"], silent);
    assert!(watch.next("site.rotation-forced").await["message"].as_str().unwrap().ends_with("without: cph"));
    // The site still says that it waits for the silent one: nobody does any more.
    watch.next("site.rotation-advanced").await;
    all_run(&server, &mut offices[..2], 3).await;
    watch.next("site.keys-rotated").await;
}

#[tokio::test]
async fn what_is_declared_meanwhile_waits_for_who_declared_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut offices = three(&server, &admin).await;
    let bru = admin.get("/v1/sites/bru").await;
    let wider = json!({"prefixes": ["10.2.0.0/16", "10.77.0.0/16"], "name": "brussels"});
    assert_eq!(admin.patch("/v1/sites/bru", bru.header("etag"), wider).await.status, 200);
    let mut dub = Office::join(&server, &admin, "dub", 4).await;
    to_spare(&server, &admin, &mut offices).await;
    let content = offices[2].content(&server).await;
    let peers: Vec<&str> = content.peers.iter().map(|peer| peer.name.as_str()).collect();
    assert_eq!(peers, ["ams", "bru"], "neither a name nor a site is published by the way");
    assert_eq!(content.peers[1].allowed_ips.len(), 2);
    assert_eq!(admin.get("/v1/networks/default").await.body["dirty"], true);

    assert_eq!(published(&admin).await, 3);
    let content = offices[2].content(&server).await;
    assert_eq!(content.peers.iter().map(|peer| peer.name.as_str()).collect::<Vec<_>>(), ["ams", "brussels", "dub"]);
    assert!(content.spare.unwrap().carries, "how far it is belongs to today's identities");
    let open = rotation(&admin, "ams").await;
    assert_eq!((&open["version"], open["waiting"].as_array().unwrap().len()), (&json!(2), 4), "the new site too");
    let mut watch = Watch::from_now(&admin).await;
    assert_eq!(admin.post("/v1/releases/1/rollback", json!({})).await.body["release"]["version"], 4);
    assert!(offices[1].content(&server).await.spare.unwrap().carries);
    dub.tell(&server, 4, json!({})).await;
    let keys = offices[0].new_keys(2);
    offices[0].tell(&server, 4, json!({"offered_keys": {"number": 2, "public_keys": keys}})).await;
    all_run(&server, &mut offices[1..], 4).await;
    watch.next("site.rotation-advanced").await;
    assert_eq!(newest(&admin).await["version"], 5);
}

#[tokio::test]
async fn what_was_due_when_the_server_died_is_done_when_it_starts() {
    let mut server = TestServer::start().await;
    let admin = server.admin().await;
    let mut offices = three(&server, &admin).await;
    to_spare(&server, &admin, &mut offices).await;
    let tenant = admin.get("/v1/auth/me").await.text("tenant_id").parse().unwrap();
    let mut told = Vec::new();
    for office in &mut offices {
        let keys = office.new_keys(2);
        let report = office.report(2, json!({"offered_keys": {"number": 2, "public_keys": keys}}));
        let id = admin.get(&format!("/v1/sites/{}", office.name)).await.text("id").parse().unwrap();
        told.push(SiteReport { site: id, report: serde_json::from_value(report).unwrap() });
    }
    server.stop().await.unwrap();
    // The reports are kept, and the server ends before it acts on them.
    let opened = TestServer::open(&server.data, Layer::default(), Clock::system()).await;
    let now = Timestamp::now();
    let write = Write {
        tenant,
        actor: Actor::system(),
        request_id: None,
        now,
        dry_run: false,
        idempotency: None,
        seen: Vec::new(),
    };
    for report in told {
        opened.app.store.report(&write, report).await.unwrap();
    }
    let network = opened.app.store.network(tenant, &"default".parse().unwrap()).await.unwrap();
    assert_eq!(opened.app.store.rotation(network.id).await.unwrap().unwrap().version, Some(2));
    opened.app.store.close().await;
    drop(opened);

    let again = TestServer::on(server.data, Layer::default(), Clock::system()).await;
    let admin = again.admin().await;
    let mut watch = Watch { caller: &admin, seen: 0 };
    watch.next("site.rotation-advanced").await;
    let second = watch.next("site.rotation-advanced").await;
    assert_eq!(second["details"], json!({"phase": "rekey", "version": 3}));
    assert_eq!(newest(&admin).await["version"], 3);
}
