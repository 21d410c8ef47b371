//! What the server is told: flag > environment > file > default, an empty variable being an unset one.
//!
//! Each source gives a [`Layer`] of the same optional fields; [`Config`] is their sum. The annotated example is the
//! file that is compiled in, so it cannot fall behind.

mod layer;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use layer::{ConfigError, Layer};

/// The annotated example, as `patronus-server config example` prints it.
pub const EXAMPLE: &str = include_str!("../../server.example.yaml");

/// When to serve over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Everywhere but on a loopback address.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere; refused unless the address is a loopback one.
    Never,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Console,
    /// One JSON object a line.
    Json,
}

/// What `serve` works with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database's file.
    pub database: PathBuf,
    /// Where agents and people reach the server; the listening URL if empty.
    pub public_urls: Vec<String>,
    /// When to serve over TLS.
    pub tls: TlsMode,
    /// What to log: `error`, `warn`, `info`, `debug`, `trace`, or `off`.
    pub log_level: String,
    /// How to log it.
    pub log_format: LogFormat,
    /// Bounds in time and number.
    pub limits: Limits,
    /// How long logins last.
    pub lifetimes: Lifetimes,
    /// How long it is known what paths were like.
    pub history: History,
}

/// Bounds on connections and requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From a connection's first byte, or the end of a request, to the next request's whole header; also the
    /// longest silence on a connection.
    pub idle: Duration,
    /// From the start of a connection to its first whole header, and for the TLS handshake.
    pub first_request: Duration,
    /// For reading and answering one request. Long polls and uploads have their own.
    pub request: Duration,
    /// For requests that still run when the server stops.
    pub shutdown: Duration,
    /// Connections at the same time.
    pub connections: usize,
}

/// How long logins last.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A refresh token.
    pub refresh: Duration,
}

/// How long it is known what paths were like.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Minute by minute.
    pub minutes: Duration,
    /// Hour by hour.
    pub hours: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self { minutes: Duration::from_secs(24 * 3600), hours: Duration::from_secs(90 * 24 * 3600) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            first_request: Duration::from_secs(10),
            request: Duration::from_secs(30),
            shutdown: Duration::from_secs(30),
            connections: 20_000,
        }
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { access: Duration::from_secs(15 * 60), refresh: Duration::from_secs(30 * 24 * 3600) }
    }
}

impl Config {
    /// Joins the layers: what the flags say, then the environment, then the file they name.
    pub fn load(flags: Layer, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let told = flags.or(Layer::from_environment(variable)?);
        let file = told.config.as_deref().map(Layer::from_file).transpose()?.unwrap_or_default();
        Self::from_layer(told.or(file))
    }

    fn from_layer(layer: Layer) -> Result<Self, ConfigError> {
        let data = layer.data.ok_or(ConfigError::NoData)?;
        let (limits, lifetimes, history) = (Limits::default(), Lifetimes::default(), History::default());
        let seconds = |told: Option<u64>, default: Duration| told.map_or(default, Duration::from_secs);
        Ok(Self {
            listen: layer.listen.unwrap_or_else(default_listen),
            database: database(layer.database.as_deref(), &data)?,
            public_urls: layer
                .public_url
                .unwrap_or_default()
                .iter()
                .map(|url| public_url(url))
                .collect::<Result<_, _>>()?,
            tls: layer.tls.unwrap_or_default(),
            log_level: layer.log_level.unwrap_or_else(|| "info".to_owned()),
            log_format: layer.log_format.unwrap_or_default(),
            limits: Limits {
                idle: seconds(layer.idle_timeout_s, limits.idle),
                first_request: seconds(layer.first_request_timeout_s, limits.first_request),
                request: seconds(layer.request_timeout_s, limits.request),
                shutdown: seconds(layer.shutdown_timeout_s, limits.shutdown),
                connections: layer.max_connections.unwrap_or(limits.connections),
            },
            lifetimes: Lifetimes {
                access: seconds(layer.access_token_s, lifetimes.access),
                refresh: seconds(layer.refresh_token_s, lifetimes.refresh),
            },
            history: History {
                minutes: seconds(layer.path_minutes_s, history.minutes),
                hours: seconds(layer.path_hours_s, history.hours),
            },
            data,
        })
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 8080))
}

fn database(url: Option<&str>, data: &Path) -> Result<PathBuf, ConfigError> {
    match url {
        None => Ok(data.join("patronus.db")),
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err(ConfigError::Database(url.to_owned())),
        },
    }
}

fn public_url(url: &str) -> Result<String, ConfigError> {
    let trimmed = url.trim_end_matches('/');
    let (secure, host) = match (trimmed.strip_prefix("https://"), trimmed.strip_prefix("http://")) {
        (Some(host), _) => (true, host),
        (None, Some(host)) => (false, host),
        (None, None) => return Err(ConfigError::PublicUrl(url.to_owned())),
    };
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        return Err(ConfigError::PublicUrl(url.to_owned()));
    }
    if !secure && !is_loopback(host) {
        return Err(ConfigError::PlainPublicUrl(url.to_owned(), host.to_owned()));
    }
    Ok(trimmed.to_owned())
}

/// Whether a host, perhaps with a port, is this one and no other.
fn is_loopback(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned())
    }

    #[test]
    fn flags_go_before_variables_before_the_file_before_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.yaml");
        std::fs::write(&path, "listen: 127.0.0.1:1\ndata: /file\nlog_level: debug\nidle_timeout_s: 7\n").unwrap();
        let flags = Layer { config: Some(path), listen: Some(([127, 0, 0, 1], 3).into()), ..Layer::default() };
        let config =
            Config::load(flags, variables(&[("PATRONUS_LISTEN", "127.0.0.1:2"), ("PATRONUS_DATA", "/env")])).unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.data, PathBuf::from("/env"));
        assert_eq!(config.log_level, "debug");
        assert_eq!(config.limits.idle, Duration::from_secs(7));
        assert_eq!(config.limits.request, Limits::default().request);
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let config =
            Config::load(Layer::default(), variables(&[("PATRONUS_DATA", "/d"), ("PATRONUS_LISTEN", "")])).unwrap();
        assert_eq!(config.listen, default_listen());
        assert!(matches!(Config::load(Layer::default(), variables(&[])), Err(ConfigError::NoData)));
    }

    #[test]
    fn the_example_is_valid_and_says_the_defaults() {
        let active: String =
            EXAMPLE.lines().map(|line| line.strip_prefix("#=").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let told = Config::from_layer(Layer::from_yaml(&active, Path::new("example")).unwrap()).unwrap();
        let default = Config::from_layer(Layer { data: Some(told.data.clone()), ..Layer::default() }).unwrap();
        assert_eq!(format!("{told:?}"), format!("{default:?}"));
        assert!(Layer::from_yaml(EXAMPLE, Path::new("example")).is_ok());
    }

    #[test]
    fn bad_values_are_named() {
        let say = |layer: Layer| Config::from_layer(layer).unwrap_err().to_string();
        let data = || Some(PathBuf::from("/d"));
        assert!(
            say(Layer { data: data(), database: Some("postgres://x".into()), ..Layer::default() }).contains("sqlite:")
        );
        assert!(say(Layer { data: data(), public_url: Some(vec!["ams".into()]), ..Layer::default() }).contains("ams"));
        for plain in ["http://ams.example:8443", "http://192.0.2.1", "http://[2001:db8::1]:80"] {
            let told = say(Layer { data: data(), public_url: Some(vec![plain.into()]), ..Layer::default() });
            assert!(told.contains(&plain.replace("http:", "https:")), "{told}");
        }
        for local in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:80", "https://ams.example/"] {
            assert!(public_url(local).is_ok(), "{local}");
        }
        let error = Layer::from_yaml("listen: 127.0.0.1:1\nlisten_on: 2\n", Path::new("f.yaml")).unwrap_err();
        assert!(error.to_string().contains("listen_on"), "{error}");
        let error = Layer::from_environment(variables(&[("PATRONUS_LISTEN", "x")])).unwrap_err();
        assert!(error.to_string().contains("PATRONUS_LISTEN"), "{error}");
    }
}
