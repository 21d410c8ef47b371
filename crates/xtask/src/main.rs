//! Chores of the project: files that are made from the code, and checks that no compiler does.
//!
//! `cargo xtask gen` writes completions/, man/, docs/api/openapi.yaml and docs/cli.md; `cargo xtask check` fails where one
//! of them is not what the code says now, where the tree is not laid out as it should be, or where a file names a path
//! of somebody's machine.

mod check;
mod generated;
mod man;
mod tree;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Chores of the project")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Write the files that are made from the code
    Gen,
    /// Check that they are up to date, and the layout of the tree
    Check,
}

fn main() -> ExitCode {
    match run(&Cli::parse().chore) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<bool> {
    let root = root()?;
    match chore {
        Chore::Gen => {
            let written = generated::write(&root)?;
            say(&format!("{written} files changed"));
            Ok(true)
        }
        Chore::Check => {
            let faults = check::faults(&root)?;
            faults.iter().for_each(|fault| say(fault));
            if faults.is_empty() {
                say("generated files, layout and dependencies are as they should be");
            }
            Ok(faults.is_empty())
        }
    }
}

/// The folder of the workspace, from wherever it is called.
fn root() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let is_root = |folder: &&std::path::Path| folder.join("Cargo.lock").is_file() && folder.join("crates").is_dir();
    here.ancestors().find(is_root).map(PathBuf::from).context("run it inside the project")
}

fn say(line: &str) {
    // Nobody can be told that stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
