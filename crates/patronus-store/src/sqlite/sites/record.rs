//! A site as the compiler needs it.

use rusqlite::Row;

use crate::sqlite::codec::Columns;
use crate::{SiteKeys, SiteRecord};

/// All sites of a network, in order of id.
pub(in crate::sqlite) const RECORDS: &str = "SELECT id, spec, addresses, public_keys, port_base, source, left_at,
        json_extract(last_report, '$.undone'), mode, json_extract(last_report, '$.halted'), key_number, keys_since, enrolled_at IS NOT NULL,
        desired_version IS NOT NULL, last_seen_at, running_version, last_outcome,
        -- What an agent that left has told holds no more.
        iif(left_at IS NULL, json_extract(last_report, '$.public_keys'), NULL),
        iif(left_at IS NULL, json_extract(last_report, '$.spare_key'), NULL),
        iif(left_at IS NULL, json_extract(last_report, '$.offered_keys'), NULL),
        json_extract(last_report, '$.waits_for')
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
        keys: keys(&mut columns)?,
    })
}

fn keys(columns: &mut Columns<'_>) -> rusqlite::Result<SiteKeys> {
    Ok(SiteKeys {
        number: columns.plain()?,
        since: columns.maybe_time()?,
        enrolled: columns.plain()?,
        released: columns.plain()?,
        last_seen_at: columns.maybe_time()?,
        running_version: columns.plain()?,
        last_outcome: columns.maybe_json()?,
        reported: columns.maybe_json()?.unwrap_or_default(),
        spare: columns.maybe_text()?,
        offered: columns.maybe_json()?,
        waits_for: columns.maybe_json()?.unwrap_or_default(),
    })
}
