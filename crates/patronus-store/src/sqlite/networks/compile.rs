//! What a release is compiled from.

use patronus_types::{NetworkId, TenantId};
use rusqlite::{Connection, params};

use super::row;
use crate::NetworkRecord;
use crate::sqlite::codec::Text;
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{not_found, row as one, rows};
use crate::sqlite::{policies, rotations};

/// Reads it; the caller holds a read transaction, so that all of it is of one moment.
pub(super) fn input(connection: &Connection, tenant: TenantId, id: NetworkId) -> Outcome<NetworkRecord> {
    let sql = concat!(row::select!(), " WHERE n.tenant_id = ?1 AND n.id = ?2");
    let network = one(connection, sql, params![Text(tenant), Text(id)], row::read)?;
    let network = network.ok_or_else(|| not_found("network", id))?;
    let sites = rows(connection, crate::sqlite::sites::RECORDS, [Text(id)], crate::sqlite::sites::read_record)?;
    let accepted: Option<u64> =
        one(connection, "SELECT accepted_version FROM networks WHERE id = ?1", [Text(id)], |row| row.get(0))?;
    let policies = rows(connection, policies::SPECS, [Text(id)], policies::read_spec)?;
    let rotation = rotations::of_network(connection, id)?;
    let newest = network.released_version.unwrap_or(0).max(accepted.unwrap_or(0));
    Ok(NetworkRecord { network, sites, policies, rotation, next_version: newest.saturating_add(1) })
}
