//! Making a release: its row, its bundles, and what its sites should run from now on.

use patronus_types::api::agent::Desired;
use patronus_types::network::Network;
use patronus_types::release::{Declared, Release, ReleaseKind};
use rusqlite::params;

use super::{content, read};
use crate::sqlite::codec::{Json, Ms, Sha, Text, Word};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Draft, Unit, not_found, rows};
use crate::sqlite::{networks, rotations, sites};
use crate::{Change, NewBundle, NewRelease, StoreError};

/// Makes a release of the network as it still is.
pub(super) fn create(unit: &mut Unit<'_>, new: &NewRelease) -> Outcome<Release> {
    let network = networks::find(unit, new.network)?;
    refuse_outdated(unit, &network, new)?;
    insert(unit, new)?;
    content::keep(unit, new)?;
    for bundle in &new.bundles {
        insert_bundle(unit, new, bundle)?;
    }
    let clean = clean_generation(unit, &network, new)?;
    unit.execute(
        "UPDATE networks SET released_version = ?2, clean_generation = CASE WHEN ?3 THEN ?4 ELSE clean_generation END
         WHERE id = ?1",
        params![Text(network.id), new.version, clean.is_some(), clean.flatten()],
    )?;
    tell(unit, &network, new)?;
    rotations::released(unit, new)?;
    read::one(unit.connection, network.id, Some(new.version))
}

fn refuse_outdated(unit: &Unit<'_>, network: &Network, new: &NewRelease) -> Outcome<()> {
    let name = &network.spec.name;
    if network.generation != new.generation {
        let message = format!("network `{name}`: the network changed while it was compiled, publish again");
        return Err(StoreError::Conflict(message).into());
    }
    let accepted: Option<u64> =
        unit.row("SELECT accepted_version FROM networks WHERE id = ?1", [Text(network.id)], |row| row.get(0))?;
    let highest = accepted.unwrap_or(0).max(network.released_version.unwrap_or(0));
    if new.version <= highest {
        let message = format!(
            "network `{name}`: version {} is not above {highest}, the highest released or accepted: publish again",
            new.version
        );
        return Err(StoreError::Conflict(message).into());
    }
    Ok(())
}

fn insert(unit: &Unit<'_>, new: &NewRelease) -> Outcome<()> {
    unit.execute(
        "INSERT INTO releases (id, tenant_id, network_id, version, kind, rollback_of, message, generation, declared,
            pending, sites, changed, created_by, created_at, terms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            Text(new.id),
            Text(unit.tenant()),
            Text(new.network),
            new.version,
            Word(new.kind),
            new.rollback_of,
            new.message,
            new.generation,
            Json(&new.declared),
            Json(&new.pending),
            new.bundles.len(),
            new.changed,
            unit.write.actor.name,
            Ms(unit.now()),
            Json(&new.terms),
        ],
    )?;
    Ok(())
}

fn insert_bundle(unit: &mut Unit<'_>, new: &NewRelease, bundle: &NewBundle) -> Outcome<()> {
    unit.execute(
        "INSERT INTO bundles (network_id, version, site_id, tenant_id, site, digest, size, source, signature)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            Text(new.network),
            new.version,
            Text(bundle.site),
            Text(unit.tenant()),
            Text(&bundle.name),
            Sha(bundle.digest),
            bundle.size,
            Word(bundle.source),
            bundle.signature,
        ],
    )?;
    let touched = unit.execute(
        "UPDATE sites SET desired_version = ?3, source = ?4 WHERE id = ?1 AND network_id = ?2",
        params![Text(bundle.site), Text(new.network), new.version, Word(bundle.source)],
    )?;
    if touched == 0 {
        return Err(not_found("site", bundle.site).into());
    }
    let NewBundle { site, digest, size, signature, .. } = bundle;
    let desired = Desired { version: new.version, digest: *digest, size: *size, signatures: vec![signature.clone()] };
    unit.changes.push(Change::Desired { site: *site, desired: Some(desired) });
    Ok(())
}

/// The generation that the release makes clean: `None` leaves that as it was, `Some(None)` makes the network dirty.
///
/// An upload compiles nothing, and the replacing of keys compiles what was published, so what was changed before them is
/// still to be published. After a rollback the declared
/// state stands where it stood: unless the release has just that, publishing would change something.
fn clean_generation(unit: &Unit<'_>, network: &Network, new: &NewRelease) -> Outcome<Option<Option<u64>>> {
    let clean = Some(Some(network.generation));
    match new.kind {
        ReleaseKind::Publish => Ok(clean),
        ReleaseKind::Upload | ReleaseKind::Rotation => Ok(None),
        ReleaseKind::Rollback if is_declared_now(unit, network, &new.declared)? => Ok(clean),
        ReleaseKind::Rollback => Ok(Some(None)),
    }
}

fn is_declared_now(unit: &Unit<'_>, network: &Network, declared: &Declared) -> Outcome<bool> {
    let now = rows(unit.connection, sites::RECORDS, [Text(network.id)], sites::read_record)?;
    let now = now.iter().map(|site| (site.id, &site.spec));
    let then = declared.sites.iter().map(|site| (site.id, &site.spec));
    Ok(declared.network == network.spec && now.eq(then))
}

fn tell(unit: &mut Unit<'_>, network: &Network, new: &NewRelease) -> Outcome<()> {
    let (version, name) = (new.version, &network.spec.name);
    let (kind, message) = match new.kind {
        ReleaseKind::Publish => ("release.published", format!("version {version} of network `{name}` was published")),
        ReleaseKind::Upload => {
            ("release.uploaded", format!("version {version} of network `{name}` has uploaded bundles"))
        }
        ReleaseKind::Rotation => {
            ("release.rotation", format!("version {version} of network `{name}`: {}", new.message))
        }
        ReleaseKind::Rollback => {
            let of = new.rollback_of.map_or_else(String::new, |of| format!(" to the state of version {of}"));
            ("release.rolled-back", format!("version {version} takes network `{name}` back{of}"))
        }
    };
    let details = serde_json::json!({
        "version": version, "sites": new.bundles.len(), "changed": new.changed, "rollback_of": new.rollback_of,
        "message": new.message, "accept_risks": new.terms.accept_risks,
        "confirm_timeout_s": new.terms.confirm_timeout_s,
    });
    unit.event(Draft::info(kind, message).details(details).about("release", new.id, version).within(network.id))
}
