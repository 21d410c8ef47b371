//! The only place that writes to stdout and stderr.
//!
//! stdout is the answer and nothing else; notices, progress and prompts go to stderr. The shape of an answer depends on
//! `-o` alone, never on the terminal or the number of objects. A reader that goes away ends the program quietly; a disk
//! that is full ends it with 74.

mod escape;
mod format;
mod object;
mod progress;
mod style;
mod table;
mod time;
mod value;

use std::io::{self, IsTerminal as _, Write as _};

use jiff::Timestamp;
use serde::Serialize;

pub use escape::escape;
pub use format::{Format, ProgressStyle};
pub use object::{Column, Object};
pub use progress::Progress;
pub use style::{ColorChoice, Style, Tone};
pub use table::{Cell, Head};
pub use time::{TimeStyle, show as show_time};
pub use value::SortBy;

use crate::error::{CliError, Exit, Result};
use crate::settings::View;

/// Writes answers and notices.
#[derive(Debug)]
pub struct Output {
    /// What was asked for.
    pub view: View,
    /// Colour on stdout.
    pub style: Style,
    /// Colour on stderr.
    pub notices: Style,
    /// When the program began.
    pub now: Timestamp,
    width: Option<usize>,
}

impl Output {
    /// Looks at the terminal once.
    pub fn new(view: View, now: Timestamp) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let width = if out { comfy_table::Table::new().width().map(usize::from) } else { None };
        Self { style: view.style(out), notices: view.style(err), view, now, width }
    }

    /// Whether stdout is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Whether times are shown as ages where nothing is said.
    pub fn time_style(&self) -> TimeStyle {
        self.view.time.unwrap_or(if self.is_terminal() { TimeStyle::Relative } else { TimeStyle::Utc })
    }

    /// A point in time for people.
    pub fn time(&self, time: Timestamp) -> String {
        show_time(time, self.time_style(), self.now)
    }

    /// Writes to stdout.
    pub fn write(&self, text: &str) -> Result {
        self.write_bytes(text.as_bytes())
    }

    /// Writes to stdout what is not text.
    pub fn write_bytes(&self, bytes: &[u8]) -> Result {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| write_failed(&error))
    }

    /// Tells something beside the answer.
    pub fn notice(&self, text: &str) {
        if !self.view.quiet {
            self.to_stderr(&format!("{}\n", escape(text)));
        }
    }

    /// Tells what only a curious reader wants.
    pub fn detail(&self, text: &str) {
        if self.view.verbosity > 0 {
            self.to_stderr(&format!("{}\n", escape(text)));
        }
    }

    /// Asks; the answer is read from stdin.
    pub fn ask(&self, question: &str) -> Result<String> {
        self.to_stderr(&format!("{} ", escape(question)));
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| CliError::new(Exit::Local, "no answer can be read").cause(error))?;
        Ok(answer.trim().to_owned())
    }

    fn to_stderr(&self, text: &str) {
        // Nobody can be told that stderr is gone.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Writes one machine-readable value, or the text for people.
    pub fn value<T: Serialize>(&self, value: &T, human: impl FnOnce() -> String) -> Result {
        match self.view.format {
            format @ (Format::Name | Format::Id) => Err(nameless("this answer", format)),
            format if format.is_human() && self.view.fields.is_empty() => self.write(&human()),
            _ => self.answer(value),
        }
    }

    /// The value in the machine form that was asked for.
    fn machine<T: Serialize>(&self, value: &T) -> Result<String> {
        let broken =
            |error: &dyn std::fmt::Display| CliError::new(Exit::Bug, "the answer cannot be written").cause(error);
        let json = |text: serde_json::Result<String>| text.map(|text| text + "\n").map_err(|error| broken(&error));
        match self.view.format {
            Format::Yaml => serde_yaml::to_string(value).map_err(|error| broken(&error)),
            Format::Jsonl => json(serde_json::to_string(value)),
            _ => json(serde_json::to_string_pretty(value)),
        }
    }
}

/// Refuses `-o name` or `-o id` where nothing has one.
pub fn nameless(what: &str, format: Format) -> CliError {
    let word = if format == Format::Id { "id" } else { "name" };
    CliError::usage(format!("-o {word} means nothing here: {what} has no {word}"))
        .help("-o json, -o yaml or -o table (the variable PATRONUS_OUTPUT counts too)")
}

/// A reader that went away is no error; anything else is.
fn write_failed(error: &io::Error) -> CliError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return CliError::silent(Exit::Done);
    }
    CliError::new(Exit::Output, "the output could not be written").cause(error)
}

/// Tells a curious reader of a try that failed; there may be another.
pub fn failed_try(error: &patronus_client::Error) {
    let _ = io::stderr().lock().write_all(format!("a try failed: {}\n", escape(&error.to_string())).as_bytes());
}

/// Prints an error that nothing handles any more.
pub fn print_error(error: &CliError, json: bool, style: Style) {
    let text = if json { format!("{}\n", crate::error::as_json(error)) } else { crate::error::as_text(error, style) };
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints help or a version before there are settings.
pub fn print_plain(text: &str) -> Result {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| write_failed(&error))
}

/// Prints help where it was not asked for.
pub fn print_help_to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether a person can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
