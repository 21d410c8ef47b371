//! A repeat of a request answers what the first one answered.
//!
//! The answer is kept together with the write it belongs to, so there is never one without the other. A request
//! that failed left nothing behind, so its repeat is simply tried again.

use jiff::SignedDuration;
use rusqlite::params;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{Json, Ms, Sha, Text};
use super::failure::Outcome;
use super::unit::Unit;
use crate::{Idempotency, StoreError};

/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Expired answers removed with each new one: more than one, so that their number falls.
const REMOVED_AT_ONCE: u32 = 8;

/// Does the work, or answers what it answered before under the same key.
pub(super) fn once<T: Serialize + DeserializeOwned>(
    unit: &mut Unit<'_>,
    work: impl FnOnce(&mut Unit<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let Some(key) = unit.write.idempotency.as_ref().filter(|_| !unit.write.dry_run) else {
        unmoved(unit)?;
        return work(unit);
    };
    if let Some(answer) = recall(unit, key)? {
        return Ok(answer);
    }
    unmoved(unit)?;
    let answer = work(unit)?;
    keep(unit, key, &answer)?;
    Ok(answer)
}

/// Refuses where a network that was looked at has moved on.
fn unmoved(unit: &Unit<'_>) -> Outcome<()> {
    for (network, generation) in &unit.write.seen {
        let sql = "SELECT generation FROM networks WHERE id = ?1";
        let now: Option<u64> = unit.row(sql, [Text(network)], |row| row.get(0))?;
        if now != Some(*generation) {
            return Err(StoreError::Moved.into());
        }
    }
    Ok(())
}

fn recall<T: DeserializeOwned>(unit: &Unit<'_>, key: &Idempotency) -> Outcome<Option<T>> {
    let found = unit.row(
        "SELECT body, answer FROM idempotency WHERE tenant_id = ?1 AND scope = ?2 AND key = ?3 AND created_at > ?4",
        params![Text(unit.tenant()), key.scope, key.key, Ms(unit.now() - KEPT)],
        |row| Ok((row.get::<_, Sha>(0)?, row.get::<_, String>(1)?)),
    )?;
    let Some((Sha(body), answer)) = found else { return Ok(None) };
    if body != key.body {
        return Err(StoreError::IdempotencyMismatch.into());
    }
    // The same key on another method with an equal body: its answer is of another shape.
    serde_json::from_str(&answer).map(Some).map_err(|_| StoreError::IdempotencyMismatch.into())
}

fn keep<T: Serialize>(unit: &Unit<'_>, key: &Idempotency, answer: &T) -> Outcome<()> {
    unit.execute(
        "DELETE FROM idempotency WHERE rowid IN
            (SELECT rowid FROM idempotency WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)",
        params![Ms(unit.now() - KEPT), REMOVED_AT_ONCE],
    )?;
    unit.execute(
        "INSERT INTO idempotency (tenant_id, scope, key, body, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (tenant_id, scope, key)
         DO UPDATE SET body = excluded.body, answer = excluded.answer, created_at = excluded.created_at",
        params![Text(unit.tenant()), key.scope, key.key, Sha(key.body), Json(answer), Ms(unit.now())],
    )?;
    Ok(())
}
