//! The one place that prints. The answer goes to stdout, everything said meanwhile to stderr.

use std::io::{self, Write as _};

/// Prints an answer. A reader that has gone is no failure.
pub fn answer(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says something while it works. Nobody may be listening.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
