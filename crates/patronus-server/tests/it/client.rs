//! The typed client against the server, over TLS, trusting nothing but the CA's digest.

use patronus_client::{Client, Credential, Trust, Write};
use patronus_server::config::{Layer, TlsMode};
use patronus_types::Digest;
use patronus_types::site::SiteInput;
use serde_json::json;

use crate::harness::{PASSWORD, TestServer};

fn client(server: &TestServer, pin: Digest, credential: Option<Credential>) -> Client {
    let builder = Client::builder().server(&server.url).trust(Trust::Pin(pin));
    match credential {
        Some(credential) => builder.credential(credential).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

#[tokio::test]
async fn the_pinned_ca_is_enough_and_necessary() {
    let server = TestServer::with(Layer { tls: Some(TlsMode::Always), ..Layer::default() }).await;
    let pin = server.app.ca_sha256.unwrap();
    let login = client(&server, pin, None).auth().login("admin", PASSWORD).await.unwrap();
    let admin = client(&server, pin, Some(Credential::Token(login.access_token)));
    assert_eq!(admin.auth().me().await.unwrap().actor.name, "admin");
    for number in 0..20 {
        let site: SiteInput = serde_json::from_value(json!({"name": format!("site-{number:03}")})).unwrap();
        admin.sites().create(&site, &Write::default()).await.unwrap();
    }
    let all = admin.sites().list(Default::default()).all().await.unwrap();
    assert_eq!(all.len(), 20);
    assert!(all.windows(2).all(|pair| pair[0].spec.name < pair[1].spec.name));
    let stranger = client(&server, Digest([7; 32]), None);
    assert!(stranger.health().live().await.is_err());
}
