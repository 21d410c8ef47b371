//! Tokens that are given for a command, before any store is asked: `--token-file`, `PATRONUS_TOKEN`,
//! `PATRONUS_TOKEN_FILE`, `$CREDENTIALS_DIRECTORY/patronus.token`, in this order.

use std::path::Path;

use crate::app::App;
use crate::error::{CliError, Exit, Result};
use crate::manifest::load;

/// The token, if one is given.
pub fn given(app: &App) -> Result<Option<String>> {
    if let Some(path) = &app.globals.token_file {
        return read(path).map(Some);
    }
    if let Some(token) = app.env.ours("TOKEN") {
        return checked(token, "PATRONUS_TOKEN").map(Some);
    }
    if let Some(path) = app.env.ours("TOKEN_FILE") {
        return read(Path::new(path)).map(Some);
    }
    let Some(folder) = app.env.get("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    let path = Path::new(folder).join("patronus.token");
    if path.exists() { read(&path).map(Some) } else { Ok(None) }
}

/// A short name of where a token would come from.
pub fn origin(app: &App) -> Option<String> {
    let systemd = || app.env.get("CREDENTIALS_DIRECTORY").map(|folder| Path::new(folder).join("patronus.token"));
    match (&app.globals.token_file, app.env.ours("TOKEN"), app.env.ours("TOKEN_FILE")) {
        (Some(path), _, _) => Some(format!("--token-file {}", path.display())),
        (None, Some(_), _) => Some("PATRONUS_TOKEN".to_owned()),
        (None, None, Some(path)) => Some(format!("PATRONUS_TOKEN_FILE {path}")),
        (None, None, None) => systemd().filter(|path| path.exists()).map(|path| path.display().to_string()),
    }
}

fn read(path: &Path) -> Result<String> {
    let (name, text) = load(path).map_err(|error| {
        let local = CliError::new(Exit::Local, error.what.clone());
        error.cause.iter().fold(local, |local, cause| local.cause(cause))
    })?;
    checked(&text, &name)
}

fn checked(text: &str, from: &str) -> Result<String> {
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(CliError::new(Exit::Local, format!("{from} holds no token")));
    }
    Ok(token.to_owned())
}
