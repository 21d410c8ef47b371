//! What agents report.

use patronus_types::api::agent::{Outcome as Ended, OutcomeKind, Report};
use patronus_types::event::Severity;
use patronus_types::site::Site;
use rusqlite::params;

use super::{key, row};
use crate::sqlite::codec::{Json, Ms, Sha, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::rotations;
use crate::sqlite::unit::{Draft, Unit};
use crate::{SiteReport, StoreError};

/// So far above the newest release a version can be that an agent claims to have accepted: from before a backup was
/// restored. The next release is numbered above it, and agents refuse a version 10,000 above their own; so whoever has one
/// site's token must not get there, by one report or by many.
const GREATEST_JUMP: u64 = 1_000;

/// Keeps a report, unless a newer one was kept.
pub(super) fn keep(unit: &mut Unit<'_>, report: &SiteReport) -> Outcome<()> {
    let SiteReport { site, report } = report;
    refuse_uncountable(report)?;
    let before = row::load(unit, *site)?;
    let newest: Option<u64> =
        unit.row("SELECT report_seq FROM sites WHERE id = ?1", [Text(site)], |row| row.get(0))?.flatten();
    if newest.is_some_and(|newest| report.seq < newest) {
        return Ok(());
    }
    let known: Option<String> = unit
        .row("SELECT json_extract(last_report, '$.spare_key') FROM sites WHERE id = ?1", [Text(site)], |row| {
            row.get(0)
        })?
        .flatten();
    if let Some(key) = report.spare_key.filter(|key| known.is_none_or(|known| known != key.to_string())) {
        key::refuse_spare(unit, *site, &key)?;
    }
    let outcome = report.outcome.as_ref().or(before.last_outcome.as_ref());
    unit.execute(
        "UPDATE sites SET report_seq = ?2, agent_version = ?3, hostname = ?4, driver = ?5, running_version = ?6,
            last_outcome = ?7, failed_version = ?8, last_report = ?9,
            last_seen_at = max(coalesce(last_seen_at, 0), ?10)
         WHERE id = ?1",
        params![
            Text(site),
            report.seq,
            report.agent_version,
            report.hostname,
            report.driver,
            report.running.map(|running| running.version),
            outcome.map(Json),
            outcome.filter(|outcome| outcome.result != OutcomeKind::Applied).map(|outcome| outcome.version),
            Json(report),
            Ms(unit.now()),
        ],
    )?;
    rotations::reported(unit, before.network_id)?;
    unit.execute(
        "UPDATE networks SET accepted_version = max(accepted_version, ?2)
         WHERE id = ?1 AND ?2 <= coalesce(released_version, 0) + ?3",
        params![Text(before.network_id), report.highest_accepted, GREATEST_JUMP],
    )?;
    match &report.outcome {
        Some(outcome) if before.last_outcome.as_ref() != Some(outcome) => {
            note(unit, &before, outcome)?;
            tell(unit, &before, outcome)
        }
        _ => Ok(()),
    }
}

/// Beside the bundle that it is about, where it stays when the site has gone on.
fn note(unit: &Unit<'_>, site: &Site, outcome: &Ended) -> Outcome<()> {
    unit.execute(
        "UPDATE bundles SET outcome = ?4 WHERE network_id = ?1 AND version = ?2 AND site_id = ?3 AND digest = ?5",
        params![Text(site.network_id), outcome.version, Text(site.id), Json(outcome), Sha(outcome.digest)],
    )?;
    Ok(())
}

/// A number beyond 63 bits comes from no honest agent and fits no column.
fn refuse_uncountable(report: &Report) -> Outcome<()> {
    let running = report.running.map_or(0, |running| running.version);
    let ended = report.outcome.as_ref().map_or(0, |outcome| outcome.version);
    let greatest = report.seq.max(report.highest_accepted).max(running).max(ended);
    if i64::try_from(greatest).is_ok() {
        return Ok(());
    }
    Err(StoreError::Conflict("the report holds a number beyond 63 bits".to_owned()).into())
}

fn tell(unit: &mut Unit<'_>, site: &Site, outcome: &Ended) -> Outcome<()> {
    let (kind, severity, what) = match outcome.result {
        OutcomeKind::Applied => ("bundle.applied", Severity::Info, "runs"),
        OutcomeKind::Refused => ("bundle.refused", Severity::Error, "refused"),
        OutcomeKind::Failed => ("bundle.failed", Severity::Error, "could not apply"),
        OutcomeKind::Reverted => ("bundle.reverted", Severity::Warning, "went back from"),
    };
    let reason = outcome.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let message = format!("site `{}` {what} version {}{reason}", site.spec.name, outcome.version);
    let details = serde_json::to_value(outcome).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let draft = Draft::info(kind, message).severity(severity).details(details);
    unit.event(draft.about("site", site.id, &site.spec.name).within(site.network_id))
}
