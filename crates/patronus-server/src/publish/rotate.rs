//! The releases by which a site's keys are replaced.
//!
//! They hold what the newest release holds, and the next step. What an operator has declared since stays unpublished, and
//! sites that were in no release stay out.

use std::collections::BTreeMap;
use std::sync::Arc;

use patronus_core::mesh::Rotating;
use patronus_store::{NetworkRecord, RotationRecord, RotationStep, Store};
use patronus_types::api::error::ErrorCode;
use patronus_types::network::NetworkSpec;
use patronus_types::release::Declared;
use patronus_types::rotation::Phase;

use crate::error::{Error, Result};

/// A step that is a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Traffic moves to spare tunnels.
    Spare,
    /// The site has its new keys, and traffic moves back.
    Rekey,
    /// The spare tunnels go.
    Done,
    /// It was given up, and traffic moves back.
    Back,
    /// The spare tunnels go, and the site keeps its keys.
    Cancelled,
}

/// The network as its newest release has it, with today's identities.
pub fn as_released(record: &mut NetworkRecord, then: Declared) {
    let NetworkSpec { range, range6, .. } = record.network.spec;
    record.network.spec = NetworkSpec { range, range6, ..then.network };
    record.policies = then.policies;
    let mut specs: BTreeMap<_, _> = then.sites.into_iter().map(|site| (site.id, site.spec)).collect();
    record.sites.retain_mut(|site| match specs.remove(&site.id) {
        Some(spec) if site.keys.released => {
            site.spec = spec;
            true
        }
        _ => false,
    });
}

/// What the compiler is told of a rotation.
pub(super) fn rotating(rotation: &RotationRecord) -> Option<Rotating> {
    let to_spare = match rotation.phase {
        Phase::Keys => return None,
        Phase::Spare => true,
        Phase::Rekey | Phase::Back => false,
    };
    Some(Rotating { site: rotation.site, to_spare })
}

/// Takes a step in what a release is compiled from, and answers it as the store is to take it.
pub(super) async fn take(store: &Arc<dyn Store>, record: &mut NetworkRecord, step: Step) -> Result<RotationStep> {
    let network = record.network.id;
    let released = record.network.released_version.ok_or_else(over)?;
    as_released(record, store.declared(network, released).await?);
    let (kept, phase) = match step {
        Step::Spare => (RotationStep::Spare, Some(Phase::Spare)),
        Step::Rekey => (RotationStep::Rekey(give_keys(record)?), Some(Phase::Rekey)),
        Step::Done => (RotationStep::Done, None),
        Step::Back => (RotationStep::Back, Some(Phase::Back)),
        Step::Cancelled => (RotationStep::Cancelled, None),
    };
    let rotation = record.rotation.take().filter(|rotation| rotation.phase == kept.taken_in()).ok_or_else(over)?;
    record.rotation = phase.map(|phase| RotationRecord { phase, ..rotation });
    Ok(kept)
}

/// Puts the keys that the site offers in the place of those it has.
fn give_keys(record: &mut NetworkRecord) -> Result<Vec<patronus_types::PublicKey>> {
    let rotation = record.rotation.as_ref().ok_or_else(over)?;
    let site = record.sites.iter_mut().find(|site| site.id == rotation.site).ok_or_else(over)?;
    let offered = site.keys.offered.as_ref().filter(|offered| offered.number == rotation.number).ok_or_else(over)?;
    site.public_keys = offered.public_keys.clone();
    Ok(site.public_keys.clone())
}

fn over() -> Error {
    Error::new(ErrorCode::Conflict, "the replacing of keys has moved on meanwhile: try again")
}
