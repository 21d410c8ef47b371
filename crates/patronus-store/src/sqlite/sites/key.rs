//! Public keys: each is one site's in the whole tenant, since a peer is known by its key alone.

use std::collections::BTreeSet;

use patronus_types::{PublicKey, SiteId};
use rusqlite::params;

use crate::StoreError;
use crate::sqlite::codec::{Text, joined};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::Unit;

/// Gives a site its keys, by uplink index, in place of those it had.
pub(super) fn set(unit: &Unit<'_>, site: SiteId, keys: &[PublicKey]) -> Outcome<()> {
    if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
        return Err(StoreError::Exists("each uplink needs a key of its own: one is given twice".to_owned()).into());
    }
    unit.execute("DELETE FROM site_keys WHERE site_id = ?1", [Text(site)])?;
    for key in keys {
        refuse_foreign(unit, key)?;
        unit.execute(
            "INSERT INTO site_keys (tenant_id, public_key, site_id) VALUES (?1, ?2, ?3)",
            params![Text(unit.tenant()), Text(key), Text(site)],
        )?;
    }
    unit.execute("UPDATE sites SET public_keys = ?2 WHERE id = ?1", params![Text(site), joined(keys)])?;
    Ok(())
}

fn refuse_foreign(unit: &Unit<'_>, key: &PublicKey) -> Outcome<()> {
    let owner: Option<String> = unit.row(
        "SELECT s.name FROM site_keys k JOIN sites s ON s.id = k.site_id WHERE k.tenant_id = ?1 AND k.public_key = ?2",
        params![Text(unit.tenant()), Text(key)],
        |row| row.get(0),
    )?;
    match owner {
        Some(name) => Err(StoreError::Exists(format!("the public key {key} is site `{name}`'s: make another")).into()),
        None => Ok(()),
    }
}
