//! One source of settings: the same optional fields whether they come from flags, variables or the file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use super::{LogFormat, TlsMode};

/// A configuration file has some forty lines.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nobody said where the data is.
    #[error("say where the data folder is: patronus-server serve --data DIR (or PATRONUS_DATA)")]
    NoData,
    /// The file cannot be read.
    #[error("cannot read `{0}`: {1}")]
    File(PathBuf, std::io::Error),
    /// The file says what it cannot say.
    #[error("`{0}`: {1}\n`patronus-server config example` prints a complete file")]
    Yaml(PathBuf, String),
    /// A variable does.
    #[error("{variable} is `{value}`: {reason}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        reason: String,
    },
    /// No such database.
    #[error("`{0}` is not a database this version knows: use sqlite:PATH, or none for one in the data folder")]
    Database(String),
    /// Not a URL.
    #[error("`{0}` is not a public URL: use https://HOST or https://HOST:PORT")]
    PublicUrl(String),
    /// One that every agent would refuse.
    #[error("the public URL `{0}` would show every token on the way, and agents refuse it: use https://{1}")]
    PlainPublicUrl(String, String),
}

/// A value that has a text form in a variable.
trait Text: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

macro_rules! text_by_from_str {
    ($($type:ty)*) => {$(
        impl Text for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                <$type>::from_str(text).map_err(|error| error.to_string())
            }
        }
    )*};
}
text_by_from_str!(SocketAddr PathBuf String u64 usize);

impl Text for Vec<String> {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.split([',', ' ', '\n']).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }
}

impl FromStr for TlsMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err("use auto, always or never".to_owned()),
        }
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "console" => Ok(Self::Console),
            "json" => Ok(Self::Json),
            _ => Err("use console or json".to_owned()),
        }
    }
}
text_by_from_str!(TlsMode LogFormat);

macro_rules! layer {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty, $variable:literal;)*) => {
        /// Settings as one source tells them; what it does not tell is none.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Layer {
            $($(#[doc = $doc])+ pub $field: Option<$type>,)*
        }

        impl Layer {
            /// What the environment tells; an empty variable tells nothing.
            pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
                let read = |name: &str| variable(name).filter(|value| !value.is_empty());
                Ok(Self { $($field: parse($variable, read($variable))?,)* })
            }

            /// This layer, and where it says nothing, the other.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }
        }
    };
}

layer! {
    /// The file with the rest.
    config: PathBuf, "PATRONUS_CONFIG";
    /// The data folder.
    data: PathBuf, "PATRONUS_DATA";
    /// Where to listen.
    listen: SocketAddr, "PATRONUS_LISTEN";
    /// The database.
    database: String, "PATRONUS_DATABASE";
    /// Where agents and people reach the server.
    public_url: Vec<String>, "PATRONUS_PUBLIC_URL";
    /// When to serve over TLS.
    tls: TlsMode, "PATRONUS_TLS";
    /// What to log.
    log_level: String, "PATRONUS_LOG_LEVEL";
    /// How to log it.
    log_format: LogFormat, "PATRONUS_LOG_FORMAT";
    /// The longest silence on a connection.
    idle_timeout_s: u64, "PATRONUS_IDLE_TIMEOUT_S";
    /// From the start of a connection to its first whole header.
    first_request_timeout_s: u64, "PATRONUS_FIRST_REQUEST_TIMEOUT_S";
    /// For one request.
    request_timeout_s: u64, "PATRONUS_REQUEST_TIMEOUT_S";
    /// For requests that still run when the server stops.
    shutdown_timeout_s: u64, "PATRONUS_SHUTDOWN_TIMEOUT_S";
    /// Connections at the same time.
    max_connections: usize, "PATRONUS_MAX_CONNECTIONS";
    /// How long an access token lasts.
    access_token_s: u64, "PATRONUS_ACCESS_TOKEN_S";
    /// How long a refresh token lasts.
    refresh_token_s: u64, "PATRONUS_REFRESH_TOKEN_S";
    /// For how many seconds it is known minute by minute what paths were like.
    path_minutes_s: u64, "PATRONUS_PATH_MINUTES_S";
    /// For how many seconds it is known hour by hour.
    path_hours_s: u64, "PATRONUS_PATH_HOURS_S";
}

impl Layer {
    /// What a file tells.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let failed = |error| ConfigError::File(path.to_owned(), error);
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > MAX_FILE_BYTES {
            return Err(ConfigError::Yaml(path.to_owned(), format!("it is longer than {MAX_FILE_BYTES} bytes")));
        }
        Self::from_yaml(&std::fs::read_to_string(path).map_err(failed)?, path)
    }

    /// What a YAML text tells; its path is for messages.
    pub fn from_yaml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let options = serde_yaml::options! {
            strict_booleans: true,
            budget: serde_yaml::budget! { max_nodes: 1000, max_anchors: 0 },
        };
        let layer: Result<Option<Self>, _> = serde_yaml::from_str_with_options(text, options);
        Ok(layer.map_err(|error| ConfigError::Yaml(path.to_owned(), error.to_string()))?.unwrap_or_default())
    }
}

fn parse<T: Text>(variable: &'static str, value: Option<String>) -> Result<Option<T>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let read = T::from_text(&value);
    read.map(Some).map_err(|reason| ConfigError::Variable { variable, value, reason })
}
