//! TLS errors in words for people who do not read RFC 5280.

use rustls::{CertificateError, Error};

use crate::Mistrust;

/// What would mend it.
pub(crate) fn mistrust(error: &Error) -> Mistrust {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => Mistrust::UnknownIssuer,
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            Mistrust::OtherName(presented.iter().map(|name| plain(name)).collect())
        }
        Error::InvalidCertificate(CertificateError::NotValidForName) => Mistrust::OtherName(Vec::new()),
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => Mistrust::Expired,
        // What our own verifiers say: the authority that was pinned is not there.
        Error::General(_) => Mistrust::UnknownIssuer,
        Error::InvalidMessage(_) => Mistrust::NotTls,
        _ => Mistrust::Other,
    }
}

/// A name of a certificate without the kind that the library writes around it: `DnsName("a.example")`.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

/// The error in words.
pub(crate) fn in_words(error: &Error) -> String {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match error {
        Error::InvalidCertificate(UnknownIssuer) => {
            "its certificate comes from an authority that is not trusted here".to_owned()
        }
        Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "its certificate has expired, or the clock of this machine is wrong".to_owned()
        }
        Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "its certificate is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => match mistrust(error) {
            Mistrust::OtherName(names) if !names.is_empty() => {
                format!("its certificate is for another name or address: {}", names.join(", "))
            }
            _ => "its certificate is for another name or address".to_owned(),
        },
        Error::General(text) => text.clone(),
        Error::InvalidMessage(_) => "it does not speak TLS on this port".to_owned(),
        other => other.to_string(),
    }
}
