//! What became of a version on a site, in words.

use patronus_types::api::agent::{Outcome, OutcomeKind, Timings};

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

/// What was done to tunnels and peers.
pub fn done(outcome: &Outcome) -> String {
    let steps = outcome.steps;
    format!(
        "{} kept, {} changed, {} restarted, {} created, {} removed",
        steps.kept, steps.changed, steps.restarted, steps.created, steps.removed
    )
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
