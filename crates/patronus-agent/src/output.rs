//! The one place that prints. The answer goes to stdout, everything said meanwhile to stderr.

use std::io::{self, Write as _};

use crate::failure::{Exit, Failure};

/// Prints an answer. A reader that has gone is no failure.
pub fn answer(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says how something ended that was asked for.
pub fn end(said: Result<String, String>) -> Result<(), Failure> {
    let text = said.map_err(|why| Failure::new(Exit::Failed, why))? + "\n";
    answer(&text).map_err(|error| Failure::new(Exit::Failed, format_args!("cannot print how it ended: {error}")))
}

/// Says something while it works. Nobody may be listening.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
