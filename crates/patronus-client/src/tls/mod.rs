//! Whom a client trusts. One configuration is made per client, with the provider passed in: no process-wide default.

mod authority;
mod pin;
mod words;

use std::sync::Arc;

use patronus_types::Digest;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub use authority::Authority;
pub(crate) use words::{in_words, mistrust};

use crate::{Error, ServerUrl};

/// Whom a client trusts to be a server.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// The certificate authorities that the system trusts.
    #[default]
    System,
    /// Only these authorities: certificates in PEM.
    CaPem(Vec<u8>),
    /// Only the authority whose certificate (DER) has this SHA-256. The server sends that certificate in its chain.
    Pin(Digest),
}

impl Trust {
    pub(crate) fn config(&self, servers: &[ServerUrl]) -> Result<ClientConfig, Error> {
        self.config_for(servers.iter().any(ServerUrl::is_tls))
    }

    /// The same for a client that speaks TLS, or does not.
    pub(crate) fn config_for(&self, is_tls: bool) -> Result<ClientConfig, Error> {
        if !is_tls {
            // Nothing will be verified, so the system's roots need not be read.
            return with_verifier(Arc::new(pin::PinnedCa::new(Digest([0; 32]), provider())));
        }
        match self {
            Self::System => with_verifier(system_roots()?),
            Self::CaPem(pem) => with_verifier(roots_of(pem)?),
            Self::Pin(digest) => with_verifier(Arc::new(pin::PinnedCa::new(*digest, provider()))),
        }
    }
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn system_roots() -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let verifier = rustls_platform_verifier::Verifier::new(provider())
        .map_err(|error| Error::Setup(format!("the system's certificate authorities cannot be read: {error}")))?;
    Ok(Arc::new(verifier))
}

fn roots_of(pem: &[u8]) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let refuse = |why: String| Error::Setup(format!("the CA file cannot be used: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refuse("it holds no certificate in PEM".to_owned()));
    }
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    Ok(verifier.map_err(|error| refuse(error.to_string()))?)
}

pub(crate) fn with_verifier(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setup(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
