//! Values of the host's own settings from before Patronus changed them: noted first, put back when the network is left.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Result, read_json, write_json};

/// What was there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Values {
    /// Settings by their path below `/proc/sys`.
    pub settings: BTreeMap<String, String>,
    /// The ports that were added to the reserved ones, as the kernel writes them; none before that was tried.
    pub ports: Option<String>,
}

/// The file of one network.
#[derive(Debug, Clone)]
pub struct Earlier {
    path: PathBuf,
}

impl Earlier {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was noted. Rubbish is nothing: then nothing is put back.
    pub fn values(&self) -> Values {
        read_json(&self.path).ok().flatten().unwrap_or_default()
    }

    /// Notes settings before they are changed; the oldest value of each stays.
    pub fn note(&self, settings: Vec<(String, String)>) -> Result<()> {
        if settings.is_empty() {
            return Ok(());
        }
        let mut values = self.values();
        for (path, value) in settings {
            values.settings.entry(path).or_insert(value);
        }
        write_json(&self.path, &values)
    }

    /// Notes the ports that were added to the reserved ones.
    pub fn note_ports(&self, ports: String) -> Result<()> {
        let values = Values { ports: Some(ports), ..self.values() };
        write_json(&self.path, &values)
    }
}
