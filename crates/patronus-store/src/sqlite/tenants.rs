//! Tenants.

use patronus_types::tenant::Tenant;
use patronus_types::{Name, Ref};
use rusqlite::{Row, params};

use super::SqliteStore;
use super::codec::{Columns, Ms, Text};
use super::failure::Outcome;
use super::unit::{Draft, Unit, not_found, row};
use crate::{Result, StoreError, Tenants, Write};

#[async_trait::async_trait]
impl Tenants for SqliteStore {
    async fn create_tenant(&self, write: &Write, name: Name) -> Result<Tenant> {
        self.write(write, move |unit| create(unit, name.clone())).await
    }

    async fn tenant(&self, reference: &Ref) -> Result<Tenant> {
        let sql = match reference {
            Ref::Id(_) => "SELECT id, name, created_at FROM tenants WHERE id = ?1",
            Ref::Name(_) => "SELECT id, name, created_at FROM tenants WHERE name = ?1",
        };
        let found = self.readers.short(|connection| row(connection, sql, [Text(reference)], read))?;
        found.ok_or_else(|| not_found("tenant", reference))
    }
}

fn create(unit: &mut Unit<'_>, name: Name) -> Outcome<Tenant> {
    let tenant = Tenant { id: unit.tenant(), name, created_at: unit.now() };
    let taken = unit.row(
        "SELECT 1 FROM tenants WHERE name = ?1 OR id = ?2",
        params![Text(&tenant.name), Text(tenant.id)],
        |_| Ok(()),
    )?;
    if taken.is_some() {
        return Err(StoreError::Exists(format!("there is a tenant `{}` already", tenant.name)).into());
    }
    unit.execute(
        "INSERT INTO tenants (id, name, created_at) VALUES (?1, ?2, ?3)",
        params![Text(tenant.id), Text(&tenant.name), Ms(tenant.created_at)],
    )?;
    unit.execute("INSERT INTO event_counters (tenant_id, newest) VALUES (?1, 0)", [Text(tenant.id)])?;
    let message = format!("tenant `{}` was created", tenant.name);
    unit.event(Draft::info("tenant.created", message).about("tenant", tenant.id, &tenant.name))?;
    Ok(tenant)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    let mut columns = Columns::new(row);
    Ok(Tenant { id: columns.text()?, name: columns.text()?, created_at: columns.time()? })
}
