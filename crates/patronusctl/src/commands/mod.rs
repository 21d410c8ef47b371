//! One file per noun: its arguments and what each verb does.

pub mod apply;
pub mod bundle;
pub mod completions;
pub mod context;
pub mod event;
pub mod help;
pub mod login;
pub mod logout;
pub mod man;
pub mod network;
pub mod path;
pub mod policy;
pub mod site;
pub mod status;
pub mod token;
pub mod version;
pub mod whoami;

mod changes;
mod fields;
mod names;
mod outcome;

use std::io::BufRead as _;

use crate::app::App;
use crate::cli::reference;
use crate::error::{CliError, Exit, Result};
use crate::output::Object;

/// The references that were typed; `-` reads them from stdin, one a line. Tells whether they are to be shown as a list.
fn references(kind: &str, typed: &[String]) -> Result<(Vec<String>, bool)> {
    let as_list = typed.len() != 1 || typed[0] == "-";
    let mut found = Vec::new();
    for text in typed {
        if text != "-" {
            found.push(parse(kind, text)?);
            continue;
        }
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| CliError::new(Exit::Local, "stdin cannot be read").cause(error))?;
            if !line.trim().is_empty() {
                found.push(parse(kind, line.trim())?);
            }
        }
    }
    if found.is_empty() {
        return Err(CliError::usage(format!("no {kind} is named")).help("stdin was empty: nothing is not everything"));
    }
    Ok((found, as_list))
}

fn parse(kind: &str, text: &str) -> Result<String> {
    reference(kind, text).map(|it| it.to_string()).map_err(CliError::usage)
}

/// Shows what was named: one object alone, or a list.
fn show<T: Object>(app: &App, found: &[T], as_list: bool) -> Result {
    match found {
        [one] if !as_list => app.out.object(one),
        several => app.out.objects(several),
    }
}

/// Does the same with each of what was named, also after one of them failed.
fn each(app: &App, wanted: &[String], act: impl AsyncFn(&str) -> Result) -> Result {
    let mut partial = Partial::default();
    app.run(async {
        for name in wanted {
            partial.add(act(name).await);
        }
        Ok(())
    })?;
    partial.end()
}

/// Collects what went wrong with single items of several.
#[derive(Default)]
struct Partial {
    done: usize,
    failed: Vec<CliError>,
}

impl Partial {
    fn add(&mut self, outcome: Result) {
        match outcome {
            Ok(()) => self.done += 1,
            Err(error) => self.failed.push(error),
        }
    }

    /// One failure of one item is that failure; of several items, a partial one.
    fn end(mut self) -> Result {
        let total = self.done + self.failed.len();
        match (self.failed.len(), total) {
            (0, _) => Ok(()),
            (1, 1) => Err(self.failed.remove(0)),
            (failed, _) => {
                let faults = self.failed.into_iter().map(|error| crate::error::Fault {
                    place: error.object().unwrap_or_default(),
                    what: error.what.clone(),
                    excerpt: None,
                });
                Err(CliError::new(Exit::Partial, format!("{failed} of {total} failed")).faults(faults.collect()))
            }
        }
    }
}
