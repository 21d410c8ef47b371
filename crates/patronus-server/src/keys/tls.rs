//! The private CA and the server's certificate.
//!
//! Agents and people pin the CA by its SHA-256, so the server certificate may be made anew at any start: when a name
//! is missing on it, when less than a year of it is left, when it is not valid yet, or when it is another CA's. It is
//! valid from the CA's first day on, so that one made by a clock that goes ahead is good when the clock is set right.
//! The CA travels in the chain, so that a client which knows only its digest can check it. A start never makes a CA,
//! nor a file that is missing: only `init` does, where it is told to. While the clock stands outside the CA's time, no
//! certificate is made either.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::ToSpan as _;
use patronus_core::digest::sha256;
use patronus_types::{Digest, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _,
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
/// The options of `init` that make what is missing.
pub(super) const NEW_CA: &str = "--new-ca";
const NEW_CERTIFICATE: &str = "--new-certificate";
/// Begins the last line of a PEM section.
const END: &[u8] = b"-----END ";
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
    /// Makes what is missing in a folder that is being made: a CA, and a certificate that holds all names.
    pub fn ensure(folder: &Folder, names: &BTreeSet<String>, now: Timestamp) -> Result<Self, KeyError> {
        if folder.read(CA)?.is_none() || folder.read(CA_KEY)?.is_none() {
            make_ca(folder, now)?;
        }
        if folder.read(SERVER)?.is_none() {
            return Self::anew(folder, names, now);
        }
        Self::open(folder, names, now)
    }

    /// Reads the certificates of a complete folder, and makes the server's anew where that is due.
    pub fn open(folder: &Folder, names: &BTreeSet<String>, now: Timestamp) -> Result<Self, KeyError> {
        Self::present(folder)?;
        let tls = Self::read(folder)?;
        let kept = tls.names()?;
        let stale = tls.stale(now)?;
        if !stale && !kept.is_empty() && names.is_subset(&kept) {
            return Ok(tls);
        }
        if let Err(error) = Self::ca_holds(folder, now) {
            // What is there serves clients whose clocks are right.
            tracing::warn!(%error, "the server's certificate is not made anew");
            return Ok(tls);
        }
        if stale {
            tracing::warn!(%now, "the server's certificate ends soon, is not valid yet, or is another CA's: it is made anew");
        }
        make_server(folder, &(&kept | names), now)?;
        Self::read(folder)
    }

    /// Refuses a folder in which a file is missing: a CA made in its place would be one that no agent pins.
    pub fn present(folder: &Folder) -> Result<(), KeyError> {
        let missing = |name, option| match folder.read(name)? {
            Some(_) => Ok(()),
            None => Err(KeyError::Missing { path: folder.path(name), data: folder.root().to_owned(), option }),
        };
        missing(CA, NEW_CA)?;
        missing(CA_KEY, NEW_CA)?;
        missing(SERVER, NEW_CERTIFICATE)
    }

    /// Makes the server's certificate anew; the names of the one that is there stay on it.
    pub fn anew(folder: &Folder, names: &BTreeSet<String>, now: Timestamp) -> Result<Self, KeyError> {
        Self::ca_holds(folder, now)?;
        let kept = Self::read(folder).and_then(|tls| tls.names()).unwrap_or_default();
        make_server(folder, &(&kept | names), now)?;
        Self::read(folder)
    }

    /// Makes a CA in the place of the one that was there, and a certificate of it.
    pub fn new_ca(folder: &Folder, names: &BTreeSet<String>, now: Timestamp) -> Result<Self, KeyError> {
        let kept = Self::read(folder).and_then(|tls| tls.names()).unwrap_or_default();
        // First, so that no crash leaves a certificate of the old CA beside the new one.
        folder.remove(SERVER)?;
        make_ca(folder, now)?;
        Self::anew(folder, &(&kept | names), now)
    }

    /// Refuses a clock that stands outside the CA's time.
    fn ca_holds(folder: &Folder, now: Timestamp) -> Result<(), KeyError> {
        let ca = read_pem(folder, CA, CertificateDer::from_pem_slice)?;
        let (from, until) = validity_of(&ca)?;
        if (from..until).contains(&now) {
            return Ok(());
        }
        Err(KeyError::Clock { path: folder.path(CA), now, from, until })
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

    /// From when until when the server's certificate is valid.
    pub fn validity(&self) -> Result<(Timestamp, Timestamp), KeyError> {
        validity_of(&self.server)
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

    /// Whether it ends soon, begins later, or is not this CA's.
    fn stale(&self, now: Timestamp) -> Result<bool, KeyError> {
        let (from, until) = self.validity()?;
        let foreign = parse(&self.server)?.verify_signature(Some(parse(&self.ca)?.public_key())).is_err();
        Ok(foreign || now < from || until < years_from(now, RENEW_YEARS_BEFORE))
    }
}

/// What a server on this host is called by those on the same host.
pub fn names_of(host: Option<&str>, more: &[String]) -> BTreeSet<String> {
    let own = ["localhost", "127.0.0.1", "::1"].into_iter().chain(host).map(str::to_owned);
    own.chain(more.iter().cloned()).filter(|name| !name.is_empty()).collect()
}

fn make_ca(folder: &Folder, now: Timestamp) -> Result<(), KeyError> {
    let key = KeyPair::generate().map_err(refused)?;
    // From the day before, so that a client whose clock is behind takes it.
    let yesterday = now.checked_sub(24.hours()).unwrap_or(now);
    let mut params = validity(CertificateParams::default(), yesterday, years_from(now, CA_YEARS));
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
    if parse(&ca)?.public_key().raw != ca_key.subject_public_key_info() {
        return Err(KeyError::Damaged { path: folder.path(CA_KEY), reason: "it is not the key of ca.pem".to_owned() });
    }
    let issuer = Issuer::from_ca_cert_der(&ca, ca_key).map_err(refused)?;
    let key = KeyPair::generate().map_err(refused)?;
    let params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>()).map_err(refused)?;
    let mut params = validity(params, validity_of(&ca)?.0, years_from(now, SERVER_YEARS));
    params.distinguished_name.push(DnType::CommonName, "Patronus server");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer).map_err(refused)?;
    let both = zeroize::Zeroizing::new(certificate.pem() + &key.serialize_pem());
    folder.write_private(SERVER, both.as_bytes())?;
    Ok(())
}

/// From the beginning of a day until that of another.
fn validity(mut params: CertificateParams, from: Timestamp, until: Timestamp) -> CertificateParams {
    let day = |at: Timestamp| {
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let unsigned = |value: i8| u8::try_from(value).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), unsigned(date.month()), unsigned(date.day()))
    };
    params.not_before = day(from);
    params.not_after = day(until);
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
    // What the PEM reader says of a broken section is a list of bytes.
    let whole = bytes.windows(END.len()).any(|bytes| bytes == END);
    parse(&bytes).map_err(|error| damaged(if whole { error.to_string() } else { "it is cut short".into() }))
}

/// From when until when a certificate is valid.
fn validity_of(certificate: &CertificateDer<'_>) -> Result<(Timestamp, Timestamp), KeyError> {
    let validity = parse(certificate)?.validity().clone();
    let at = |seconds| Timestamp::from_second(seconds).map_err(refused);
    Ok((at(validity.not_before.timestamp())?, at(validity.not_after.timestamp())?))
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

    #[test]
    fn a_clock_that_was_wrong_once_does_not_lock_clients_out() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let names = names_of(None, &[]);
        let valid = |tls: &Tls| {
            let (from, until) = validity_of(&tls.server).unwrap();
            (from..until).contains(&now())
        };
        let first = Tls::ensure(&folder, &names, now()).unwrap();
        let ahead = Tls::ensure(&folder, &names, years_from(now(), 10)).unwrap();
        assert!(ahead.server != first.server && valid(&ahead), "good when the clock is set right");

        let ca = read_pem(&folder, CA, CertificateDer::from_pem_slice).unwrap();
        let ca_key = read_pem(&folder, CA_KEY, |pem| KeyPair::from_pem(&String::from_utf8_lossy(pem))).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>()).unwrap();
        let later = validity(params, years_from(now(), 10), years_from(now(), 15));
        let later = later.signed_by(&key, &Issuer::from_ca_cert_der(&ca, ca_key).unwrap()).unwrap();
        folder.write_private(SERVER, (later.pem() + &key.serialize_pem()).as_bytes()).unwrap();
        assert!(!valid(&Tls::read(&folder).unwrap()));
        let mended = Tls::ensure(&folder, &names, now()).unwrap();
        assert!(valid(&mended));
        assert_eq!(mended.ca_sha256(), first.ca_sha256());
        for wrong in [years_from(now(), 30), years_from(now(), -2)] {
            assert_eq!(Tls::ensure(&folder, &names, wrong).unwrap().server, mended.server, "kept");
        }
        std::fs::remove_file(folder.path(SERVER)).unwrap();
        let error = Tls::ensure(&folder, &names, years_from(now(), -2)).unwrap_err();
        assert!(error.to_string().contains("set the clock"), "{error}");
    }

    #[test]
    fn a_missing_file_is_never_made_by_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let names = names_of(None, &["192.0.2.7".into()]);
        let first = Tls::ensure(&folder, &names, now()).unwrap();
        for (file, option) in [(CA, NEW_CA), (CA_KEY, NEW_CA), (SERVER, NEW_CERTIFICATE)] {
            let whole = std::fs::read(folder.path(file)).unwrap();
            folder.remove(file).unwrap();
            let error = Tls::open(&folder, &names, now()).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains("backup") && error.contains(option), "{error}");
            assert!(folder.read(file).unwrap().is_none(), "{file}");
            std::fs::write(folder.path(file), whole).unwrap();
        }
        let renewed = Tls::anew(&folder, &names_of(None, &[]), now()).unwrap();
        assert!(renewed.server != first.server && renewed.ca == first.ca);
        assert!(renewed.names().unwrap().contains("192.0.2.7"));
        let other = Tls::new_ca(&folder, &names_of(None, &[]), now()).unwrap();
        assert_ne!(other.ca_sha256(), first.ca_sha256());
        assert!(other.names().unwrap().contains("192.0.2.7"), "what was there stays");
        assert_eq!(Tls::open(&folder, &names, now()).unwrap().server, other.server);
    }

    #[test]
    fn files_of_two_backups_do_not_go_together() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [folder, other] = dirs.each_ref().map(|dir| Folder::create(dir.path()).unwrap());
        let names = names_of(None, &[]);
        let ours = Tls::ensure(&folder, &names, now()).unwrap();
        Tls::ensure(&other, &names, now()).unwrap();
        std::fs::copy(other.path(SERVER), folder.path(SERVER)).unwrap();
        let mended = Tls::open(&folder, &names, now()).unwrap();
        assert_eq!(mended.ca_sha256(), ours.ca_sha256());
        assert!(!mended.stale(now()).unwrap(), "the certificate is the CA's again");
        std::fs::copy(other.path(CA_KEY), folder.path(CA_KEY)).unwrap();
        let error = Tls::anew(&folder, &names, now()).unwrap_err().to_string();
        assert!(error.contains(CA_KEY) && error.contains("not the key of ca.pem"), "{error}");
    }

    #[test]
    fn a_file_that_was_cut_short_is_named_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(dir.path()).unwrap();
        let names = names_of(None, &[]);
        Tls::ensure(&folder, &names, now()).unwrap();
        for file in [SERVER, CA, CA_KEY] {
            let whole = std::fs::read(folder.path(file)).unwrap();
            for kept in [whole.len() / 2, 40, 15, 0] {
                std::fs::write(folder.path(file), &whole[..kept]).unwrap();
                // The CA's key is read only when a certificate is made.
                let error = Tls::ensure(&folder, &names, years_from(now(), 5)).unwrap_err().to_string();
                assert!(error.contains(file) && error.contains("restore it from a backup"), "{error}");
                assert!(!error.contains("45, 45"), "{error}");
            }
            std::fs::write(folder.path(file), &whole).unwrap();
        }
    }
}
