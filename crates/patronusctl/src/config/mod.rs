//! `config.yaml`: the contexts. It holds no secret; it is written whole, under a lock, readable by its owner only.

mod paths;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use patronus_types::{Digest, Ref};
use serde::{Deserialize, Serialize};

pub use paths::Paths;

use crate::credential::Store;
use crate::error::{CliError, Exit, Result};
use crate::manifest::yaml;

/// Everything in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The context that is used where nothing is said.
    #[serde(default)]
    pub current: Option<String>,
    /// The contexts by name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One context: where to, whom to trust, and where the credential is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The servers.
    #[serde(default)]
    pub servers: Vec<String>,
    /// The CA to trust, as a PEM file.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The CA to trust, by the SHA-256 of its certificate.
    #[serde(default)]
    pub ca_sha256: Option<Digest>,
    /// The tenant.
    #[serde(default)]
    pub tenant: Option<Ref>,
    /// The network.
    #[serde(default)]
    pub network: Option<Ref>,
    /// Who is logged in.
    #[serde(default)]
    pub user: Option<String>,
    /// Where the credential is kept.
    #[serde(default)]
    pub credential: Option<Store>,
}

impl Config {
    /// Reads the file; without one there are no contexts.
    pub fn load(paths: &Paths) -> Result<Self> {
        let Some(path) = paths.config() else { return Ok(Self::default()) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(local(format!("{} cannot be read", path.display())).cause(error)),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        yaml::parse(&text, |_| None).map_err(|fault| {
            local(format!("{} is not a configuration", path.display()))
                .faults(vec![fault.placed(&path.display().to_string(), &text)])
        })
    }

    /// Changes the file under its lock.
    pub fn change<T>(paths: &Paths, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let path = paths.config().ok_or_else(|| {
            local("there is no place for a configuration").help("set HOME, XDG_CONFIG_HOME or PATRONUS_CONFIG")
        })?;
        let _lock = crate::credential::lock_beside(&path).map_err(local)?;
        let mut config = Self::load(paths)?;
        let outcome = change(&mut config)?;
        let text = serde_yaml::to_string(&config)
            .map_err(|error| local("the configuration cannot be written").cause(error))?;
        write_private(&path, text.as_bytes())
            .map_err(|error| local(format!("{} cannot be written", path.display())).cause(error))?;
        Ok(outcome)
    }
}

fn local(what: impl Into<String>) -> CliError {
    CliError::new(Exit::Local, what)
}

/// Writes a file whole or not at all, readable by its owner only.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_private_folder(folder)?;
    let mut file = tempfile::Builder::new().prefix(&unfinished(path)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// How the names begin that a file has until it is whole. A program that is killed leaves one behind.
pub fn unfinished(path: &Path) -> String {
    format!(".{}.part-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Makes a folder that only its owner can look into; one that is there is left as it is.
pub fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
