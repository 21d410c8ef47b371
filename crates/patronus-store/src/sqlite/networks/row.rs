//! A network's row.

use patronus_types::NetworkId;
use patronus_types::network::Network;
use rusqlite::{Row, params};

use crate::sqlite::codec::{Columns, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Unit, not_found};

/// The columns that [`read`] takes, from `networks n`.
macro_rules! select {
    () => {
        "SELECT n.id, n.tenant_id, n.spec, n.version, n.generation, n.released_version,
            n.generation IS NOT n.clean_generation
                AND (n.released_version IS NOT NULL OR EXISTS (SELECT 1 FROM sites WHERE network_id = n.id)),
            (SELECT count(*) FROM sites WHERE network_id = n.id), n.created_at, n.updated_at
         FROM networks n"
    };
}
pub(super) use select;

/// Reads what [`select`] selects.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Network> {
    let mut columns = Columns::new(row);
    Ok(Network {
        id: columns.text()?,
        tenant_id: columns.text()?,
        spec: columns.json()?,
        version: columns.plain()?,
        generation: columns.plain()?,
        released_version: columns.plain()?,
        dirty: columns.plain()?,
        sites: columns.plain()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

/// The network, if it is of the tenant written in.
pub(in crate::sqlite) fn find(unit: &Unit<'_>, id: NetworkId) -> Outcome<Network> {
    let sql = concat!(select!(), " WHERE n.tenant_id = ?1 AND n.id = ?2");
    let found = unit.row(sql, params![Text(unit.tenant()), Text(id)], read)?;
    Ok(found.ok_or_else(|| not_found("network", id))?)
}

/// Notes that something changed in what would be compiled.
pub(in crate::sqlite) fn grown(unit: &Unit<'_>, id: NetworkId) -> Outcome<()> {
    unit.execute("UPDATE networks SET generation = generation + 1 WHERE id = ?1", [Text(id)])?;
    Ok(())
}
