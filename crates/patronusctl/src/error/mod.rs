//! What a run can fail with: a kind that is the exit code, what happened, why, and what to run next.

mod advice;
mod exit;
mod from_client;
mod habits;
mod show;
mod usage;

use std::ops::{Deref, DerefMut};

pub use exit::{Exit, INTERRUPTED, table as exit_table};
pub use from_client::LOGIN;
pub use show::{as_json, as_text};
pub use usage::from_clap;

/// A failed run. Boxed, because it travels with every result.
#[derive(Debug, Clone)]
pub struct CliError(Box<Details>);

impl Deref for CliError {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for CliError {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// What is known of a failed run.
#[derive(Debug, Clone)]
pub struct Details {
    /// The exit code.
    pub exit: Exit,
    /// The word in `error[…]`.
    pub code: String,
    /// What happened.
    pub what: String,
    /// Where it happened: the object, the context, the server.
    pub about: Vec<(&'static str, String)>,
    /// Why.
    pub cause: Option<String>,
    /// Each single fault.
    pub faults: Vec<Fault>,
    /// Commands that can be run next.
    pub help: Vec<String>,
    /// The request in the server's logs.
    pub request_id: Option<String>,
    /// The command has to say which network it means.
    pub wants_network: bool,
    /// Nothing is printed: everything was said already, or nobody listens.
    pub silent: bool,
}

/// One fault of what was given.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    /// Where: `file:line:column`, or a field.
    pub place: String,
    /// What.
    pub what: String,
    /// The line that it is in, with a mark below.
    pub excerpt: Option<String>,
}

/// What every command gives.
pub type Result<T = ()> = std::result::Result<T, CliError>;

impl CliError {
    /// An error of a kind.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self(Box::new(Details {
            exit,
            code: exit.word().to_owned(),
            what: what.into(),
            about: Vec::new(),
            cause: None,
            faults: Vec::new(),
            help: Vec::new(),
            request_id: None,
            wants_network: false,
            silent: false,
        }))
    }

    /// A flag or argument that cannot be.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Ends with a code and says nothing.
    pub fn silent(exit: Exit) -> Self {
        let mut error = Self::new(exit, "");
        error.silent = true;
        error
    }

    /// Adds what can be run next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds why.
    pub fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds where.
    pub fn about(mut self, what: &'static str, which: impl Into<String>) -> Self {
        if !self.about.iter().any(|(known, _)| *known == what) {
            self.about.push((what, which.into()));
        }
        self
    }

    /// The object that it is about.
    pub fn object(&self) -> Option<String> {
        self.about.iter().find(|(what, _)| *what == "object").map(|(_, which)| which.clone())
    }

    /// Adds single faults.
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }
}
