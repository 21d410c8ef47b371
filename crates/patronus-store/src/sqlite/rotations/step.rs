//! The steps of a rotation that are releases.

use patronus_types::event::Severity;
use patronus_types::rotation::Phase;
use patronus_types::site::Site;
use rusqlite::params;

use super::{of_network, tell};
use crate::sqlite::codec::{Text, Word};
use crate::sqlite::failure::Outcome;
use crate::sqlite::sites;
use crate::sqlite::unit::{Draft, Unit};
use crate::{Change, NewRelease, RotationRecord, RotationStep, StoreError};

/// Takes the step that a release is for.
pub(in crate::sqlite) fn released(unit: &mut Unit<'_>, new: &NewRelease) -> Outcome<()> {
    let Some(step) = &new.rotation else { return Ok(()) };
    let found = of_network(unit.connection, new.network)?.filter(|rotation| rotation.phase == step.taken_in());
    let Some(rotation) = found else {
        let message = "the replacing of keys has moved on while it was compiled: try again".to_owned();
        return Err(StoreError::Conflict(message).into());
    };
    let site = sites::load(unit, rotation.site)?;
    match step {
        RotationStep::Spare => advance(unit, new, &site, Phase::Spare)?,
        RotationStep::Rekey(keys) => {
            sites::replace_keys(unit, site.id, keys, rotation.number)?;
            unit.changes.push(Change::NewKeys { site: site.id, number: None });
            advance(unit, new, &site, Phase::Rekey)?;
        }
        RotationStep::Done => {
            sites::forget_old(unit, site.id)?;
            end(unit, &rotation)?;
            let message = format!("site `{}` has new keys", site.spec.name);
            let details = serde_json::json!({"number": rotation.number, "version": new.version});
            tell(unit, &site, Draft::info("site.keys-rotated", message).details(details))?;
        }
        RotationStep::Back => advance(unit, new, &site, Phase::Back)?,
        RotationStep::Cancelled => {
            end(unit, &rotation)?;
            let message = format!("the replacing of the keys of site `{}` was given up", site.spec.name);
            tell(unit, &site, Draft::info("site.rotation-cancelled", message).severity(Severity::Warning))?;
        }
    }
    unit.changes.push(Change::Rotations);
    Ok(())
}

fn advance(unit: &mut Unit<'_>, new: &NewRelease, site: &Site, phase: Phase) -> Outcome<()> {
    unit.execute(
        "UPDATE rotations SET phase = ?2, version = ?3 WHERE network_id = ?1",
        params![Text(new.network), Word(phase), new.version],
    )?;
    let details = serde_json::json!({"phase": phase, "version": new.version});
    tell(unit, site, Draft::info("site.rotation-advanced", new.message.clone()).details(details))
}

fn end(unit: &mut Unit<'_>, rotation: &RotationRecord) -> Outcome<()> {
    unit.execute("DELETE FROM rotations WHERE network_id = ?1", [Text(rotation.network)])?;
    unit.changes.push(Change::NewKeys { site: rotation.site, number: None });
    Ok(())
}
