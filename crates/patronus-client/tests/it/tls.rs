//! Whom the client trusts.

use std::sync::Arc;
use std::time::Duration;

use patronus_client::{Authority, Error, Mistrust, Obstacle, ServerUrl, Trust};
use patronus_types::Digest;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::client;
use crate::fake::{Fake, Reply};

struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Patronus test CA");
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn server(&self, name: &str) -> Fake {
        self.server_until(name, 4096)
    }

    /// With a certificate that ends with the beginning of a year.
    fn server_until(&self, name: &str, year: i32) -> Fake {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![leaf.der().clone(), self.issuer.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        Fake::tls(config, |_, _| Reply::json(200, r#"{"status": "ok", "version": "1", "checks": []}"#))
    }

    async fn digest(&self, server: &Fake) -> Digest {
        let url = ServerUrl::parse(&server.url).unwrap();
        Authority::of(&url, Duration::from_secs(2)).await.unwrap().sha256
    }
}

async fn ask(server: &Fake, trust: Trust) -> Result<(), Error> {
    client(&[&server.url]).trust(trust).build()?.health().live().await.map(drop)
}

#[tokio::test]
async fn a_pinned_ca_is_found_in_the_chain() {
    let ca = Ca::new();
    let server = ca.server("127.0.0.1");
    let pin = ca.digest(&server).await;
    assert!(server.requests().is_empty(), "looking sends no request");
    ask(&server, Trust::Pin(pin)).await.unwrap();
    ask(&server, Trust::CaPem(ca.issuer.pem().into_bytes())).await.unwrap();
}

#[tokio::test]
async fn another_ca_is_refused_by_every_kind_of_trust() {
    let (ca, other) = (Ca::new(), Ca::new());
    let server = ca.server("127.0.0.1");
    for trust in [Trust::System, Trust::Pin(Digest([7; 32])), Trust::CaPem(other.issuer.pem().into_bytes())] {
        let error = ask(&server, trust).await.unwrap_err();
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_pinned_ca_does_not_vouch_for_another_name() {
    let ca = Ca::new();
    let server = ca.server("elsewhere.example");
    let pin = ca.digest(&server).await;
    let error = ask(&server, Trust::Pin(pin)).await.unwrap_err();
    let Error::Tls { cause, mistrust, .. } = &error else { panic!("{error:?}") };
    assert!(cause.ends_with("for another name or address: elsewhere.example"), "{cause}");
    assert_eq!(*mistrust, Mistrust::OtherName(vec!["elsewhere.example".to_owned()]));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_by_every_kind_of_trust() {
    let ca = Ca::new();
    let server = ca.server_until("127.0.0.1", 2020);
    let pin = ca.digest(&server).await;
    for trust in [Trust::Pin(pin), Trust::CaPem(ca.issuer.pem().into_bytes())] {
        let error = ask(&server, trust).await.unwrap_err();
        let Error::Tls { cause, mistrust, .. } = &error else { panic!("{error:?}") };
        assert!(cause.contains("has expired") && *mistrust == Mistrust::Expired, "{error:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn tls_on_a_plain_http_port_is_said_in_words() {
    let server = Ca::new().server("127.0.0.1");
    let url = server.url.replace("https://", "http://");
    let error = client(&[&url]).retries(0).build().unwrap().health().live().await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("write https://") || said.contains("broke off"), "{error:?}");
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_said_in_words() {
    let plain = Fake::new(|_, _| Reply::empty(200));
    let url = plain.url.replace("http://", "https://");
    let error = client(&[&url]).retries(0).build().unwrap().health().live().await.unwrap_err();
    assert!(
        matches!(&error, Error::Unreachable { cause, obstacle: Obstacle::NotTls, .. } if cause.contains("TLS handshake")),
        "{error:?}"
    );
}

#[test]
fn a_ca_file_without_a_certificate_is_refused() {
    let error = client(&["https://a.example"]).trust(Trust::CaPem(b"nothing".to_vec())).build().unwrap_err();
    assert!(matches!(error, Error::Setup(_)), "{error:?}");
}
