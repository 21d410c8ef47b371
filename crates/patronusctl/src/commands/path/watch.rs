//! `path watch`: a line for each thing that becomes of a path.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Wanted;
use super::listed::{Listed, all, used};
use crate::app::App;
use crate::error::{CliError, Exit, Result};
use crate::output::Object;

/// Sites report what becomes of a path within five seconds.
const EVERY: Duration = Duration::from_secs(5);

/// Watches until interrupted.
pub fn run(app: &App, wanted: &Wanted) -> Result {
    let client = app.client()?;
    app.run(async {
        let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
        let mut away = false;
        loop {
            match all(&client, wanted).await {
                Ok(paths) => {
                    if std::mem::take(&mut away) {
                        app.out.notice("the server answers again; what became of paths meanwhile follows");
                    }
                    tell(app, &mut known, paths)?;
                }
                // It is asked again: a watch outlives a restart of the server.
                Err(error) if matches!(error.exit, Exit::Unreachable | Exit::RateLimited) && !known.is_empty() => {
                    if !std::mem::replace(&mut away, true) {
                        app.out.notice(&format!("the server does not answer: {}", error.what));
                    }
                }
                Err(error) => return Err::<(), CliError>(error),
            }
            tokio::time::sleep(EVERY).await;
        }
    })
}

/// Tells what is other than before; of what was not known before, how it is.
fn tell(app: &App, known: &mut BTreeMap<String, (String, String)>, paths: Vec<Listed>) -> Result {
    let now: BTreeMap<String, (String, String)> = paths.iter().map(|path| (path.id(), gist(path))).collect();
    for path in &paths {
        if known.get(&path.id()) != now.get(&path.id()) {
            app.out.objects_line(path)?;
        }
    }
    for gone in known.keys().filter(|id| !now.contains_key(*id)) {
        app.out.notice(&format!("path {gone} is no more, or not as wanted any more"));
    }
    *known = now;
    Ok(())
}

/// What is worth a line when it changes.
fn gist(path: &Listed) -> (String, String) {
    let status = serde_json::to_string(&path.path.state.status).unwrap_or_default();
    (format!("{status} {}", path.path.stale), used(&path.path))
}
