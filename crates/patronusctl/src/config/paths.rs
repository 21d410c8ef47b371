//! Where files are.

use std::path::PathBuf;

use directories::ProjectDirs;

use crate::settings::Env;

/// The folders of this program. Without a home there are none, which is no error: flags and variables are enough.
#[derive(Debug, Clone)]
pub struct Paths {
    config_file: Option<PathBuf>,
    config_folder: Option<PathBuf>,
    cache_folder: Option<PathBuf>,
}

impl Paths {
    /// From the environment.
    pub fn new(env: &Env) -> Self {
        let project = ProjectDirs::from("", "", "patronusctl");
        // XDG is honoured on every system once it is set.
        let under = |variable: &str| env.get(variable).map(|folder| PathBuf::from(folder).join("patronusctl"));
        let config_folder = under("XDG_CONFIG_HOME").or_else(|| Some(project.as_ref()?.config_dir().to_owned()));
        let cache_folder = under("XDG_CACHE_HOME").or_else(|| Some(project.as_ref()?.cache_dir().to_owned()));
        Self { config_file: env.ours("CONFIG").map(PathBuf::from), config_folder, cache_folder }
    }

    /// `config.yaml`, or what `PATRONUS_CONFIG` names.
    pub fn config(&self) -> Option<PathBuf> {
        self.config_file.clone().or_else(|| Some(self.config_folder.as_ref()?.join("config.yaml")))
    }

    /// The file for a context's credential.
    pub fn credential(&self, context: &str) -> Option<PathBuf> {
        let folder = match &self.config_file {
            Some(file) => file.parent()?.to_owned(),
            None => self.config_folder.clone()?,
        };
        Some(folder.join("credentials").join(format!("{context}.json")))
    }

    /// The file for a context's names, for completions.
    pub fn names(&self, context: &str) -> Option<PathBuf> {
        Some(self.cache_folder.as_ref()?.join(format!("names-{context}.json")))
    }
}
