//! Completion of live names, asked for through `PATRONUSCTL_COMPLETE`.
//!
//! It runs while somebody types: it answers within 300 ms, says nothing on stderr, opens no keyring, runs no program,
//! renews no login, and ends with 0 when the server is away: what was seen last has to do then.

mod cache;
mod fetch;
mod typed;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;

pub use cache::remember;

use crate::cli::TOPICS;
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
    let nothing_typed = typed::current(&arguments).is_some_and(|word| word.is_empty());
    let tree = || if nothing_typed { without_flags(crate::cli::command()) } else { crate::cli::command() };
    let done =
        CompleteEnv::with_factory(tree).var(VARIABLE).bin("patronusctl").try_complete(arguments, folder.as_deref());
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Usage.code()) }
}

/// The tree with its flags hidden. Hidden candidates are offered only where there are no others: names and verbs stand
/// alone, and a command that takes neither still tells its flags.
fn without_flags(tree: clap::Command) -> clap::Command {
    let tree = tree.mut_args(|arg| if arg.is_positional() { arg } else { arg.hide(true) });
    tree.disable_help_flag(true).disable_version_flag(true).mut_subcommands(without_flags)
}

/// What `help` takes: commands and topics, and behind a command its verbs.
pub fn topics(current: &OsStr) -> Vec<CompletionCandidate> {
    let before = typed::behind("help");
    let tree = crate::cli::command();
    let found = before.iter().try_fold(&tree, |found, word| found.find_subcommand(word));
    let commands = found.into_iter().flat_map(clap::Command::get_subcommands);
    let names = commands.map(|command| command.get_name().to_owned());
    let topics = TOPICS.iter().filter(|_| before.is_empty()).map(|(name, _)| (*name).to_owned());
    matching(current, names.chain(topics))
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
    // One name may stand for a site in each of several networks.
    let names: BTreeSet<String> = fetch::names("sites").into_iter().collect();
    matching(current, names.into_iter())
}

/// Paths by their sites and uplinks.
pub fn paths(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, fetch::names("paths").into_iter())
}

/// Policies by name, likewise.
pub fn policies(current: &OsStr) -> Vec<CompletionCandidate> {
    let names: BTreeSet<String> = fetch::names("policies").into_iter().collect();
    matching(current, names.into_iter())
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
