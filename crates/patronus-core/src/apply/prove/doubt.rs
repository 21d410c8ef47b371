//! What a change could not prove, in words.

use std::fmt;
use std::time::Duration;

use patronus_types::Name;

/// How many names stand in a reason.
const NAMED: usize = 5;

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doubt {
    /// How long it was waited for.
    pub after: Duration,
    /// Why the server did not answer, where it should have.
    pub server: Option<String>,
    /// How many peers were alive before.
    pub alive_before: usize,
    /// The peers that are silent, where they are too many.
    pub silent: Vec<Name>,
}

impl Doubt {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.server.is_none() && self.silent.is_empty()
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.after.as_secs();
        let server =
            self.server.iter().map(|why| format!("server unreachable for {seconds} s after the change ({why})"));
        let silent = (!self.silent.is_empty()).then(|| {
            let (silent, before) = (self.silent.len(), self.alive_before);
            format!("{silent} of {before} peers silent for {seconds} s after the change: {}", named(&self.silent))
        });
        let all: Vec<String> = server.chain(silent).collect();
        f.write_str(&all.join("; "))
    }
}

fn named(names: &[Name]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(Name::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
