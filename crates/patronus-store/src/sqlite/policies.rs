//! Policies: what is declared, and how often it changed.

use patronus_types::policy::{Policy, PolicySpec};
use patronus_types::{NetworkId, PolicyId, Ref, TenantId};
use rusqlite::{Connection, Row, params};

use super::codec::{Columns, Json, Ms, Text};
use super::failure::Outcome;
use super::unit::{Draft, Unit, not_found, rows};
use super::{SqliteStore, networks, page};
use crate::{NewPolicy, Page, Paged, Policies, Result, StoreError, Write};

/// The columns that [`read`] takes.
macro_rules! select {
    () => {
        "SELECT id, network_id, spec, version, created_at, updated_at FROM policies"
    };
}

/// What is declared in a network, by name.
pub(super) const SPECS: &str = "SELECT spec FROM policies WHERE network_id = ?1 ORDER BY name";

#[async_trait::async_trait]
impl Policies for SqliteStore {
    async fn create_policy(&self, write: &Write, new: NewPolicy) -> Result<Policy> {
        self.write(write, move |unit| create(unit, &new)).await
    }

    async fn policy(&self, tenant: TenantId, network: Option<NetworkId>, reference: &Ref) -> Result<Policy> {
        self.readers.short(|connection| find(connection, tenant, network, reference))
    }

    async fn policies(&self, tenant: TenantId, network: Option<NetworkId>, page: Page) -> Result<Paged<Policy>> {
        let size = page.limit;
        self.readers.sized(size, move |connection| list(connection, tenant, network, &page)).await
    }

    async fn update_policy(&self, write: &Write, id: PolicyId, expected: u64, spec: PolicySpec) -> Result<Policy> {
        self.write(write, move |unit| update(unit, id, expected, &spec)).await
    }

    async fn delete_policy(&self, write: &Write, id: PolicyId, expected: u64) -> Result<()> {
        self.write(write, move |unit| delete(unit, id, expected)).await
    }
}

/// Reads what is declared.
pub(super) fn read_spec(row: &Row<'_>) -> rusqlite::Result<PolicySpec> {
    Columns::new(row).json()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Policy> {
    let mut columns = Columns::new(row);
    Ok(Policy {
        id: columns.text()?,
        network_id: columns.text()?,
        spec: columns.json()?,
        version: columns.plain()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn find(connection: &Connection, tenant: TenantId, network: Option<NetworkId>, reference: &Ref) -> Outcome<Policy> {
    let sql = match reference {
        Ref::Id(_) => concat!(select!(), " WHERE tenant_id = ?1 AND id = ?2 AND (?3 IS NULL OR network_id = ?3)"),
        Ref::Name(_) => concat!(select!(), " WHERE tenant_id = ?1 AND name = ?2 AND (?3 IS NULL OR network_id = ?3)"),
    };
    let mut found = rows(connection, sql, params![Text(tenant), Text(reference), network.map(Text)], read)?;
    match found.len() {
        0 => Err(not_found("policy", reference).into()),
        1 => Ok(found.remove(0)),
        _ => {
            let ids = found.iter().map(|policy| policy.id.into()).collect();
            Err(StoreError::Ambiguous { name: reference.to_string(), ids }.into())
        }
    }
}

fn list(connection: &Connection, tenant: TenantId, network: Option<NetworkId>, page: &Page) -> Outcome<Paged<Policy>> {
    macro_rules! filtered {
        () => {
            " WHERE tenant_id = ?1 AND (?2 IS NULL OR network_id = ?2)"
        };
    }
    let (name, id) = page::named_place(page)?;
    let network = network.map(Text);
    page::read(
        connection,
        page,
        (
            concat!(select!(), filtered!(), " AND (name, id) > (?3, ?4) ORDER BY name, id LIMIT ?5"),
            params![Text(tenant), network, name, id, page::fetch(page)],
        ),
        (concat!("SELECT count(*) FROM policies", filtered!()), params![Text(tenant), network]),
        (read, |policy| format!("{}:{}", policy.spec.name, policy.id)),
    )
}

/// Makes a policy.
pub(super) fn create(unit: &mut Unit<'_>, new: &NewPolicy) -> Outcome<Policy> {
    let NewPolicy { id, network, spec } = new;
    let (id, network) = (*id, networks::find(unit, *network)?);
    refuse_taken(unit, network.id, id, spec)?;
    unit.execute(
        "INSERT INTO policies (id, tenant_id, network_id, name, spec, version, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)",
        params![Text(id), Text(unit.tenant()), Text(network.id), Text(&spec.name), Json(spec), Ms(unit.now())],
    )?;
    networks::grown(unit, network.id)?;
    let message = format!("policy `{}` was created in network `{}`", spec.name, network.spec.name);
    unit.event(Draft::info("policy.created", message).about("policy", id, &spec.name).within(network.id))?;
    find(unit.connection, unit.tenant(), None, &Ref::Id(id.into()))
}

/// Changes a policy that is at `expected`.
pub(super) fn update(unit: &mut Unit<'_>, id: PolicyId, expected: u64, spec: &PolicySpec) -> Outcome<Policy> {
    let before = at_version(unit, id, expected)?;
    refuse_taken(unit, before.network_id, id, spec)?;
    unit.execute(
        "UPDATE policies SET name = ?2, spec = ?3, version = version + 1, updated_at = ?4 WHERE id = ?1",
        params![Text(id), Text(&spec.name), Json(spec), Ms(unit.now())],
    )?;
    let bundled = |spec: &PolicySpec| PolicySpec { expect: Vec::new(), ..spec.clone() };
    if bundled(&before.spec) != bundled(spec) {
        networks::grown(unit, before.network_id)?;
    }
    let message = format!("policy `{}` was changed", spec.name);
    unit.event(Draft::info("policy.updated", message).about("policy", id, &spec.name).within(before.network_id))?;
    find(unit.connection, unit.tenant(), None, &Ref::Id(id.into()))
}

fn delete(unit: &mut Unit<'_>, id: PolicyId, expected: u64) -> Outcome<()> {
    let Policy { network_id, spec, .. } = at_version(unit, id, expected)?;
    unit.execute("DELETE FROM policies WHERE id = ?1", [Text(id)])?;
    networks::grown(unit, network_id)?;
    let message = format!("policy `{}` was deleted", spec.name);
    unit.event(Draft::info("policy.deleted", message).about("policy", id, &spec.name).within(network_id))
}

/// Whether a network has any.
pub(super) fn any(unit: &Unit<'_>, network: NetworkId) -> Outcome<bool> {
    let found = unit.row("SELECT 1 FROM policies WHERE network_id = ?1 LIMIT 1", [Text(network)], |_| Ok(()))?;
    Ok(found.is_some())
}

fn at_version(unit: &Unit<'_>, id: PolicyId, expected: u64) -> Outcome<Policy> {
    let policy = find(unit.connection, unit.tenant(), None, &Ref::Id(id.into()))?;
    if policy.version == expected {
        return Ok(policy);
    }
    Err(StoreError::Changed { current: policy.version }.into())
}

fn refuse_taken(unit: &Unit<'_>, network: NetworkId, id: PolicyId, spec: &PolicySpec) -> Outcome<()> {
    let taken = unit.row(
        "SELECT 1 FROM policies WHERE network_id = ?1 AND name = ?2 AND id <> ?3",
        params![Text(network), Text(&spec.name), Text(id)],
        |_| Ok(()),
    )?;
    match taken {
        Some(()) => Err(StoreError::Exists(format!("there is a policy `{}` already", spec.name)).into()),
        None => Ok(()),
    }
}
