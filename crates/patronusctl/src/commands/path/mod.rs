//! Paths: how they do, what they were like, and why packets take which.

mod health;
mod listed;
mod watch;
mod why;

use clap_complete::engine::ArgValueCompleter;
use patronus_types::path::PathStatus;

use super::{references, show};
use crate::app::App;
use crate::complete;
use crate::error::Result;
use crate::output::Object;
use listed::Listed;
pub use listed::Names;

/// What can be done with paths.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List paths, as their sites last reported them
    List(Wanted),
    /// Show paths
    Get {
        /// Ids or SITE/UPLINK..SITE/UPLINK; - reads them from stdin
        #[arg(required = true, value_name = "PATH", add = ArgValueCompleter::new(complete::paths))]
        paths: Vec<String>,
    },
    /// Show what a path was like
    Health(health::Args),
    /// Ask which path packets take from a site to another, and why the others are not taken
    Why(why::Args),
    /// Tell when something becomes of paths, until interrupted
    Watch(Wanted),
}

/// Which paths.
#[derive(Debug, clap::Args)]
pub struct Wanted {
    /// Only those from or to this site
    #[arg(long, value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    site: Option<String>,
    /// Only those that do so
    #[arg(long, value_parser = ["up", "degraded", "down"])]
    status: Option<String>,
}

impl Wanted {
    fn status(&self) -> Option<PathStatus> {
        self.status.as_deref().map(|status| match status {
            "up" => PathStatus::Up,
            "degraded" => PathStatus::Degraded,
            _ => PathStatus::Down,
        })
    }
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List(wanted) => {
            let client = app.client()?;
            let paths = app.run(listed::all(&client, &wanted))?;
            complete::remember(app, "paths", paths.iter().map(Object::name));
            app.out.list(paths, false)
        }
        Command::Get { paths } => {
            let (wanted, as_list) = references_of(&paths)?;
            let client = app.client()?;
            let found = app.run(async {
                let mut found = Vec::new();
                for path in &wanted {
                    found.push(listed::one(&client, path).await?);
                }
                Ok(found)
            })?;
            show(app, &found, as_list)
        }
        Command::Health(args) => health::run(app, &args),
        Command::Why(args) => why::run(app, &args),
        Command::Watch(wanted) => watch::run(app, &wanted),
    }
}

/// Ids are references as of any kind; the form with two sites is not.
fn references_of(typed: &[String]) -> Result<(Vec<String>, bool)> {
    match typed.iter().any(|text| text == "-") {
        true => references(Listed::KIND, typed),
        false => Ok((typed.to_vec(), typed.len() != 1)),
    }
}
