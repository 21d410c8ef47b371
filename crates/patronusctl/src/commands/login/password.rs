//! The password: from a file, stdin or a terminal, never from an argument.

use std::io::Read as _;

use super::Args;
use crate::app::App;
use crate::error::{CliError, Exit, Result};

/// Reads it. One line end at its end is not part of it.
pub(super) fn read(app: &App, args: &Args) -> Result<String> {
    let Some(path) = &args.password_file else { return ask(app, &args.user) };
    let name = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
    let failed = |error| CliError::new(Exit::Local, format!("the password cannot be read from {name}")).cause(error);
    let mut text = String::new();
    match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(4096).read_to_string(&mut text).map_err(failed)?,
        false => {
            std::fs::File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text)).map_err(failed)?
        }
    };
    let password = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if password.is_empty() {
        return Err(CliError::new(Exit::Local, format!("{name} holds no password")));
    }
    Ok(password.to_owned())
}

fn ask(app: &App, user: &str) -> Result<String> {
    if !app.interactive() {
        return Err(CliError::usage("there is no terminal to ask for the password")
            .help("add --password-file FILE, or - for stdin"));
    }
    rpassword::prompt_password(format!("Password of {user}: "))
        .map_err(|error| CliError::new(Exit::Local, "no password can be read").cause(error))
}
