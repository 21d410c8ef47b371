//! Manifests, applied in one transaction.

use std::path::PathBuf;

use clap::ValueHint;
use patronus_types::api::apply::{Applied, ApplyResponse};
use patronus_types::api::releases::Change;

use crate::app::App;
use crate::error::{CliError, Exit, Result};
use crate::manifest::{Document, read};
use crate::output::Format;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, a folder, or - for stdin; may be given several times
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
    files: Vec<PathBuf>,
}

/// Runs it.
pub fn run(app: &App, args: Args) -> Result {
    let documents = read(&args.files)?;
    let client = app.client()?;
    let manifests = documents.iter().map(|document| document.manifest.clone()).collect();
    let outcome = app.run(async { Ok(client.apply().documents(manifests, &app.mode.write()).await?) });
    let response = outcome.map_err(|error| placed(error, &documents))?;
    response.warnings.iter().for_each(|warning| app.out.notice(&format!("warning: {warning}")));
    match app.out.view.format {
        Format::Name => app.out.write(&lines(&response, |it| format!("{}/{}", it.kind, it.name))),
        _ => app.out.value(&response, || page(&response, app.mode.dry_run)),
    }
}

/// Points the server's faults (`documents.3.uplinks.0.name`) to the documents they came from.
fn placed(mut error: CliError, documents: &[Document]) -> CliError {
    if error.exit != Exit::Invalid && error.exit != Exit::Conflict {
        return error;
    }
    for fault in &mut error.faults {
        let Some(rest) = fault.place.strip_prefix("documents.") else { continue };
        let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
        let Some(document) = index.parse::<usize>().ok().and_then(|index| documents.get(index)) else { continue };
        *fault = document.fault(field, &fault.what);
    }
    error
}

fn lines(response: &ApplyResponse, line: impl Fn(&Applied) -> String) -> String {
    response.results.iter().map(|it| line(it) + "\n").collect()
}

fn page(response: &ApplyResponse, dry_run: bool) -> String {
    let line = |it: &Applied| {
        let (mark, word) = match it.change {
            Change::Created => ("+", "created"),
            Change::Updated => ("~", "updated"),
            Change::Deleted => ("-", "deleted"),
            Change::Unchanged => ("=", "unchanged"),
        };
        let fields = if it.fields.is_empty() || it.change != Change::Updated {
            String::new()
        } else {
            format!(": {}", it.fields.join(", "))
        };
        format!("{mark} {} {} {word}{fields}", it.kind, it.name)
    };
    let count = |change| response.results.iter().filter(|it| it.change == change).count();
    let suffix = if dry_run { " (dry run)" } else { "" };
    format!(
        "{}{} created, {} updated, {} unchanged{suffix}\n",
        lines(response, line),
        count(Change::Created),
        count(Change::Updated),
        count(Change::Unchanged)
    )
}
