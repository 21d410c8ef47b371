//! Reading releases and what sites should run.

use patronus_types::NetworkId;
use patronus_types::api::agent::Desired;
use patronus_types::bundle::Bundle;
use patronus_types::release::Release;
use rusqlite::{Connection, Row, params};

use crate::sqlite::codec::{Columns, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::page;
use crate::sqlite::unit::{not_found, row};
use crate::{Change, Page, Paged};

/// The columns that [`release`] takes. What became of it is counted over the sites that it has bundles for.
macro_rules! select {
    () => {
        "SELECT r.id, r.network_id, r.version, r.kind, r.rollback_of, r.message, r.generation, r.sites,
            (SELECT count(*) FROM bundles b JOIN sites s ON s.id = b.site_id
             WHERE b.network_id = r.network_id AND b.version = r.version AND s.enrolled_at IS NOT NULL),
            r.pending, r.changed,
            (SELECT count(*) FROM bundles b JOIN sites s ON s.id = b.site_id
             WHERE b.network_id = r.network_id AND b.version = r.version AND s.running_version >= r.version),
            (SELECT count(*) FROM bundles b JOIN sites s ON s.id = b.site_id
             WHERE b.network_id = r.network_id AND b.version = r.version AND s.failed_version = r.version
                AND s.mode = 'apply'),
            (SELECT count(*) FROM bundles b JOIN sites s ON s.id = b.site_id
             WHERE b.network_id = r.network_id AND b.version = r.version AND s.enrolled_at IS NOT NULL
                AND coalesce(s.running_version, 0) < r.version
                AND (s.mode <> 'apply' OR json_extract(s.last_report, '$.halted.paused')
                    OR json_extract(s.last_report, '$.halted.left_version') >= r.version)),
            r.created_by, r.created_at, r.terms
         FROM releases r"
    };
}

/// The columns that [`bundle`] takes.
macro_rules! bundle_select {
    () => {
        "SELECT site_id, site, version, digest, size, source, signature, outcome FROM bundles"
    };
}
pub(super) use bundle_select;

/// What every site should run; nothing where nothing was released for it.
pub(in crate::sqlite) const DESIRED: &str = "SELECT s.id, b.version, b.digest, b.size, b.signature
    FROM sites s LEFT JOIN bundles b
        ON b.network_id = s.network_id AND b.version = s.desired_version AND b.site_id = s.id";

/// Reads a row of [`DESIRED`].
pub(in crate::sqlite) fn desired(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mut columns = Columns::new(row);
    let site = columns.text()?;
    let version: Option<u64> = columns.plain()?;
    let desired = match version {
        Some(version) => {
            let (digest, size) = (columns.digest()?, columns.plain()?);
            Some(Desired { version, digest, size, signatures: vec![columns.plain()?] })
        }
        None => None,
    };
    Ok(Change::Desired { site, desired })
}

/// One release, or the newest.
pub(super) fn one(connection: &Connection, network: NetworkId, version: Option<u64>) -> Outcome<Release> {
    let sql = concat!(
        select!(),
        " WHERE r.network_id = ?1 AND (?2 IS NULL OR r.version = ?2) ORDER BY r.version DESC LIMIT 1"
    );
    let found = row(connection, sql, params![Text(network), version], release)?;
    let what = || version.map_or_else(|| "newest".to_owned(), |version| version.to_string());
    Ok(found.ok_or_else(|| not_found("release", what()))?)
}

/// A page of a network's releases, newest first.
pub(super) fn list(connection: &Connection, network: NetworkId, page: &Page) -> Outcome<Paged<Release>> {
    let before: Option<u32> = page::place(page)?;
    page::read(
        connection,
        page,
        (
            concat!(
                select!(),
                " WHERE r.network_id = ?1 AND (?2 IS NULL OR r.version < ?2) ORDER BY r.version DESC LIMIT ?3"
            ),
            params![Text(network), before, page::fetch(page)],
        ),
        ("SELECT count(*) FROM releases WHERE network_id = ?1", [Text(network)]),
        (release, |release| release.version.to_string()),
    )
}

fn release(row: &Row<'_>) -> rusqlite::Result<Release> {
    let mut columns = Columns::new(row);
    Ok(Release {
        id: columns.text()?,
        network_id: columns.text()?,
        version: columns.plain()?,
        kind: columns.word()?,
        rollback_of: columns.plain()?,
        message: columns.plain()?,
        generation: columns.plain()?,
        sites: columns.plain()?,
        agents: columns.plain()?,
        pending: columns.json()?,
        changed: columns.plain()?,
        applied: columns.plain()?,
        failed: columns.plain()?,
        held: columns.plain()?,
        created_by: columns.plain()?,
        created_at: columns.time()?,
        terms: columns.json()?,
    })
}

/// Reads what [`bundle_select`] selects.
pub(super) fn bundle(row: &Row<'_>) -> rusqlite::Result<Bundle> {
    let mut columns = Columns::new(row);
    Ok(Bundle {
        site_id: columns.text()?,
        site: columns.text()?,
        version: columns.plain()?,
        digest: columns.digest()?,
        size: columns.plain()?,
        source: columns.word()?,
        signature: columns.plain()?,
        outcome: columns.maybe_json()?,
    })
}
