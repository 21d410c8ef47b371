//! What sites do with the version they should run.

use patronus_types::SiteId;
use patronus_types::api::standing::SiteMode;
use patronus_types::event::Severity;
use patronus_types::site::Site;
use rusqlite::{Row, params};

use super::row;
use crate::Change;
use crate::sqlite::codec::{Columns, Ms, Text, Word};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Draft, Unit};

/// The sites that do not simply apply it.
pub(in crate::sqlite) const MODES: &str = "SELECT id, mode FROM sites WHERE mode <> 'apply'";

/// Reads a row of [`MODES`].
pub(in crate::sqlite) fn read(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mut columns = Columns::new(row);
    Ok(Change::Mode { site: columns.text()?, mode: columns.word()? })
}

/// Sets a site's mode.
pub(super) fn set(unit: &mut Unit<'_>, id: SiteId, mode: SiteMode) -> Outcome<Site> {
    let before = row::load(unit, id)?;
    if before.mode == mode {
        return Ok(before);
    }
    unit.execute(
        "UPDATE sites SET mode = ?2, version = version + 1, updated_at = ?3 WHERE id = ?1",
        params![Text(id), Word(mode), Ms(unit.now())],
    )?;
    unit.changes.push(Change::Mode { site: id, mode });
    let name = &before.spec.name;
    let (kind, severity, message) = match mode {
        SiteMode::Apply => ("site.unheld", Severity::Info, format!("site `{name}` applies what is published")),
        SiteMode::Hold => ("site.held", Severity::Warning, format!("site `{name}` is held: it keeps what it runs")),
        SiteMode::Shadow => (
            "site.shadowed",
            Severity::Warning,
            format!("site `{name}` is in shadow: it reports what it would do, and keeps what it runs"),
        ),
    };
    let draft = Draft::info(kind, message).severity(severity);
    unit.event(draft.about("site", id, name).within(before.network_id))?;
    row::load(unit, id)
}
