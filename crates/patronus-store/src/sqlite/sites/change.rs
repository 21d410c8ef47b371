//! Making, changing and deleting sites.

use patronus_types::bundle::Source;
use patronus_types::network::Network;
use patronus_types::site::{Site, SiteSpec};
use patronus_types::{PublicKey, SiteId};
use rusqlite::params;

use super::{key, row};
use crate::sqlite::codec::{Json, Ms, Text, Word, joined};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Draft, Unit};
use crate::sqlite::{networks, policies, rotations, tokens};
use crate::{Change, NewSite, StoreError};

/// Makes a site.
pub(in crate::sqlite) fn create(unit: &mut Unit<'_>, new: &NewSite) -> Outcome<Site> {
    let NewSite { id, spec, public_key, .. } = new;
    let id = *id;
    let network = networks::find(unit, new.network)?;
    refuse_taken(unit, &network, id, spec)?;
    let (host, addresses) = networks::take(unit, &network)?;
    unit.execute(
        "INSERT INTO sites (id, tenant_id, network_id, name, spec, host, addresses, public_keys, source, version,
            created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', ?8, 1, ?9, ?9)",
        params![
            Text(id),
            Text(unit.tenant()),
            Text(network.id),
            Text(&spec.name),
            Json(spec),
            host,
            joined(&addresses),
            Word(Source::Compiled),
            Ms(unit.now()),
        ],
    )?;
    if let Some(public_key) = public_key {
        key::set(unit, id, &[*public_key])?;
    }
    networks::grown(unit, network.id)?;
    unit.changes.push(Change::Desired { site: id, desired: None });
    let message = format!("site `{}` was created in network `{}`", spec.name, network.spec.name);
    unit.event(Draft::info("site.created", message).about("site", id, &spec.name).within(network.id))?;
    row::load(unit, id)
}

/// Changes a site that is at `expected`.
pub(in crate::sqlite) fn update(
    unit: &mut Unit<'_>,
    id: SiteId,
    expected: u64,
    spec: &SiteSpec,
    public_key: Option<PublicKey>,
) -> Outcome<Site> {
    let before = row::load_at(unit, id, expected)?;
    let network = networks::find(unit, before.network_id)?;
    refuse_taken(unit, &network, id, spec)?;
    unit.execute(
        "UPDATE sites SET name = ?2, spec = ?3, version = version + 1, updated_at = ?4 WHERE id = ?1",
        params![Text(id), Text(&spec.name), Json(spec), Ms(unit.now())],
    )?;
    let new_key = public_key.filter(|&public_key| before.public_key != Some(public_key));
    if let Some(public_key) = new_key {
        let rest = before.public_keys.iter().skip(1).copied();
        rotations::end_of(unit, &before, "it was given another key by hand")?;
        key::set(unit, id, &std::iter::once(public_key).chain(rest).collect::<Vec<_>>())?;
        // From now on somebody runs it by hand.
        unit.execute(
            "UPDATE sites SET left_at = NULL, last_report = json_remove(last_report, '$.public_keys') WHERE id = ?1",
            [Text(id)],
        )?;
    }
    let has_policies = policies::any(unit, network.id)?;
    if new_key.is_some() || bundled(&before.spec, has_policies) != bundled(spec, has_policies) {
        networks::grown(unit, network.id)?;
    }
    if before.spec.name != spec.name {
        tokens::rename_site(unit, id, &spec.name)?;
    }
    let message = format!("site `{}` was changed", spec.name);
    unit.event(Draft::info("site.updated", message).about("site", id, &spec.name).within(network.id))?;
    row::load(unit, id)
}

/// Deletes a site that is at `expected`.
pub(super) fn delete(unit: &mut Unit<'_>, id: SiteId, expected: u64) -> Outcome<()> {
    let site = row::load_at(unit, id, expected)?;
    rotations::end_of(unit, &site, "it is deleted")?;
    let Site { network_id, spec, .. } = site;
    tokens::revoke_of_site(unit, id)?;
    let host: Option<u32> = unit.row("DELETE FROM sites WHERE id = ?1 RETURNING host", [Text(id)], |row| row.get(0))?;
    if let Some(host) = host {
        networks::free(unit, network_id, host)?;
    }
    networks::grown(unit, network_id)?;
    unit.changes.push(Change::Desired { site: id, desired: None });
    unit.changes.push(Change::SiteRemoved(id));
    // A rotation may have waited for it.
    rotations::reported(unit, network_id)?;
    let message = format!("site `{}` was deleted", spec.name);
    unit.event(Draft::info("site.deleted", message).about("site", id, &spec.name).within(network_id))
}

fn refuse_taken(unit: &Unit<'_>, network: &Network, id: SiteId, spec: &SiteSpec) -> Outcome<()> {
    let taken = unit.row(
        "SELECT 1 FROM sites WHERE network_id = ?1 AND name = ?2 AND id <> ?3",
        params![Text(network.id), Text(&spec.name), Text(id)],
        |_| Ok(()),
    )?;
    match taken {
        Some(()) => {
            let message = format!("there is a site `{}` in network `{}` already", spec.name, network.spec.name);
            Err(StoreError::Exists(message).into())
        }
        None => Ok(()),
    }
}

/// What of a site's declaration stands in bundles: not where it is in words, and its labels only where policies may name it by
/// them.
fn bundled(spec: &SiteSpec, has_policies: bool) -> SiteSpec {
    let labels = if has_policies { spec.labels.clone() } else { Default::default() };
    SiteSpec { location: String::new(), region: None, zone: None, labels, ..spec.clone() }
}
