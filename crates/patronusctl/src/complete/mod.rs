//! Completion of live names, asked for through `PATRONUSCTL_COMPLETE`.
//!
//! It runs while somebody types: it answers within 300 ms, says nothing on stderr, opens no keyring, runs no program,
//! renews no login, and ends with 0 when the server is away: what was seen last has to do then.

mod cache;
mod fetch;
mod typed;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;

pub use cache::remember;

use crate::config::{Config, Paths};
use crate::error::Exit;
use crate::settings::Env;

const VARIABLE: &str = "PATRONUSCTL_COMPLETE";

/// Whether a shell asks.
pub fn requested() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty() && shell != "0")
}

/// Answers the shell.
pub fn answer(arguments: Vec<OsString>) -> ExitCode {
    let folder = std::env::current_dir().ok();
    let done = CompleteEnv::with_factory(crate::cli::command)
        .var(VARIABLE)
        .bin("patronusctl")
        .try_complete(arguments, folder.as_deref());
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Usage.code()) }
}

/// Contexts by name.
pub fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let config = Config::load(&Paths::new(&Env::of_process())).unwrap_or_default();
    matching(current, config.contexts.into_keys())
}

/// Networks by name.
pub fn networks(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, fetch::names("networks").into_iter())
}

/// Sites by name.
pub fn sites(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, fetch::names("sites").into_iter())
}

/// Releases by number; behind a slash the sites.
pub fn versions(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    match typed.split_once('/') {
        Some((version, _)) if version != "bundle" => {
            let sites = fetch::names("sites").into_iter().map(|site| format!("{version}/{site}"));
            matching(current, sites)
        }
        _ => matching(current, std::iter::once("latest".to_owned()).chain(fetch::names("versions"))),
    }
}

fn matching(current: &OsStr, names: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    names.filter(|name| name.starts_with(typed.as_ref())).map(CompletionCandidate::new).collect()
}
