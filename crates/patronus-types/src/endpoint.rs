//! Where a site's uplink is reached from outside.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::Invalid;
use crate::schema::string_type;

/// An address or a DNS name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IPv4 or IPv6 address.
    Address(IpAddr),
    /// A DNS name, resolved by the agent that connects to it.
    Dns(String),
}

impl Host {
    /// The address, where it is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Dns(_) => None,
        }
    }

    /// The host of an `http` or `https` URL; none where it has none, or says who asks.
    pub fn of_url(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        match authority.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(address) => address.parse().ok().map(|address: Ipv6Addr| Self::Address(address.into())),
            None => authority.parse::<Endpoint>().ok().map(|endpoint| endpoint.host),
        }
    }
}

/// `host` or `host:port`; an IPv6 address with a port stands in brackets.
///
/// With a port P, interface (i, j) of the site is reached at P + j; without one, at the site's own listening port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address or name.
    pub host: Host,
    /// The port of the uplink's first interface as seen from outside.
    pub port: Option<u16>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (Host::Address(IpAddr::V6(address)), Some(port)) => write!(f, "[{address}]:{port}"),
            (Host::Address(address), Some(port)) => write!(f, "{address}:{port}"),
            (Host::Address(address), None) => write!(f, "{address}"),
            (Host::Dns(name), Some(port)) => write!(f, "{name}:{port}"),
            (Host::Dns(name), None) => f.write_str(name),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed = if let Ok(address) = text.parse::<IpAddr>() {
            Some(Self { host: Host::Address(address), port: None })
        } else if let Some(rest) = text.strip_prefix('[') {
            bracketed(rest)
        } else if let Some((host, port)) = text.rsplit_once(':') {
            parse_port(port).zip(parse_host(host)).map(|(port, host)| Self { host, port: Some(port) })
        } else {
            parse_host(text).map(|host| Self { host, port: None })
        };
        parsed.ok_or_else(|| {
            let shown = text.escape_debug();
            Invalid::new(format_args!(
                "`{shown}` is not an endpoint: use HOST or HOST:PORT, as 203.0.113.7:51820, and [ADDRESS]:PORT for IPv6; \
                 a port is 1 to 65535"
            ))
        })
    }
}

fn bracketed(rest: &str) -> Option<Endpoint> {
    let (address, port) = rest.split_once("]:")?;
    let address: Ipv6Addr = address.parse().ok()?;
    Some(Endpoint { host: Host::Address(IpAddr::V6(address)), port: Some(parse_port(port)?) })
}

fn parse_port(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| plain && port > 0)
}

fn parse_host(text: &str) -> Option<Host> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return address.is_ipv4().then_some(Host::Address(address));
    }
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (letters && text.len() <= 253 && text.split('.').all(label)).then(|| Host::Dns(text.to_ascii_lowercase()))
}

string_type!(Endpoint, "^\\S{1,261}$", "203.0.113.7:51820");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_round_trip() {
        for text in [
            "192.0.2.1",
            "192.0.2.1:51820",
            "2001:db8::1",
            "[2001:db8::1]:51820",
            "hub.example.net",
            "hub.example.net:1",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn urls_tell_their_host() {
        let host = |url: &str| Host::of_url(url).map(|host| Endpoint { host, port: None }.to_string());
        for (url, found) in [
            ("https://198.51.100.10:8443", Some("198.51.100.10")),
            ("http://intranet.example/up?x=1", Some("intranet.example")),
            ("https://[2001:db8::1]/", Some("2001:db8::1")),
            ("https://[2001:db8::1]:8443", Some("2001:db8::1")),
            ("https://me@intranet.example/", None),
            ("ftp://intranet.example/", None),
            ("https:///up", None),
        ] {
            assert_eq!(host(url).as_deref(), found, "{url}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ":1",
            "a b",
            "192.0.2.1:",
            "192.0.2.1:0",
            "192.0.2.1:65536",
            "192.0.2.1:+1",
            "[192.0.2.1]:1",
            "[::1]",
            "300.1.1.1",
            "-a.b",
            "a..b",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
