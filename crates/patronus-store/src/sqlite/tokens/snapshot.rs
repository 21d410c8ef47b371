//! Everything the server keeps in memory, as the changes that would make it.

use patronus_types::network::NetworkSpec;
use rusqlite::{Connection, Row};

use super::principal;
use crate::Change;
use crate::sqlite::codec::{Columns, Json};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::rows;
use crate::sqlite::{releases, rotations, sites};

/// Reads it; the caller holds a read transaction.
pub(super) fn read(connection: &Connection) -> Outcome<Vec<Change>> {
    let mut all = rows(connection, principal::select!(), [], principal::read)?;
    all.extend(rows(connection, releases::DESIRED, [], releases::read_desired)?);
    all.extend(rows(connection, sites::MODES, [], sites::read_mode)?);
    all.extend(rows(connection, rotations::NEW_KEYS, [], rotations::read_new_keys)?);
    all.extend(rows(connection, "SELECT id, spec FROM networks", [], poll_interval)?);
    all.extend(rows(connection, "SELECT tenant_id, newest FROM event_counters", [], newest)?);
    Ok(all)
}

fn poll_interval(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mut columns = Columns::new(row);
    let network = columns.text()?;
    let Json(spec) = columns.plain::<Json<NetworkSpec>>()?;
    Ok(Change::PollInterval { network, seconds: spec.poll_interval_s })
}

fn newest(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mut columns = Columns::new(row);
    Ok(Change::Events { tenant: columns.text()?, newest: columns.plain()? })
}
