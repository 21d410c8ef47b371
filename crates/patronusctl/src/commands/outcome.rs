//! What became of a version on a site, in words.

use patronus_types::api::agent::{Outcome, OutcomeKind, Steps, Timings};
use patronus_types::site::{Site, SyncState};

use super::status::word;
use crate::output::{Cell, Tone};

/// How it ended.
pub fn result(outcome: &Outcome) -> Cell {
    let tone = match outcome.result {
        OutcomeKind::Applied => Tone::Good,
        OutcomeKind::Reverted => Tone::Warn,
        OutcomeKind::Refused | OutcomeKind::Failed => Tone::Bad,
    };
    Cell::toned(word(&outcome.result), tone)
}

/// Where it ended; nothing where the agent did not tell.
pub fn step(outcome: &Outcome) -> String {
    outcome.step.as_ref().map(word).unwrap_or_default()
}

/// How long it took.
pub fn took(outcome: &Outcome) -> String {
    format!("{} ms", outcome.duration_ms)
}

/// What was done to tunnels and peers, and whether it is still so.
pub fn done(outcome: &Outcome) -> String {
    match outcome.result {
        OutcomeKind::Applied => counted(&outcome.steps),
        OutcomeKind::Refused => "nothing was touched".to_owned(),
        OutcomeKind::Failed | OutcomeKind::Reverted => touched(&outcome.steps),
    }
}

/// What comes next where a site did not come to run what it should, and what a person can do; nothing where all is well.
pub fn next(site: &Site) -> Vec<String> {
    let failed = site.sync == SyncState::Failed && site.stands_still().is_none();
    let Some(outcome) = site.last_outcome.as_ref().filter(|_| failed) else { return Vec::new() };
    let name = &site.spec.name;
    let first = match outcome.result {
        _ if site.has_condemned() => format!(
            "{name} has marked this content bad ({}) and refuses it under any version: publish something else",
            outcome.digest.short()
        ),
        OutcomeKind::Refused => format!("{name} does not look at it again: publish something else"),
        _ => {
            return vec![format!(
                "{name} tries it again by itself, later and later: nothing says that the content is at fault"
            )];
        }
    };
    let retry = format!("or have {name} try the same once more, there: patronus-agent retry");
    vec![first, retry, format!("what is wrong there now, on {name}: patronus-agent status")]
}

/// All counts.
pub fn counted(steps: &Steps) -> String {
    let Steps { kept, changed, restarted, created, removed } = steps;
    format!("{kept} kept, {changed} changed, {restarted} restarted, {created} created, {removed} removed")
}

/// What had been done and did not stay, less what was kept anyway; what goes is only removed once all is proven.
fn touched(steps: &Steps) -> String {
    let Steps { changed, restarted, created, .. } = *steps;
    let counts = [(changed, "changed"), (restarted, "restarted"), (created, "created")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    match counts.collect::<Vec<_>>().join(", ") {
        nothing if nothing.is_empty() => "nothing of it is left".to_owned(),
        counts => format!("undone: {counts}"),
    }
}

/// How long each part took, of those that happened.
pub fn timings(outcome: &Outcome) -> String {
    let Timings { fetched_ms, verified_ms, staged_ms, measured_ms, changed_ms, proven_ms, cleaned_ms, undone_ms } =
        outcome.timings;
    let parts = [
        ("fetched", fetched_ms),
        ("verified", verified_ms),
        ("staged", staged_ms),
        ("measured", measured_ms),
        ("changed", changed_ms),
        ("proven", proven_ms),
        ("cleaned", cleaned_ms),
        ("undone", undone_ms),
    ];
    let told = parts.into_iter().filter_map(|(part, ms)| Some(format!("{part} {} ms", ms?)));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(result: &str, changed: u32, created: u32) -> String {
        let steps = json!({"kept": 3, "changed": changed, "restarted": 0, "created": created, "removed": 1});
        let outcome = json!({
            "version": 2, "digest": "a".repeat(64), "result": result, "reason": null, "steps": steps, "duration_ms": 1,
            "at": "2026-01-03T00:00:00Z"
        });
        done(&serde_json::from_value(outcome).unwrap())
    }

    #[test]
    fn what_was_undone_is_not_said_to_have_been_done() {
        assert_eq!(said("applied", 1, 2), "3 kept, 1 changed, 0 restarted, 2 created, 1 removed");
        assert_eq!(said("reverted", 1, 2), "undone: 1 changed, 2 created");
        assert_eq!(said("failed", 0, 0), "nothing of it is left");
        assert_eq!(said("refused", 0, 0), "nothing was touched");
    }
}
