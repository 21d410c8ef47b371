//! Errors as people and programs read them.

use serde_json::{Value, json};

use super::CliError;
use crate::output::{Style, escape};

/// The error for people. The first line says what; the last ones what to do.
pub fn as_text(error: &CliError, style: Style) -> String {
    let mut text = format!("{}: {}\n", style.bad(&format!("error[{}]", error.code)), escape(&error.what));
    for name in ["object", "context", "server"] {
        for (_, which) in error.about.iter().filter(|(what, _)| *what == name) {
            text.push_str(&format!("  {name}: {}\n", escape(which)));
        }
    }
    if let Some(cause) = &error.cause {
        text.push_str(&format!("  cause: {}\n", escape(cause)));
    }
    // A fault of the whole request may say no more than the error itself.
    for fault in error.faults.iter().filter(|fault| !(fault.place.is_empty() && fault.what == error.what)) {
        let colon = if fault.place.is_empty() { "" } else { ": " };
        text.push_str(&format!("  {}{colon}{}\n", escape(&fault.place), escape(&fault.what)));
        for line in fault.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
            text.push_str(&format!("    {}\n", escape(line)));
        }
    }
    for help in &error.help {
        text.push_str(&format!("{}: {}\n", style.good("help"), escape(help)));
    }
    if let Some(id) = &error.request_id {
        text.push_str(&format!("request-id: {}\n", escape(id)));
    }
    text
}

/// The error for programs: one object on one line. Every key is always there.
pub fn as_json(error: &CliError) -> Value {
    let about = |name: &str| error.about.iter().find(|(what, _)| *what == name).map(|(_, which)| which.clone());
    let faults = error.faults.iter().map(|fault| json!({"place": fault.place, "detail": fault.what}));
    json!({
        "kind": "Error",
        "code": error.code,
        "exit": error.exit.code(),
        "message": error.what,
        "object": about("object"),
        "context": about("context"),
        "server": about("server"),
        "cause": error.cause,
        "errors": faults.collect::<Vec<_>>(),
        "help": error.help,
        "request_id": error.request_id,
    })
}
