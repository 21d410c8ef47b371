//! Confirmation, before any request. Only a person at a terminal is asked; elsewhere the flag is named.

use crate::app::App;
use crate::error::{CliError, Exit, Result};

/// For what can be undone: yes or no.
pub fn agree(app: &App, what: &str) -> Result {
    if app.mode.yes || app.mode.dry_run {
        return Ok(());
    }
    if !app.interactive() {
        return Err(CliError::new(Exit::Unconfirmed, format!("{what} has to be confirmed; nothing was changed"))
            .help("add --yes"));
    }
    let answer = app.out.ask(&format!("{what}? [y/N]"))?;
    if matches!(answer.as_str(), "y" | "Y" | "yes") { Ok(()) } else { Err(declined()) }
}

/// For what cannot be undone: the name of what goes, or how many go.
pub fn type_out(app: &App, what: &str, word: &str) -> Result {
    if app.mode.dry_run {
        return Ok(());
    }
    if let Some(given) = &app.mode.confirm {
        if given == word {
            return Ok(());
        }
        let error =
            CliError::new(Exit::Unconfirmed, format!("`--confirm {given}` does not confirm this; nothing was changed"));
        return Err(error.help(format!("{what} is confirmed by --confirm {word}")));
    }
    if !app.interactive() {
        let error = CliError::new(Exit::Unconfirmed, format!("{what} has to be confirmed; nothing was changed"));
        return Err(error.help(format!("add --confirm {word}")));
    }
    let answer = app.out.ask(&format!("{what} cannot be undone. Type `{word}` to go on:"))?;
    if answer == word { Ok(()) } else { Err(declined()) }
}

/// For the deletion of what was named.
pub fn deletion(app: &App, kind: &str, wanted: &[String]) -> Result {
    match wanted {
        [one] => type_out(app, &format!("deleting {kind} {one}"), one),
        several => type_out(app, &format!("deleting {} {kind}s", several.len()), &several.len().to_string()),
    }
}

fn declined() -> CliError {
    CliError::new(Exit::Unconfirmed, "not confirmed; nothing was changed")
}
