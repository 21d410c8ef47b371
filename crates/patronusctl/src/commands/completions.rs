//! Loaders for completions.

use crate::app::App;
use crate::docs::loader;
use crate::error::Result;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// The shells there are loaders for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// Bash 4 and later
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// Elvish
    Elvish,
    /// PowerShell
    Powershell,
}

/// Runs it.
pub fn run(app: &App, args: Args) -> Result {
    app.out.write(loader(args.shell).1)
}
