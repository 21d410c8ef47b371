//! The servers a client knows, and which of them answered last.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;

/// The base URL of a server: `https://HOST[:PORT]`, or `http://` for a loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    loopback: bool,
    tls: bool,
}

impl ServerUrl {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no URL, has a path or a password, or would send credentials in the clear over a network.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Setup(format!("`{}` is not a server's address: {why}", text.escape_debug()));
        if !text.contains("://") {
            // `localhost:8443` would be read as a scheme.
            return Err(refuse("https:// is missing before it"));
        }
        let url = reqwest::Url::parse(text).map_err(|_| refuse("write it as https://HOST or https://HOST:PORT"))?;
        let host = url.host_str().ok_or_else(|| refuse("it names no host"))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refuse("it begins with neither https:// nor http://")),
        };
        let loopback = is_loopback(host);
        if !tls && !loopback {
            return Err(refuse("plain http is allowed to loopback addresses only; use https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("a name or password has no place in it"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it ends after the host and port"));
        }
        Ok(Self { text: text.trim_end_matches('/').to_owned(), loopback, tls })
    }

    /// The address that may have been meant by one that cannot be read: with `https://` before it, and nothing behind
    /// host and port.
    pub fn meant(text: &str) -> Option<Self> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
        Self::parse(&format!("https://{host}")).ok()
    }

    /// The same host and port by `https://`, or by `http://`.
    pub fn over(&self, tls: bool) -> Option<Self> {
        let (_, host) = self.text.split_once("://")?;
        Self::parse(&format!("{}://{host}", if tls { "https" } else { "http" })).ok()
    }

    /// The URL without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether it speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The servers in the order they were given, and the index of the one to begin with.
#[derive(Debug)]
pub(crate) struct Servers {
    all: Vec<ServerUrl>,
    preferred: AtomicUsize,
}

impl Servers {
    pub(crate) fn new(all: Vec<ServerUrl>) -> Self {
        Self { all, preferred: AtomicUsize::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn preferred(&self) -> usize {
        self.preferred.load(Ordering::Relaxed)
    }

    pub(crate) fn prefer(&self, index: usize) {
        self.preferred.store(index % self.all.len(), Ordering::Relaxed);
    }

    pub(crate) fn at(&self, index: usize) -> &ServerUrl {
        &self.all[index % self.all.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_addresses_are_taken() {
        for good in [
            "https://a.example",
            "https://a.example:8443/",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://localhost",
        ] {
            assert!(ServerUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "http://a.example",
            "http://192.0.2.1",
            "https://u:p@a.example",
            "https://a.example/v1",
            "ftp://127.0.0.1",
        ] {
            assert!(ServerUrl::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(ServerUrl::parse("https://a.example:8443/").unwrap().as_str(), "https://a.example:8443");
    }

    #[test]
    fn what_was_meant_is_known() {
        for (written, meant) in [
            ("localhost:8443", Some("https://localhost:8443")),
            ("192.0.2.1:8443", Some("https://192.0.2.1:8443")),
            ("[2001:db8::1]:8443", Some("https://[2001:db8::1]:8443")),
            ("http://a.example", Some("https://a.example")),
            ("https://u:p@a.example/v1?x", Some("https://a.example")),
            ("https://", None),
            ("a b", None),
        ] {
            assert_eq!(ServerUrl::meant(written).as_ref().map(ServerUrl::as_str), meant, "{written}");
        }
        let error = ServerUrl::parse("localhost:8443").unwrap_err().to_string();
        assert!(error.contains("https:// is missing"), "{error}");
    }
}
