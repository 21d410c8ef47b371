//! A set of manifests in one write: all steps or none.

use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::Unit;
use crate::sqlite::{networks, policies, sites};
use crate::{Applied, ApplyOp};

/// Does the steps in their order.
pub(super) fn all(unit: &mut Unit<'_>, ops: &[ApplyOp]) -> Outcome<Vec<Applied>> {
    ops.iter().map(|op| one(unit, op)).collect()
}

fn one(unit: &mut Unit<'_>, op: &ApplyOp) -> Outcome<Applied> {
    match op {
        ApplyOp::CreateNetwork(new) => networks::create(unit, new).map(Box::new).map(Applied::Network),
        ApplyOp::UpdateNetwork { id, expected, spec } => {
            networks::update(unit, *id, *expected, spec).map(Box::new).map(Applied::Network)
        }
        ApplyOp::CreateSite(new) => sites::create(unit, new).map(Box::new).map(Applied::Site),
        ApplyOp::UpdateSite { id, expected, spec, public_key } => {
            sites::update(unit, *id, *expected, spec, *public_key).map(Box::new).map(Applied::Site)
        }
        ApplyOp::CreatePolicy(new) => policies::create(unit, new).map(Box::new).map(Applied::Policy),
        ApplyOp::UpdatePolicy { id, expected, spec } => {
            policies::update(unit, *id, *expected, spec).map(Box::new).map(Applied::Policy)
        }
    }
}
