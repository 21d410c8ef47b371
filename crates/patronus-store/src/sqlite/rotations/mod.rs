//! The replacing of sites' keys.

mod row;
mod step;

use std::collections::BTreeSet;

use patronus_types::event::Severity;
use patronus_types::rotation::Phase;
use patronus_types::site::Site;
use patronus_types::{Name, NetworkId, SiteId};
use rusqlite::params;

pub(super) use self::row::{NEW_KEYS, of_network, read_new_keys};
pub(super) use self::step::released;
use super::codec::{Json, Ms, Text, Word};
use super::failure::Outcome;
use super::unit::{Draft, Unit, not_found, rows};
use super::{SqliteStore, networks, sites};
use crate::{Begun, Change, Duty, NewRotation, Result, RotationRecord, Rotations, StoreError, Write};

#[async_trait::async_trait]
impl Rotations for SqliteStore {
    async fn start_rotation(&self, write: &Write, new: NewRotation) -> Result<Begun> {
        self.write(write, move |unit| start(unit, &new)).await
    }

    async fn go_on_without(
        &self,
        write: &Write,
        network: NetworkId,
        without: BTreeSet<SiteId>,
    ) -> Result<RotationRecord> {
        self.write(write, move |unit| go_on_without(unit, network, &without)).await
    }

    async fn cancel_rotation(&self, write: &Write, site: SiteId) -> Result<()> {
        self.write(write, move |unit| cancel(unit, site)).await
    }

    async fn rotation(&self, network: NetworkId) -> Result<Option<RotationRecord>> {
        self.readers.short(|connection| of_network(connection, network))
    }

    async fn rotation_duties(&self) -> Result<Vec<Duty>> {
        let sql = "SELECT tenant_id, id FROM networks n
            WHERE EXISTS (SELECT 1 FROM rotations WHERE network_id = n.id)
                OR json_extract(spec, '$.rotate_keys_days') IS NOT NULL";
        self.readers.short(|connection| rows(connection, sql, [], row::duty))
    }
}

fn start(unit: &mut Unit<'_>, new: &NewRotation) -> Outcome<Begun> {
    let site = sites::load(unit, new.site)?;
    if !new.by_age {
        adopt(unit, &site)?;
    }
    if let Some(rotation) = of_network(unit.connection, site.network_id)? {
        if rotation.site == site.id {
            return Ok(Begun { rotation, started: false });
        }
        give_way(unit, &site.spec.name, &rotation)?;
    }
    let number: u32 = unit
        .row("SELECT key_number + 1 FROM sites WHERE id = ?1", [Text(site.id)], |row| row.get(0))?
        .ok_or_else(|| not_found("site", site.id))?;
    unit.execute(
        "INSERT INTO rotations (network_id, tenant_id, site_id, phase, number, without, by_age, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            Text(site.network_id),
            Text(unit.tenant()),
            Text(site.id),
            Word(Phase::Keys),
            number,
            Json(&new.without),
            new.by_age,
            Ms(unit.now()),
        ],
    )?;
    unit.changes.extend([Change::NewKeys { site: site.id, number: Some(number) }, Change::Rotations]);
    let why = if new.by_age { ", because of their age" } else { "" };
    let message = format!("the keys of site `{}` are being replaced{why}", site.spec.name);
    let details = serde_json::json!({"number": number, "by_age": new.by_age, "without": new.without});
    tell(unit, &site, Draft::info("site.rotation-started", message).details(details))?;
    Ok(Begun { rotation: load(unit, site.network_id)?, started: true })
}

/// Takes over the keys that a site's agent reports, where it cannot use those that stand here. Only on an operator's word.
fn adopt(unit: &mut Unit<'_>, site: &Site) -> Outcome<()> {
    let records = rows(unit.connection, sites::RECORDS, [Text(site.network_id)], sites::read_record)?;
    let record = records.iter().find(|record| record.id == site.id);
    let Some((record, keys)) = record.and_then(|record| Some((record, record.other_keys()?))) else { return Ok(()) };
    sites::adopt_keys(unit, site.id, keys, record.keys.number)?;
    networks::grown(unit, site.network_id)?;
    let message = format!("the keys that the agent of site `{}` has were taken over from it", site.spec.name);
    let details = serde_json::json!({"before": record.public_keys, "public_keys": keys});
    tell(unit, site, Draft::info("site.keys-adopted", message).severity(Severity::Warning).details(details))
}

/// An operator's request comes before one that the server makes by itself, as long as nothing was released for that.
fn give_way(unit: &mut Unit<'_>, wanted: &Name, running: &RotationRecord) -> Outcome<()> {
    let other = sites::load(unit, running.site)?;
    if running.by_age && running.phase == Phase::Keys {
        return end_of(unit, &other, &format!("site `{wanted}` was asked for meanwhile"));
    }
    let name = &other.spec.name;
    let message = format!(
        "the keys of site `{name}` are being replaced, and of a network one site's are at a time: see who holds it open \
         with `patronusctl site describe {name}`"
    );
    Err(StoreError::Conflict(message).into())
}

fn go_on_without(unit: &mut Unit<'_>, network: NetworkId, without: &BTreeSet<SiteId>) -> Outcome<RotationRecord> {
    let rotation = load(unit, network)?;
    let site = sites::load(unit, rotation.site)?;
    let all: BTreeSet<SiteId> = rotation.without.union(without).copied().collect();
    unit.execute("UPDATE rotations SET without = ?2 WHERE network_id = ?1", params![Text(network), Json(&all)])?;
    unit.changes.push(Change::Rotations);
    let mut names = Vec::new();
    for id in without {
        names.push(sites::load(unit, *id)?.spec.name.to_string());
    }
    let message =
        format!("the replacing of the keys of site `{}` goes on without: {}", site.spec.name, names.join(", "));
    let draft = Draft::info("site.rotation-forced", message).severity(Severity::Warning);
    tell(unit, &site, draft.details(serde_json::json!({"without": names})))?;
    load(unit, network)
}

fn cancel(unit: &mut Unit<'_>, id: SiteId) -> Outcome<()> {
    let site = sites::load(unit, id)?;
    let found = of_network(unit.connection, site.network_id)?.filter(|rotation| rotation.site == id);
    match found.map(|rotation| rotation.phase) {
        Some(Phase::Keys) => end_of(unit, &site, "it was given up"),
        Some(_) => {
            Err(StoreError::Conflict("the replacing of keys has moved on meanwhile: try again".to_owned()).into())
        }
        None => Err(none_of(&site).into()),
    }
}

/// Ends a site's rotation, if it has one, without a release.
pub(super) fn end_of(unit: &mut Unit<'_>, site: &Site, why: &str) -> Outcome<()> {
    if unit.execute("DELETE FROM rotations WHERE site_id = ?1", [Text(site.id)])? == 0 {
        return Ok(());
    }
    unit.changes.extend([Change::NewKeys { site: site.id, number: None }, Change::Rotations]);
    let message = format!("the replacing of the keys of site `{}` ended early: {why}", site.spec.name);
    tell(unit, site, Draft::info("site.rotation-cancelled", message).severity(Severity::Warning))
}

/// Notes that an agent of a network was heard, if anything may have waited for it.
pub(super) fn reported(unit: &mut Unit<'_>, network: NetworkId) -> Outcome<()> {
    let waits = unit.row("SELECT 1 FROM rotations WHERE network_id = ?1", [Text(network)], |_| Ok(()))?;
    unit.changes.extend(waits.map(|()| Change::Rotations));
    Ok(())
}

fn load(unit: &Unit<'_>, network: NetworkId) -> Outcome<RotationRecord> {
    Ok(of_network(unit.connection, network)?.ok_or_else(|| not_found("rotation", network))?)
}

fn none_of(site: &Site) -> StoreError {
    StoreError::Conflict(format!("the keys of site `{}` are not being replaced", site.spec.name))
}

fn tell(unit: &mut Unit<'_>, site: &Site, draft: Draft) -> Outcome<()> {
    unit.event(draft.about("site", site.id, &site.spec.name).within(site.network_id))
}
