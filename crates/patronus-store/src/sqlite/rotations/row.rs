//! A rotation's row.

use patronus_types::NetworkId;
use rusqlite::{Connection, Row};

use crate::sqlite::codec::{Columns, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::row as one;
use crate::{Change, Duty, RotationRecord};

/// Every site whose agent is to offer keys: until it has them.
pub(in crate::sqlite) const NEW_KEYS: &str = "SELECT site_id, number FROM rotations WHERE phase <> 'rekey'";

/// Reads a row of [`NEW_KEYS`].
pub(in crate::sqlite) fn read_new_keys(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mut columns = Columns::new(row);
    Ok(Change::NewKeys { site: columns.text()?, number: Some(columns.plain()?) })
}

/// The rotation of a network.
pub(in crate::sqlite) fn of_network(connection: &Connection, network: NetworkId) -> Outcome<Option<RotationRecord>> {
    let sql = "SELECT network_id, site_id, phase, number, version, without, by_age, started_at
        FROM rotations WHERE network_id = ?1";
    one(connection, sql, [Text(network)], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<RotationRecord> {
    let mut columns = Columns::new(row);
    Ok(RotationRecord {
        network: columns.text()?,
        site: columns.text()?,
        phase: columns.word()?,
        number: columns.plain()?,
        version: columns.plain()?,
        without: columns.json()?,
        by_age: columns.plain()?,
        started_at: columns.time()?,
    })
}

/// A tenant and its network.
pub(super) fn duty(row: &Row<'_>) -> rusqlite::Result<Duty> {
    let mut columns = Columns::new(row);
    Ok(Duty { tenant: columns.text()?, network: columns.text()? })
}
