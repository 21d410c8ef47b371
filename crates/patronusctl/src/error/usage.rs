//! Errors of the command line itself, in the form of all others.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::CliError;
use super::habits::meant;

/// Turns what clap found into an error. Help and versions are not errors: see `run`. `command` are the words of the
/// command as far as they were understood.
pub fn from_clap(error: &clap::Error, command: &[String]) -> CliError {
    let rendered = error.render().to_string();
    let first = rendered.lines().next().unwrap_or_default();
    let mut what = first.strip_prefix("error: ").unwrap_or(first).to_owned();
    if error.kind() == ErrorKind::MissingRequiredArgument {
        let missing = rendered.lines().skip(1).take_while(|line| line.starts_with("  ")).map(str::trim);
        what = format!("{what} {}", missing.collect::<Vec<_>>().join(" "));
    }
    let mut shown = CliError::usage(what);
    let unknown = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg].map(|kind| error.get(kind));
    if let Some(ContextValue::String(word)) = unknown.into_iter().flatten().next()
        && let Some(line) = meant(command, word)
    {
        // It says more than which of our words has similar letters.
        return shown.help(line);
    }
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        match error.get(kind) {
            Some(ContextValue::String(word)) => shown = shown.help(format!("did you mean `{word}`?")),
            Some(ContextValue::Strings(words)) if !words.is_empty() => {
                shown = shown.help(format!("did you mean `{}`?", words.join("` or `")));
            }
            _ => {}
        }
    }
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        shown = shown.help(format!("it is one of {}", values.join(", ")));
    }
    let usage = rendered.lines().find_map(|line| line.strip_prefix("Usage: "));
    match usage {
        Some(usage) => shown.help(format!("usage: {}", usage.trim())),
        None => shown.help([&["patronusctl".to_owned()], command, &["--help".to_owned()]].concat().join(" ")),
    }
}
