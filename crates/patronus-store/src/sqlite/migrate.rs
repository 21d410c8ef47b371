//! Bringing a data file's schema up to date.
//!
//! Each migration is a file whose number, name and SHA-256 are kept in the data file, so that a file made by a newer or
//! another program is refused instead of misread. All missing ones run in one transaction. A file that had a schema
//! before is copied first, to `<file>.before-<number>`.

use std::path::{Path, PathBuf};

use patronus_types::{Digest, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::codec::{Ms, Sha};
use super::open::{OpenError, beside, open_private};

/// One step of the schema.
pub(super) struct Migration {
    /// Counted from 1 without gaps.
    pub number: u32,
    /// What it does, for people.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// All steps, in order.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "foundation", sql: include_str!("migrations/0001_foundation.sql") },
    Migration { number: 2, name: "owner", sql: include_str!("migrations/0002_owner.sql") },
    Migration { number: 3, name: "site_mode", sql: include_str!("migrations/0003_site_mode.sql") },
    Migration { number: 4, name: "rotations", sql: include_str!("migrations/0004_rotations.sql") },
    Migration { number: 5, name: "terms", sql: include_str!("migrations/0005_terms.sql") },
    Migration { number: 6, name: "policies", sql: include_str!("migrations/0006_policies.sql") },
    Migration { number: 7, name: "paths", sql: include_str!("migrations/0007_paths.sql") },
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT";

impl Migration {
    fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.sql).into())
    }
}

/// Runs what is missing; answers the backup's path if one was made.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    steps: &[Migration],
    now: Timestamp,
) -> Result<Option<PathBuf>, OpenError> {
    let trouble = |error| OpenError::Database { path: path.to_owned(), error };
    connection.execute_batch(LEDGER).map_err(trouble)?;
    let applied = check(connection, path, steps)?;
    let missing: Vec<&Migration> = steps.iter().filter(|step| step.number > applied).collect();
    let Some(first) = missing.first() else { return Ok(None) };
    let backup = if applied > 0 { Some(back_up(connection, path, first.number)?) } else { None };
    run(connection, &missing, now).map_err(trouble)?;
    Ok(backup)
}

/// The newest migration in the file, if all of them are the ones known here.
fn check(connection: &Connection, path: &Path, steps: &[Migration]) -> Result<u32, OpenError> {
    let trouble = |error| OpenError::Database { path: path.to_owned(), error };
    let newest: Option<u32> =
        connection.query_row("SELECT max(number) FROM migrations", [], |row| row.get(0)).map_err(trouble)?;
    let known = steps.last().map_or(0, |step| step.number);
    let found = newest.unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    for step in steps.iter().filter(|step| step.number <= found) {
        // As plain bytes: a damaged digest is a foreign one, not a failure of SQLite's.
        let kept: Option<Vec<u8>> = connection
            .query_row("SELECT sha256 FROM migrations WHERE number = ?1", [step.number], |row| row.get(0))
            .optional()
            .map_err(trouble)?;
        if kept.is_none_or(|digest| digest != step.digest().0) {
            return Err(OpenError::Foreign { path: path.to_owned(), number: step.number });
        }
    }
    Ok(found)
}

/// Copies the file as it is now. A copy left by an attempt that failed is replaced.
fn back_up(connection: &Connection, path: &Path, before: u32) -> Result<PathBuf, OpenError> {
    let target = beside(path, &format!(".before-{before}"));
    let io = |error| OpenError::Io { path: target.clone(), error };
    // SQLite writes into an empty file that exists, so the copy is never readable by others.
    let file = open_private(&target).map_err(io)?;
    file.set_len(0).map_err(io)?;
    connection
        .execute("VACUUM INTO ?1", [target.to_string_lossy()])
        .map_err(|error| OpenError::Database { path: target.clone(), error })?;
    file.sync_all().map_err(io)?;
    Ok(target)
}

fn run(connection: &mut Connection, steps: &[&Migration], now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in steps {
        transaction.execute_batch(step.sql)?;
        transaction.execute(
            "INSERT INTO migrations (number, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)",
            params![step.number, step.name, Sha(step.digest()), Ms(now)],
        )?;
    }
    transaction.commit()
}
