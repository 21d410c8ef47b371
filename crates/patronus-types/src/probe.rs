//! A probe: something that must answer after a change, as an operator declares it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::schema::string_type;
use crate::site::SiteSpec;
use crate::{Endpoint, Host, Invalid, Name};

/// The most probes that one site runs.
pub const MAX_PROBES: usize = 16;
/// The HTTP status that is asked for where none is named.
pub const DEFAULT_STATUS: u16 = 200;

/// One probe: exactly one of `ping`, `tcp` and `http`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Probe {
    /// The name, unique in the network.
    pub name: Name,
    /// An address or name that must answer an ICMP echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping: Option<Endpoint>,
    /// An address or name with a port to which a TCP connection must come about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Endpoint>,
    /// An `http` or `https` URL that must answer with the status. Redirects are not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The status that the URL must answer with, 100 to 599; 200 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds that an answer may take, 100 to 5,000.
    #[serde(default = "default_timeout_ms", deserialize_with = "crate::bound::probe_timeout")]
    pub timeout_ms: u16,
    /// Which sites run it: each by its name, or by a label, `region` or `zone` as `key=value`; all by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<Origin>,
}

fn default_timeout_ms() -> u16 {
    2000
}

/// What a probe asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// An ICMP echo.
    Ping(&'a Host),
    /// A TCP connection.
    Tcp(&'a Host, u16),
    /// A URL and the status that it must answer with.
    Http(&'a str, u16),
}

impl Probe {
    /// What it asks for; none where it is not exactly one thing.
    pub fn target(&self) -> Option<Target<'_>> {
        match (&self.ping, &self.tcp, &self.http, self.status) {
            (Some(Endpoint { host, port: None }), None, None, None) => Some(Target::Ping(host)),
            (None, Some(Endpoint { host, port: Some(port) }), None, None) => Some(Target::Tcp(host, *port)),
            (None, None, Some(url), status) => Some(Target::Http(url, status.unwrap_or(DEFAULT_STATUS))),
            _ => None,
        }
    }

    /// Whether a site runs it.
    pub fn is_run_by(&self, site: &SiteSpec) -> bool {
        self.from.is_empty() || self.from.iter().any(|origin| origin.matches(site))
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        for (kind, endpoint) in [("ping", &self.ping), ("tcp", &self.tcp)] {
            if let Some(endpoint) = endpoint {
                write!(f, " {kind} {endpoint}")?;
            }
        }
        if let Some(url) = &self.http {
            write!(f, " {url} status {}", self.status.unwrap_or(DEFAULT_STATUS))?;
        }
        write!(f, " within {} ms", self.timeout_ms)
    }
}

/// From where a probe is run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// One site.
    Site(Name),
    /// The sites with this label, region or zone.
    Label(String, String),
}

impl Origin {
    fn matches(&self, site: &SiteSpec) -> bool {
        match self {
            Self::Site(name) => *name == site.name,
            Self::Label(key, value) => site.label(key) == Some(value),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(name) => name.fmt(f),
            Self::Label(key, value) => write!(f, "{key}={value}"),
        }
    }
}

impl FromStr for Origin {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let origin = match text.split_once('=') {
            None => text.parse().ok().map(Self::Site),
            Some(("", _)) => None,
            Some((key, value)) => Some(Self::Label(key.to_owned(), value.to_owned())),
        };
        let shown = text.escape_debug();
        let refused =
            || Invalid::new(format_args!("`{shown}` names no sites: use a site's name, or a label as `key=value`"));
        origin.ok_or_else(refused)
    }
}

string_type!(Origin, "^\\S.*$", "role=branch");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &str) -> Result<Probe, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_is_told_by_its_field() {
        let target = |json: &str| format!("{:?}", read(json).unwrap().target());
        let ping = target(r#"{"name": "a", "ping": "192.168.2.10"}"#);
        assert_eq!(ping, "Some(Ping(Address(192.168.2.10)))");
        let tcp = target(r#"{"name": "a", "tcp": "intranet.example:443"}"#);
        assert_eq!(tcp, r#"Some(Tcp(Dns("intranet.example"), 443))"#);
        let http = target(r#"{"name": "a", "http": "http://192.168.2.10/up"}"#);
        assert_eq!(http, r#"Some(Http("http://192.168.2.10/up", 200))"#);
        for nothing in [
            r#"{"name": "a"}"#,
            r#"{"name": "a", "tcp": "192.168.2.10"}"#,
            r#"{"name": "a", "ping": "192.168.2.10:7"}"#,
            r#"{"name": "a", "ping": "192.168.2.10", "tcp": "192.168.2.10:7"}"#,
            r#"{"name": "a", "ping": "192.168.2.10", "status": 200}"#,
        ] {
            assert_eq!(target(nothing), "None", "{nothing}");
        }
        assert!(read(r#"{"name": "a", "udp": "192.168.2.10:7"}"#).unwrap_err().contains("udp"));
    }

    #[test]
    fn sites_run_it_by_name_or_label() {
        let probe =
            read(r#"{"name": "a", "ping": "192.168.2.10", "from": ["ams", "role=branch", "region=eu"]}"#).unwrap();
        let site = |name: &str, region: &str, role: &str| -> SiteSpec {
            serde_json::from_value(json!({"name": name, "region": region, "labels": {"role": role}})).unwrap()
        };
        let runs = |name: &str, region: &str, role: &str| probe.is_run_by(&site(name, region, role));
        assert!(runs("ams", "us", "hub") && runs("fra", "us", "branch") && runs("fra", "eu", "hub"));
        assert!(!runs("fra", "us", "hub"));
        assert!(Probe { from: Vec::new(), ..probe.clone() }.is_run_by(&site("fra", "us", "hub")));
        assert_eq!(serde_json::to_value(&probe.from).unwrap().to_string(), r#"["ams","role=branch","region=eu"]"#);
        let refused = "=x".parse::<Origin>().unwrap_err().to_string();
        assert_eq!(refused, "`=x` names no sites: use a site's name, or a label as `key=value`");
        assert!("A b".parse::<Origin>().is_err());
    }
}
