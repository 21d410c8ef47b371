//! Operators' own WireGuard configurations.

use patronus_core::archive::{Limits, compress, pack, read};
use patronus_core::mesh::content_of_files;
use patronus_core::rope::Draft;
use serde_json::json;

use crate::fake::{FakeAgent, state};
use crate::harness::{Answer, Caller, TestServer, send};

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let file = |&(name, text): &(&str, &str)| {
        let mut draft = Draft::default();
        draft.push_bytes(text.as_bytes());
        (name.to_owned(), draft)
    };
    compress(&pack(files.iter().map(file)).unwrap().seal()).unwrap()
}

async fn upload(caller: &Caller, query: &str, archive: Vec<u8>) -> Answer {
    let request = caller.request("POST", &format!("/v1/bundles{query}")).header("content-type", "application/gzip");
    send(request.body(archive)).await
}

fn config(peer: &str) -> String {
    format!(
        "[Interface]\nAddress = 10.9.0.1/24\nListenPort = 40000\n[Peer]\nPublicKey = {peer}\nAllowedIPs = 10.9.0.2/32\n"
    )
}

#[tokio::test]
async fn an_upload_stays_until_it_is_compiled_again() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let one = FakeAgent::join(&server, &admin, "ams", 1).await;
    let two = FakeAgent::join(&server, &admin, "bru", 2).await;
    let (ams, bru) = (one.caller(&server), two.caller(&server));
    admin.post("/v1/releases", json!({})).await;
    let compiled = state(&ams, None, 0).await.body["desired"]["digest"].clone();
    let others = state(&bru, None, 0).await.body["desired"]["digest"].clone();

    let text = config(&two.key(0));
    let uploaded = upload(&admin, "?site=ams&message=own", archive(&[("wg0.conf", &text)])).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let release = &uploaded.body["release"];
    assert_eq!(
        (&release["kind"], &release["changed"], &release["message"]),
        (&json!("upload"), &json!(1), &json!("own"))
    );
    let digest = state(&ams, None, 0).await.body["desired"]["digest"].clone();
    let bytes = ams.get(&format!("/v1/agent/bundles/{}", digest.as_str().unwrap())).await.bytes;
    let content = content_of_files(&read(&bytes, &Limits::DEFAULT).unwrap().files).unwrap();
    assert_eq!((content.tunnels[0].port, content.peers[0].name.as_str()), (40_000, "bru"));
    assert_eq!(state(&bru, None, 0).await.body["desired"]["digest"], others);
    assert_eq!(admin.get("/v1/sites/ams").await.text("source"), "uploaded");

    let site = admin.get("/v1/sites/bru").await;
    admin.patch("/v1/sites/bru", site.header("etag"), json!({"prefixes": ["10.22.0.0/16"]})).await;
    admin.post("/v1/releases", json!({})).await;
    assert_eq!(state(&ams, None, 0).await.body["desired"]["digest"], digest, "it stays on its upload");
    let back = admin.post("/v1/releases", json!({"compiled": true})).await;
    assert_eq!(back.status, 201, "{back:?}");
    assert_ne!(state(&ams, None, 0).await.body["desired"]["digest"], digest);
    assert_eq!(admin.get("/v1/sites/ams").await.text("source"), "compiled");

    admin.post("/v1/releases/1/rollback", json!({})).await;
    assert_eq!(state(&ams, None, 0).await.body["desired"]["digest"], compiled);
    admin.post("/v1/releases/2/rollback", json!({})).await;
    assert_eq!(state(&ams, None, 0).await.body["desired"]["digest"], digest, "a rollback brings an upload back");
}

#[tokio::test]
async fn a_whole_networks_archive_has_a_folder_per_site() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let one = FakeAgent::join(&server, &admin, "ams", 1).await;
    let two = FakeAgent::join(&server, &admin, "bru", 2).await;
    let (a, b) = (config(&two.key(0)), config(&one.key(0)).replace("10.9.0.2", "10.9.0.3"));
    let done = upload(&admin, "", archive(&[("ams/wg0.conf", &a), ("bru/wg0.conf", &b)])).await;
    assert_eq!((done.status.as_u16(), &done.body["release"]["sites"]), (201, &json!(2)), "{done:?}");
    let unknown = upload(&admin, "", archive(&[("nowhere/wg0.conf", &a)])).await;
    assert_eq!(unknown.code(), "invalid");
    assert!(unknown.fault().1.contains("nowhere"));
}

#[tokio::test]
async fn what_would_run_as_root_or_is_no_archive_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let agent = FakeAgent::join(&server, &admin, "ams", 1).await;
    let _ = agent;
    for line in ["PostUp = id", "PreUp = id", "PreDown = id", "PostDown = id", "SaveConfig = true", "PrivateKey = x"] {
        let text = format!("[Interface]\nAddress = 10.9.0.1/24\n{line}\n");
        let refused = upload(&admin, "?site=ams", archive(&[("wg0.conf", &text)])).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid"), "{line}");
        assert!(refused.fault().1.contains("wg0.conf:3:"), "{refused:?}");
    }
    let good = archive(&[("wg0.conf", &config(&FakeAgent::new(9).key(0)))]);
    for length in [0, 1, 10, good.len() / 2, good.len() - 1] {
        assert_eq!(upload(&admin, "?site=ams", good[..length].to_vec()).await.status, 422, "{length}");
    }
    assert_eq!(upload(&admin, "?site=ams", vec![0; 10 * 1024 * 1024 + 1]).await.status, 413);
    let json = send(admin.request("POST", "/v1/bundles").json(&json!({}))).await;
    assert_eq!(json.status, 415);
    assert_eq!(admin.get("/v1/releases").await.body, json!([]));
}
