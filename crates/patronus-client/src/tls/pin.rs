//! Trust in one authority that is known by its digest alone.

use std::sync::{Arc, OnceLock};

use patronus_types::Digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::Digest as _;

/// Finds the pinned certificate in the server's chain and verifies the rest against it. What was found once is kept: the
/// digest says that it cannot be another.
#[derive(Debug)]
pub(crate) struct PinnedCa {
    pin: Digest,
    provider: Arc<CryptoProvider>,
    found: OnceLock<Arc<WebPkiServerVerifier>>,
}

impl PinnedCa {
    pub(crate) fn new(pin: Digest, provider: Arc<CryptoProvider>) -> Self {
        Self { pin, provider, found: OnceLock::new() }
    }

    fn verifier(&self, chain: &[CertificateDer<'_>]) -> Result<Arc<WebPkiServerVerifier>, Error> {
        if let Some(found) = self.found.get() {
            return Ok(found.clone());
        }
        let authority = chain.iter().find(|certificate| sha256(certificate) == self.pin).ok_or_else(|| {
            Error::General(format!("the certificates it sent do not hold the CA with SHA-256 {}", self.pin))
        })?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone()).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        Ok(self.found.get_or_init(|| verifier).clone())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

impl ServerCertVerifier for PinnedCa {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.verifier(intermediates)?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
