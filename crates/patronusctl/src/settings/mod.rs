//! What was typed, set and configured, turned into what it means: flag, then environment, then context, then default.

mod env;
mod target;
mod view;

pub use env::Env;
pub use target::{Ca, Target, check_address, chosen_context, find};
pub use view::View;

use patronus_client::Write;

use crate::cli::Globals;
use crate::error::Result;

/// How to go about writes.
#[derive(Debug, Clone, Default)]
pub struct Mode {
    /// Ask nothing.
    pub no_input: bool,
    /// Yes to what can be undone.
    pub yes: bool,
    /// The name that confirms what cannot.
    pub confirm: Option<String>,
    /// Change nothing.
    pub dry_run: bool,
    /// The key that makes a repeat harmless.
    pub idempotency_key: Option<String>,
}

impl Mode {
    /// From flags and environment.
    pub fn new(globals: &Globals, env: &Env) -> Result<Self> {
        Ok(Self {
            no_input: globals.no_input || env.flag("NO_INPUT")?,
            yes: globals.yes || env.flag("YES")?,
            confirm: globals.confirm.clone().or(env.ours("CONFIRM").map(str::to_owned)),
            dry_run: globals.dry_run || env.flag("DRY_RUN")?,
            idempotency_key: globals.idempotency_key.clone().or(env.ours("IDEMPOTENCY_KEY").map(str::to_owned)),
        })
    }

    /// The first (or only) write of a command.
    pub fn write(&self) -> Write {
        Write { dry_run: self.dry_run, idempotency_key: self.idempotency_key.clone() }
    }

    /// One write of several: each has a key of its own, made from the command's.
    pub fn write_of(&self, which: &str) -> Write {
        let idempotency_key = self.idempotency_key.as_ref().map(|key| format!("{key}-{which}"));
        Write { dry_run: self.dry_run, idempotency_key }
    }
}
