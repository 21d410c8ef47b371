//! What one failed try means for the next.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::Error;
use crate::error::Obstacle;
use crate::tls::{in_words, mistrust};

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
        return Failure::NotSent(Error::Tls { server, cause: in_words(tls), mistrust: mistrust(tls) });
    }
    if error.is_builder() {
        return Failure::Final(Error::Setup(chain(error)));
    }
    let (cause, obstacle) = cause(error);
    let unreachable = Error::Unreachable { server, cause, obstacle };
    if error.is_connect() { Failure::NotSent(unreachable) } else { Failure::Unknown(unreachable) }
}

/// Why there was no answer, in words.
pub(crate) fn words(error: &reqwest::Error) -> String {
    find::<rustls::Error>(error).map_or_else(|| cause(error).0, in_words)
}

fn cause(error: &reqwest::Error) -> (String, Obstacle) {
    let other = |words: &str| (words.to_owned(), Obstacle::Other);
    if error.is_timeout() && error.is_connect() {
        return other("no connection within the time allowed");
    }
    if error.is_timeout() {
        return other("no answer within the time allowed");
    }
    let Some(io) = find::<io::Error>(error) else { return spoken(chain(error)) };
    match io.kind() {
        io::ErrorKind::ConnectionRefused => ("connection refused: nothing listens there".to_owned(), Obstacle::Refused),
        _ if io.to_string() == "tls handshake eof" => (
            "it closed the connection in the TLS handshake; perhaps it speaks plain http on this port".to_owned(),
            Obstacle::NotTls,
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            other("the connection broke off")
        }
        io::ErrorKind::TimedOut => other("no connection within the time allowed"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => other("no route to it"),
        _ if chain(error).contains("dns error") => {
            (format!("its name cannot be resolved: {io}"), Obstacle::UnknownHost)
        }
        _ => other(&io.to_string()),
    }
}

/// What the HTTP library says, in words for whoever typed the address.
fn spoken(words: String) -> (String, Obstacle) {
    if words.contains("invalid HTTP") {
        let said = "what answers there does not speak HTTP; if it speaks TLS, write https://";
        return (said.to_owned(), Obstacle::NotHttp);
    }
    if words.contains("closed before message completed") {
        return ("the connection broke off".to_owned(), Obstacle::Other);
    }
    (words, Obstacle::Other)
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
