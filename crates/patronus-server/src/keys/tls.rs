//! The private CA and the server's certificate.
//!
//! Agents and people pin the CA by its SHA-256, so the server certificate may be made anew at any start: when a name
//! is missing on it, or when less than a year of it is left. The CA travels in the chain, so that a client which
//! knows only its digest can check it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::ToSpan as _;
use patronus_core::digest::sha256;
use patronus_types::{Digest, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::KeyError;
use crate::folder::Folder;

const CA: &str = "tls/ca.pem";
const CA_KEY: &str = "tls/ca.key";
/// Certificate and key in one file, so that no crash leaves one without the other.
const SERVER: &str = "tls/server.pem";
const CA_YEARS: i16 = 20;
const SERVER_YEARS: i16 = 5;
const RENEW_YEARS_BEFORE: i16 = 1;

/// The certificates with which a server shows who it is.
#[derive(Debug)]
pub struct Tls {
    ca: CertificateDer<'static>,
    server: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// Makes what is missing: a CA, and a certificate that holds all names.
    pub fn ensure(folder: &Folder, names: &BTreeSet<String>, now: Timestamp) -> Result<Self, KeyError> {
        if folder.read(CA)?.is_none() || folder.read(CA_KEY)?.is_none() {
            make_ca(folder, now)?;
        }
        let kept = if folder.read(SERVER)?.is_some() { Self::read(folder)?.names()? } else { BTreeSet::new() };
        let renew = kept.is_empty() || !names.is_subset(&kept) || Self::read(folder)?.ends_soon(now)?;
        if renew {
            make_server(folder, &(&kept | names), now)?;
        }
        Self::read(folder)
    }

    /// Reads the certificates.
    pub fn read(folder: &Folder) -> Result<Self, KeyError> {
        Ok(Self {
            ca: read_pem(folder, CA, CertificateDer::from_pem_slice)?,
            server: read_pem(folder, SERVER, CertificateDer::from_pem_slice)?,
            key: read_pem(folder, SERVER, PrivateKeyDer::from_pem_slice)?,
        })
    }

    /// SHA-256 of the CA's certificate (DER): what agents pin.
    pub fn ca_sha256(&self) -> Digest {
        sha256(&self.ca)
    }

    /// What rustls needs to serve.
    pub fn config(&self) -> Result<ServerConfig, KeyError> {
        let failed = |error: rustls::Error| KeyError::Certificate(error.to_string());
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(vec![self.server.clone(), self.ca.clone()], self.key.clone_key())
            .map_err(failed)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// The names and addresses on the server's certificate.
    fn names(&self) -> Result<BTreeSet<String>, KeyError> {
        let certificate = parse(&self.server)?;
        let extension = certificate.subject_alternative_name().map_err(refused)?;
        let names = extension.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        Ok(names.iter().filter_map(text_of).collect())
    }

    fn ends_soon(&self, now: Timestamp) -> Result<bool, KeyError> {
        let ends = parse(&self.server)?.validity().not_after.timestamp();
        Ok(ends < years_from(now, RENEW_YEARS_BEFORE).as_second())
    }
}

/// What a server on this host is called by those on the same host.
pub fn names_of(host: Option<&str>, more: &[String]) -> BTreeSet<String> {
    let own = ["localhost", "127.0.0.1", "::1"].into_iter().chain(host).map(str::to_owned);
    own.chain(more.iter().cloned()).filter(|name| !name.is_empty()).collect()
}

fn make_ca(folder: &Folder, now: Timestamp) -> Result<(), KeyError> {
    let key = KeyPair::generate().map_err(refused)?;
    let mut params = validity(CertificateParams::default(), now, CA_YEARS);
    let id = super::secret::hex(&super::random::<4>()?);
    params.distinguished_name.push(DnType::CommonName, format!("Patronus CA {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).map_err(refused)?;
    folder.write_private(CA_KEY, key.serialize_pem().as_bytes())?;
    folder.write_public(CA, certificate.pem().as_bytes())?;
    Ok(())
}

fn make_server(folder: &Folder, names: &BTreeSet<String>, now: Timestamp) -> Result<(), KeyError> {
    let ca = read_pem(folder, CA, CertificateDer::from_pem_slice)?;
    let ca_key = read_pem(folder, CA_KEY, |pem| KeyPair::from_pem(&String::from_utf8_lossy(pem)))?;
    let issuer = Issuer::from_ca_cert_der(&ca, ca_key).map_err(refused)?;
    let key = KeyPair::generate().map_err(refused)?;
    let params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>()).map_err(refused)?;
    let mut params = validity(params, now, SERVER_YEARS);
    params.distinguished_name.push(DnType::CommonName, "Patronus server");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer).map_err(refused)?;
    let both = zeroize::Zeroizing::new(certificate.pem() + &key.serialize_pem());
    folder.write_private(SERVER, both.as_bytes())?;
    Ok(())
}

/// From the day before, so that a client whose clock is behind takes it.
fn validity(mut params: CertificateParams, now: Timestamp, years: i16) -> CertificateParams {
    let day = |at: Timestamp| {
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let unsigned = |value: i8| u8::try_from(value).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), unsigned(date.month()), unsigned(date.day()))
    };
    params.not_before = day(now.checked_sub(24.hours()).unwrap_or(now));
    params.not_after = day(years_from(now, years));
    params
}

fn years_from(now: Timestamp, years: i16) -> Timestamp {
    now.checked_add((i64::from(years) * 365 * 24).hours()).unwrap_or(now)
}

fn read_pem<T, E: std::fmt::Display>(
    folder: &Folder,
    name: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, KeyError> {
    let damaged = |reason: String| KeyError::Damaged { path: folder.path(name), reason };
    let bytes = zeroize::Zeroizing::new(folder.read(name)?.ok_or_else(|| damaged("it is missing".into()))?);
    parse(&bytes).map_err(|error| damaged(error.to_string()))
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, KeyError> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(refused)
}

fn text_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from);
            v4.or_else(|| <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from)).map(|address| address.to_string())
        }
        _ => None,
    }
}

fn refused(error: impl std::fmt::Display) -> KeyError {
    KeyError::Certificate(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_new_name_or_age_renews_the_certificate_but_never_the_ca() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let first = Tls::ensure(&folder, &names_of(Some("host"), &[]), now()).unwrap();
        assert!(first.names().unwrap().is_superset(&names_of(Some("host"), &[])));
        let same = Tls::ensure(&folder, &names_of(None, &[]), now()).unwrap();
        assert_eq!(same.server, first.server);
        let named = Tls::ensure(&folder, &names_of(None, &["192.0.2.7".into()]), now()).unwrap();
        assert_ne!(named.server, first.server);
        assert!(named.names().unwrap().contains("host"), "what was there stays");
        let later = Tls::ensure(&folder, &names_of(None, &[]), years_from(now(), 5)).unwrap();
        assert_ne!(later.server, named.server);
        assert_eq!(later.ca_sha256(), first.ca_sha256());
        later.config().unwrap();
    }
}
