//! A site as the compiler needs it.

use rusqlite::Row;

use crate::SiteRecord;
use crate::sqlite::codec::Columns;

/// All sites of a network, in order of id.
pub(in crate::sqlite) const RECORDS: &str = "SELECT id, spec, addresses, public_keys, port_base, source, left_at,
        json_extract(last_report, '$.undone'), mode, json_extract(last_report, '$.halted')
    FROM sites WHERE network_id = ?1 ORDER BY id";

/// Reads a row of [`RECORDS`].
pub(in crate::sqlite) fn read(row: &Row<'_>) -> rusqlite::Result<SiteRecord> {
    let mut columns = Columns::new(row);
    Ok(SiteRecord {
        id: columns.text()?,
        spec: columns.json()?,
        addresses: columns.texts()?,
        public_keys: columns.texts()?,
        port_base: columns.plain()?,
        source: columns.word()?,
        left_at: columns.maybe_time()?,
        undone: columns.maybe_json()?.unwrap_or_default(),
        mode: columns.word()?,
        halted: columns.maybe_json()?,
    })
}
