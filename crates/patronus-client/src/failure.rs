//! What one failed try means for the next.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::Error;
use crate::tls::{in_words, is_unknown_issuer};

/// One failed try.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request never left: another server may be tried at once.
    NotSent(Error),
    /// The request may have arrived.
    Unknown(Error),
    /// The server said "not now".
    Refused(Error, Option<Duration>),
    /// Trying again would end the same.
    Final(Error),
}

impl Failure {
    /// Whether the server does not take the credential.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Final(error) if error.problem().is_some_and(|problem| problem.status == 401))
    }
}

/// Sorts what the transport reports.
pub(crate) fn of_transport(server: &str, error: &reqwest::Error) -> Failure {
    let server = server.to_owned();
    if let Some(tls) = find::<rustls::Error>(error) {
        let unknown_issuer = is_unknown_issuer(tls);
        return Failure::NotSent(Error::Tls { server, cause: in_words(tls), unknown_issuer });
    }
    if error.is_builder() {
        return Failure::Final(Error::Setup(chain(error)));
    }
    let cause = cause(error);
    let unreachable = Error::Unreachable { server, cause };
    if error.is_connect() { Failure::NotSent(unreachable) } else { Failure::Unknown(unreachable) }
}

fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() {
            "no connection within the time allowed"
        } else {
            "no answer within the time allowed"
        }
        .to_owned();
    }
    let Some(io) = find::<io::Error>(error) else { return spoken(chain(error)) };
    match io.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
        _ if io.to_string() == "tls handshake eof" => {
            "it closed the connection in the TLS handshake; perhaps it speaks plain http on this port".to_owned()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the connection broke off".to_owned()
        }
        io::ErrorKind::TimedOut => "no connection within the time allowed".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "no route to it".to_owned(),
        _ if chain(error).contains("dns error") => format!("its name cannot be resolved: {io}"),
        _ => io.to_string(),
    }
}

/// What the HTTP library says, in words for whoever typed the address.
fn spoken(words: String) -> String {
    if words.contains("invalid HTTP") {
        return "what answers there does not speak HTTP; if it speaks TLS, write https://".to_owned();
    }
    if words.contains("closed before message completed") {
        return "the connection broke off".to_owned();
    }
    words
}

/// The innermost words.
fn chain(error: &reqwest::Error) -> String {
    let mut parts = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(source) = next {
        parts.push(source.to_string());
        next = source.source();
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}

/// The first error of a type below another, also inside I/O errors, which hide what they wrap.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => current.source(),
        };
    }
    None
}
