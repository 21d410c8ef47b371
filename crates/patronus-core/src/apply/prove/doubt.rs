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
    /// The probes, where too few passed.
    pub probes: Option<Unpassed>,
}

/// Probes of which too few passed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unpassed {
    /// Those that did not, each with why.
    pub failed: Vec<(Name, String)>,
    /// How many did.
    pub passed: usize,
    /// How many must.
    pub required: usize,
}

impl Doubt {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.server.is_none() && self.silent.is_empty() && self.probes.is_none()
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
        let probes = self.probes.iter().map(ToString::to_string);
        let all: Vec<String> = server.chain(silent).chain(probes).collect();
        f.write_str(&all.join("; "))
    }
}

impl fmt::Display for Unpassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, passed, required } = self;
        let all = passed + failed.len();
        if *required < all {
            write!(f, "{passed} of {all} probes passed, and {required} must: ")?;
        }
        let words: Vec<String> =
            failed.iter().take(NAMED).map(|(probe, why)| format!("probe {probe}: {why}")).collect();
        f.write_str(&words.join("; "))?;
        match failed.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more probes"),
        }
    }
}

fn named(names: &[Name]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(Name::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}
