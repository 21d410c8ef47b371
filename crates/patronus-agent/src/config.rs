//! The agent's configuration file. Everything has a default, so most sites have none.

use std::path::{Path, PathBuf};

use patronus_core::apply::MARK_SHIFT;
use patronus_types::Invalid;
use serde::Deserialize;

use crate::effects::{DriverChoice, Settings};
use crate::failure::{Exit, Failure};

/// The annotated example, which holds exactly the defaults.
#[cfg(test)]
const EXAMPLE: &str = include_str!("../../../examples/patronus-agent.yaml");

const MAX_BYTES: u64 = 64 * 1024;

/// How the agent asks for changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Polling {
    /// The server holds each request until something changes.
    #[default]
    Long,
    /// One short request each interval.
    Interval,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How the agent asks for changes.
    pub poll: Polling,
    /// Which WireGuard new tunnels get: `auto`, `kernel` or `userspace`.
    pub driver: String,
    /// The userspace WireGuard program.
    pub userspace_program: PathBuf,
    /// The folder of its configuration sockets.
    pub userspace_sockets: PathBuf,
    /// The `nft` program.
    pub nft_program: PathBuf,
    /// By how many bits the class of a packet is shifted in its mark, 0 to 24: eight bits from there on are Patronus's.
    pub mark_shift: u8,
}

impl Default for Config {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            poll: Polling::default(),
            driver: settings.driver.to_string(),
            userspace_program: settings.program,
            userspace_sockets: settings.sockets,
            nft_program: PathBuf::from("nft"),
            mark_shift: MARK_SHIFT,
        }
    }
}

impl Config {
    /// Reads the file, or gives the defaults where none is named.
    pub fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let unusable = |why: &dyn std::fmt::Display| {
            Failure::new(Exit::State, format_args!("cannot use the configuration {}: {why}", path.display()))
                .help("examples/patronus-agent.yaml shows every setting")
        };
        let size = std::fs::metadata(path).map_err(|error| unusable(&error))?.len();
        if size > MAX_BYTES {
            return Err(unusable(&"it is larger than 64 KiB"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
        let config = Self::parse(&text).map_err(|error| unusable(&error))?;
        config.settings().map_err(|error| unusable(&error))?;
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, String> {
        // A file of comments only is no document.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }

    /// How tunnels are made.
    pub fn settings(&self) -> Result<Settings, Invalid> {
        if self.mark_shift > 24 {
            return Err(Invalid::new("mark_shift: use 0 to 24, since a mark has 32 bits and a class takes eight"));
        }
        Ok(Settings {
            driver: self.driver.parse::<DriverChoice>()?,
            program: self.userspace_program.clone(),
            sockets: self.userspace_sockets.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_holds_the_defaults() {
        assert_eq!(Config::parse(EXAMPLE).unwrap(), Config::default());
        assert_eq!(Config::parse("# nothing\n").unwrap(), Config::default());
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(Config::parse("poll: interval\n").unwrap().poll, Polling::Interval);
        assert!(Config::parse("pol: long\n").unwrap_err().contains("pol"));
        assert!(Config { mark_shift: 25, ..Config::default() }.settings().is_err());
        assert!(Config { driver: "magic".to_owned(), ..Config::default() }.settings().is_err());
    }
}
