//! The man pages.

use std::path::PathBuf;

use clap::ValueHint;

use crate::app::App;
use crate::docs::man_pages;
use crate::error::{CliError, Exit, Result};

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
}

/// Runs it.
pub fn run(app: &App, args: Args) -> Result {
    let failed = |error| CliError::new(Exit::Output, format!("{} cannot be written", args.dir.display())).cause(error);
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    let pages = man_pages();
    for (name, page) in &pages {
        std::fs::write(args.dir.join(name), page).map_err(failed)?;
    }
    app.out.write(&format!("{} pages written to {}\n", pages.len(), args.dir.display()))
}
