//! Looking at a server's authority without trusting it, so that a person can compare its digest.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use patronus_types::Digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error as TlsError, SignatureScheme};

use super::pin::sha256;
use super::{provider, with_verifier};
use crate::failure::{self, Failure};
use crate::{Builder, Error, ServerUrl};

/// The last certificate of a server's chain. Nothing vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// SHA-256 of the certificate's DER, to compare with what the server's operator says.
    pub sha256: Digest,
}

impl Authority {
    /// Begins a handshake with a server, looks at its certificates and gives it up. No request is sent.
    ///
    /// # Errors
    /// When the server cannot be reached or shows no certificate.
    pub async fn of(server: &ServerUrl, timeout: Duration) -> Result<Self, Error> {
        let witness = Arc::new(Witness::default());
        let http = Builder::default()
            .connect_timeout(timeout)
            .http(std::slice::from_ref(server), with_verifier(witness.clone())?)?;
        let outcome = http.get(server.as_str()).timeout(timeout).send().await;
        let seen = witness.last.lock().ok().and_then(|last| last.clone());
        match (seen, outcome) {
            (Some(certificate), _) => Ok(Self { sha256: sha256(&certificate) }),
            (None, Err(error)) => Err(match failure::of_transport(server.as_str(), &error) {
                Failure::NotSent(error) | Failure::Unknown(error) | Failure::Final(error) => error,
                Failure::Refused(error, _) => error,
            }),
            (None, Ok(_)) => {
                Err(Error::Rubbish { server: server.as_str().to_owned(), what: "it shows no certificate".to_owned() })
            }
        }
    }
}

/// Notes the last certificate of a chain and refuses it.
#[derive(Debug, Default)]
struct Witness {
    last: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if let Ok(mut last) = self.last.lock() {
            *last = Some(intermediates.last().unwrap_or(end_entity).clone().into_owned());
        }
        Err(TlsError::General("only looked at".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("only looked at".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("only looked at".to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
