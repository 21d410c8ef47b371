//! A credential that a program keeps: it is called with `get` (prints the text), `store` (reads it) or `erase`.

use std::io::Write as _;
use std::process::{Command, Stdio};

fn prepare(command: &[String], verb: &str) -> Result<Command, String> {
    let (program, arguments) = command.split_first().ok_or("the credential command is empty")?;
    let mut prepared = Command::new(program);
    // A token in our environment is nobody else's business.
    prepared.args(arguments).arg(verb).env_remove("PATRONUS_TOKEN");
    Ok(prepared)
}

fn failed(command: &[String], why: impl std::fmt::Display) -> String {
    format!("the credential command `{}` failed: {why}", command.join(" "))
}

/// Asks for the text; nothing printed means that there is none.
pub(super) fn read(command: &[String]) -> Result<Option<String>, String> {
    let output = prepare(command, "get")?.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| failed(command, error))?;
    if !output.status.success() {
        return Err(failed(command, output.status));
    }
    let text =
        String::from_utf8(output.stdout).map_err(|_| failed(command, "it printed something that is not text"))?;
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// Hands the text over.
pub(super) fn write(command: &[String], text: &str) -> Result<(), String> {
    let mut child = prepare(command, "store")?
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| failed(command, error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read tells by its status whether it kept the text.
        let _ = stdin.write_all(text.as_bytes());
    }
    let status = child.wait().map_err(|error| failed(command, error))?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Has the text forgotten.
pub(super) fn erase(command: &[String]) -> Result<(), String> {
    let status = prepare(command, "erase")?.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.map_err(|error| failed(command, error))?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}
