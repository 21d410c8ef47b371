//! What is wrong with a configuration, and where.

use std::fmt;

/// How many faults are told; a file of another kind has one on every line.
const MAX_FAULTS: usize = 100;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// All faults of a configuration in the order of the text; never empty when given out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    untold: usize,
}

impl Faults {
    /// The faults, at most a hundred.
    pub fn as_slice(&self) -> &[Fault] {
        &self.faults
    }

    pub(super) fn add(&mut self, (line, column): (usize, usize), message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { line, column, message: message.into() });
        } else {
            self.untold += 1;
        }
    }

    /// The value if there was no fault.
    pub(super) fn or<T>(mut self, value: T) -> Result<T, Self> {
        self.faults.sort();
        if self.faults.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        match self.untold {
            0 => Ok(()),
            untold => write!(f, "\nand {untold} more"),
        }
    }
}

impl std::error::Error for Faults {}
