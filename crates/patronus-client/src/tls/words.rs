//! TLS errors in words for people who do not read RFC 5280.

use rustls::{CertificateError, Error};

/// Whether a trusted CA would mend it.
pub(crate) fn is_unknown_issuer(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer))
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
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name or address".to_owned()
        }
        Error::General(text) => text.clone(),
        Error::InvalidMessage(_) => "it does not speak TLS on this port".to_owned(),
        other => other.to_string(),
    }
}
