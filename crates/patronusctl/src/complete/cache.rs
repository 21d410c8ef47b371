//! Names that were seen last, per context and network. Losing it costs nothing, so no failure is told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::config::{Paths, write_private};
use crate::settings::Target;

/// How long names are not asked for again.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// More names than anybody completes.
const MOST: usize = 2000;

#[derive(Default, Serialize, Deserialize)]
struct Names(BTreeMap<String, Seen>);

#[derive(Serialize, Deserialize)]
struct Seen {
    at: Timestamp,
    names: Vec<String>,
}

fn file(paths: &Paths, target: &Target) -> Option<PathBuf> {
    let context = target.context.as_deref()?;
    let network = target.scope.network.as_ref().map(|network| format!("-{network}")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !context.bytes().all(plain) {
        return None;
    }
    paths.names(&format!("{context}{network}"))
}

fn load(path: &std::path::Path) -> Names {
    let text = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// What was seen last, and whether it is fresh.
pub fn recall(paths: &Paths, target: &Target, what: &str, now: Timestamp) -> (Vec<String>, bool) {
    let seen = file(paths, target).and_then(|path| load(&path).0.remove(what));
    match seen {
        Some(seen) => (seen.names, seen.at.duration_until(now).abs() < FRESH),
        None => (Vec::new(), false),
    }
}

/// Keeps what was just fetched.
pub fn keep(paths: &Paths, target: &Target, what: &str, names: Vec<String>, now: Timestamp) {
    let Some(path) = file(paths, target) else { return };
    let mut known = load(&path);
    known.0.insert(what.to_owned(), Seen { at: now, names: names.into_iter().take(MOST).collect() });
    if let Ok(text) = serde_json::to_vec(&known) {
        let _ = write_private(&path, &text);
    }
}

/// Keeps what an ordinary command has listed anyway.
pub fn remember(app: &App, what: &str, names: impl Iterator<Item = String>) {
    if let Ok(target) = app.target() {
        keep(&app.paths, target, what, names.collect(), app.now());
    }
}
