//! Networks: what is declared, how often it changed, and whether a release holds it.

mod apply;
mod compile;
mod host;
mod row;

use patronus_types::network::{Network, NetworkSpec};
use patronus_types::{NetworkId, Ref, TenantId};
use rusqlite::params;

pub(super) use self::host::{free, take};
pub(super) use self::row::{find, grown};
use super::SqliteStore;
use super::codec::{Json, Ms, Text};
use super::failure::Outcome;
use super::page;
use super::unit::{Draft, Unit, not_found, row as one};
use crate::{Applied, ApplyOp, Change, NetworkRecord, Networks, NewNetwork, Page, Paged, Result, StoreError, Write};

#[async_trait::async_trait]
impl Networks for SqliteStore {
    async fn create_network(&self, write: &Write, new: NewNetwork) -> Result<Network> {
        self.write(write, move |unit| create(unit, &new)).await
    }

    async fn network(&self, tenant: TenantId, reference: &Ref) -> Result<Network> {
        let sql = match reference {
            Ref::Id(_) => concat!(row::select!(), " WHERE n.tenant_id = ?1 AND n.id = ?2"),
            Ref::Name(_) => concat!(row::select!(), " WHERE n.tenant_id = ?1 AND n.name = ?2"),
        };
        let params = params![Text(tenant), Text(reference)];
        let found = self.readers.short(|connection| one(connection, sql, params, row::read))?;
        found.ok_or_else(|| not_found("network", reference))
    }

    async fn networks(&self, tenant: TenantId, page: Page) -> Result<Paged<Network>> {
        self.readers.short(|connection| {
            let (after, _) = page::named_place(&page)?;
            page::read(
                connection,
                &page,
                (
                    concat!(row::select!(), " WHERE n.tenant_id = ?1 AND n.name > ?2 ORDER BY n.name LIMIT ?3"),
                    params![Text(tenant), after, page::fetch(&page)],
                ),
                ("SELECT count(*) FROM networks WHERE tenant_id = ?1", [Text(tenant)]),
                (row::read, |network| format!("{}:", network.spec.name)),
            )
        })
    }

    async fn update_network(&self, write: &Write, id: NetworkId, expected: u64, spec: NetworkSpec) -> Result<Network> {
        self.write(write, move |unit| update(unit, id, expected, &spec)).await
    }

    async fn delete_network(&self, write: &Write, id: NetworkId, expected: u64) -> Result<()> {
        self.write(write, move |unit| delete(unit, id, expected)).await
    }

    async fn compile_input(&self, tenant: TenantId, id: NetworkId) -> Result<NetworkRecord> {
        self.readers.long(move |connection| compile::input(connection, tenant, id)).await
    }

    async fn apply(&self, write: &Write, ops: Vec<ApplyOp>) -> Result<Vec<Applied>> {
        self.write(write, move |unit| apply::all(unit, &ops)).await
    }
}

fn create(unit: &mut Unit<'_>, new: &NewNetwork) -> Outcome<Network> {
    let NewNetwork { id, spec } = new;
    let id = *id;
    refuse_taken(unit, id, spec)?;
    unit.execute(
        "INSERT INTO networks (id, tenant_id, name, spec, version, generation, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, 1, 1, ?5, ?5)",
        params![Text(id), Text(unit.tenant()), Text(&spec.name), Json(spec), Ms(unit.now())],
    )?;
    unit.changes.push(Change::PollInterval { network: id, seconds: spec.poll_interval_s });
    let message = format!("network `{}` was created", spec.name);
    unit.event(Draft::info("network.created", message).about("network", id, &spec.name).within(id))?;
    find(unit, id)
}

fn update(unit: &mut Unit<'_>, id: NetworkId, expected: u64, spec: &NetworkSpec) -> Outcome<Network> {
    let before = at_version(find(unit, id)?, expected)?;
    refuse_taken(unit, id, spec)?;
    let moved = before.spec.range != spec.range || before.spec.range6 != spec.range6;
    if moved && before.sites > 0 {
        let message = format!(
            "network `{}` has {} sites with addresses from its range: delete them before you change it",
            before.spec.name, before.sites
        );
        return Err(StoreError::Conflict(message).into());
    }
    if moved {
        host::start_over(unit, id)?;
    }
    let growth = u64::from(compiles_differently(&before.spec, spec));
    unit.execute(
        "UPDATE networks SET name = ?2, spec = ?3, version = version + 1, generation = generation + ?4, updated_at = ?5
         WHERE id = ?1",
        params![Text(id), Text(&spec.name), Json(spec), growth, Ms(unit.now())],
    )?;
    if before.spec.poll_interval_s != spec.poll_interval_s {
        unit.changes.push(Change::PollInterval { network: id, seconds: spec.poll_interval_s });
    }
    if before.spec.rotate_keys_days != spec.rotate_keys_days {
        unit.changes.push(Change::Rotations);
    }
    let message = format!("network `{}` was changed", spec.name);
    unit.event(Draft::info("network.updated", message).about("network", id, &spec.name).within(id))?;
    find(unit, id)
}

fn delete(unit: &mut Unit<'_>, id: NetworkId, expected: u64) -> Outcome<()> {
    let before = at_version(find(unit, id)?, expected)?;
    if before.sites > 0 {
        let message = format!("network `{}` has {} sites: delete them first", before.spec.name, before.sites);
        return Err(StoreError::Conflict(message).into());
    }
    unit.execute("DELETE FROM networks WHERE id = ?1", [Text(id)])?;
    super::releases::forget_unused(unit)?;
    let message = format!("network `{}` was deleted", before.spec.name);
    unit.event(Draft::info("network.deleted", message).about("network", id, &before.spec.name).within(id))
}

fn refuse_taken(unit: &Unit<'_>, id: NetworkId, spec: &NetworkSpec) -> Outcome<()> {
    let taken = unit.row(
        "SELECT 1 FROM networks WHERE tenant_id = ?1 AND name = ?2 AND id <> ?3",
        params![Text(unit.tenant()), Text(&spec.name), Text(id)],
        |_| Ok(()),
    )?;
    match taken {
        Some(()) => Err(StoreError::Exists(format!("there is a network `{}` already", spec.name)).into()),
        None => Ok(()),
    }
}

fn at_version(network: Network, expected: u64) -> Outcome<Network> {
    if network.version == expected {
        return Ok(network);
    }
    Err(StoreError::Changed { current: network.version }.into())
}

/// The poll interval is told with every answer, and the age of keys is the server's own affair: neither is in a bundle.
fn compiles_differently(before: &NetworkSpec, after: &NetworkSpec) -> bool {
    let bundled = |spec: &NetworkSpec| NetworkSpec { poll_interval_s: 0, rotate_keys_days: None, ..spec.clone() };
    bundled(before) != bundled(after)
}
