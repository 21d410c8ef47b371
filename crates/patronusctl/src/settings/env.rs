//! The environment: read once, an empty variable counts as unset.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::ValueEnum;

use crate::error::{CliError, Result};

/// A copy of the environment.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// What the process was started with.
    pub fn of_process() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same without a variable.
    pub fn without(&self, name: &str) -> Self {
        let mut env = self.clone();
        env.0.remove(name);
        env
    }

    /// One of ours: `PATRONUS_` and the name.
    pub fn ours(&self, name: &str) -> Option<&str> {
        self.get(&format!("PATRONUS_{name}"))
    }

    /// One of ours, as a value.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>> {
        self.with(name, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// One of ours, as one of several words.
    pub fn word<T: ValueEnum>(&self, name: &str) -> Result<Option<T>> {
        self.with(name, |text| {
            T::from_str(text, true).map_err(|_| {
                let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
                let words: Vec<String> = words.map(|word| word.get_name().to_owned()).collect();
                format!("it is one of {}", words.join(", "))
            })
        })
    }

    /// One of ours, as yes or no.
    pub fn flag(&self, name: &str) -> Result<bool> {
        let flag = self.with(name, |text| match text {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err("it is 1 or 0".to_owned()),
        })?;
        Ok(flag.unwrap_or_default())
    }

    /// One of ours, read by a function.
    pub fn with<T>(&self, name: &str, read: impl FnOnce(&str) -> std::result::Result<T, String>) -> Result<Option<T>> {
        let Some(text) = self.ours(name) else { return Ok(None) };
        let refuse = |why| CliError::usage(format!("the variable PATRONUS_{name} cannot be `{text}`")).cause(why);
        read(text).map(Some).map_err(refuse)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_unset_and_rubbish_is_a_usage_error() {
        let env = Env::from([("PATRONUS_YES", ""), ("PATRONUS_RETRIES", "many"), ("PATRONUS_NO_INPUT", "1")]);
        assert!(!env.flag("YES").unwrap());
        assert!(env.flag("NO_INPUT").unwrap());
        assert_eq!(env.parsed::<u32>("RETRIES").unwrap_err().exit, crate::error::Exit::Usage);
        assert_eq!(env.parsed::<u32>("LIMIT").unwrap(), None);
    }
}
