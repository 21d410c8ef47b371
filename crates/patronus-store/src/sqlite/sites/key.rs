//! Public keys: each is one site's in the whole tenant, since a peer is known by its key alone.

use std::collections::BTreeSet;

use patronus_types::{PublicKey, SiteId};
use rusqlite::params;

use crate::StoreError;
use crate::sqlite::codec::{Ms, Text, joined};
use crate::sqlite::failure::{Failure, Outcome};
use crate::sqlite::unit::Unit;

/// Gives a site its keys, by uplink index, in place of those it had: its first set.
pub(super) fn set(unit: &Unit<'_>, site: SiteId, keys: &[PublicKey]) -> Outcome<()> {
    unit.execute("DELETE FROM site_keys WHERE site_id = ?1", [Text(site)])?;
    hold(unit, site, keys, 1)
}

/// Gives a site another set of keys. The old ones stay its own until [`forget_old`].
pub(in crate::sqlite) fn replace(unit: &Unit<'_>, site: SiteId, keys: &[PublicKey], number: u32) -> Outcome<()> {
    hold(unit, site, keys, number)?;
    unit.execute("UPDATE sites SET version = version + 1 WHERE id = ?1", [Text(site)])?;
    Ok(())
}

/// Takes over the keys that a site's agent has, in place of those that it cannot use. They count as the same set.
pub(in crate::sqlite) fn adopt(unit: &Unit<'_>, site: SiteId, keys: &[PublicKey], number: u32) -> Outcome<()> {
    unit.execute("DELETE FROM site_keys WHERE site_id = ?1", [Text(site)])?;
    replace(unit, site, keys, number)
}

/// Lets go of the keys that a site had before those it has.
pub(in crate::sqlite) fn forget_old(unit: &Unit<'_>, site: SiteId) -> Outcome<()> {
    unit.execute(
        "DELETE FROM site_keys WHERE site_id = ?1 AND instr(
            (SELECT ' ' || public_keys || ' ' FROM sites WHERE id = ?1), ' ' || public_key || ' ') = 0",
        [Text(site)],
    )?;
    Ok(())
}

fn hold(unit: &Unit<'_>, site: SiteId, keys: &[PublicKey], number: u32) -> Outcome<()> {
    if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
        return Err(StoreError::Exists("each uplink needs a key of its own: one is given twice".to_owned()).into());
    }
    for key in keys {
        refuse_taken(unit, key)?;
        refuse_spare_of_another(unit, site, key)?;
        unit.execute(
            "INSERT INTO site_keys (tenant_id, public_key, site_id) VALUES (?1, ?2, ?3)",
            params![Text(unit.tenant()), Text(key), Text(site)],
        )?;
    }
    unit.execute(
        "UPDATE sites SET public_keys = ?2, key_number = ?3, keys_since = ?4 WHERE id = ?1",
        params![Text(site), joined(keys), number, Ms(unit.now())],
    )?;
    Ok(())
}

/// Refuses a key for a site's spare tunnel that is another's: others would refuse their bundles for it.
pub(super) fn refuse_spare(unit: &Unit<'_>, site: SiteId, key: &PublicKey) -> Outcome<()> {
    refuse_taken(unit, key)?;
    refuse_spare_of_another(unit, site, key)
}

fn refuse_spare_of_another(unit: &Unit<'_>, site: SiteId, key: &PublicKey) -> Outcome<()> {
    let owner: Option<String> = unit.row(
        "SELECT name FROM sites WHERE tenant_id = ?1 AND id <> ?2 AND json_extract(last_report, '$.spare_key') = ?3",
        params![Text(unit.tenant()), Text(site), Text(key)],
        |row| row.get(0),
    )?;
    owner.map_or(Ok(()), |name| Err(taken(key, &name)))
}

fn taken(key: &PublicKey, name: &str) -> Failure {
    StoreError::Exists(format!("the public key {key} is site `{name}`'s: make another")).into()
}

fn refuse_taken(unit: &Unit<'_>, key: &PublicKey) -> Outcome<()> {
    let owner: Option<String> = unit.row(
        "SELECT s.name FROM site_keys k JOIN sites s ON s.id = k.site_id WHERE k.tenant_id = ?1 AND k.public_key = ?2",
        params![Text(unit.tenant()), Text(key)],
        |row| row.get(0),
    )?;
    owner.map_or(Ok(()), |name| Err(taken(key, &name)))
}
