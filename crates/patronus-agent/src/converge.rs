//! Bringing the kernel to what a bundle says: facts are gathered, `patronus_core::apply` plans, and the plan is carried
//! out step by step. Nothing is decided here. A plan made after a crash begins from what is there, so doing it again is safe.

use patronus_types::NetworkId;
use patronus_types::api::agent::Steps;
use patronus_types::bundle::Content;

use crate::effects::model::{Driver, Observed, Owner};
use crate::effects;
use crate::state::Identity;
use crate::world::World;

/// What was done.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was done to tunnels and peers.
    pub steps: Steps,
    /// What will not work and why.
    pub warnings: Vec<String>,
    /// What carries the tunnels; none without any.
    pub driver: Option<Driver>,
    /// Whether anything had to be done.
    pub changed: bool,
    /// How it was before.
    pub before: Observed,
}

/// Why the kernel is not as it shall be.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// The kernel, or something in it, refused.
    #[error(transparent)]
    Effect(#[from] effects::Error),
}

/// Brings the kernel to a bundle, or to nothing. Routes of the bundles in `forget` are known to be this network's.
pub async fn converge(
    world: &World,
    identity: &Identity,
    owner: &Owner,
    content: Option<&Content>,
    forget: &[&Content],
) -> Result<Done, ConvergeError> {
    let _ = (world, identity, owner, content, forget);
    Err(ConvergeError::Effect(effects::Error::NoInterface(String::new())))
}

/// Says what [`converge`] would do.
pub async fn foresee(
    world: &World,
    identity: &Identity,
    owner: &Owner,
    content: Option<&Content>,
    forget: &[&Content],
) -> Result<Steps, ConvergeError> {
    let _ = (world, identity, owner, content, forget);
    Ok(Steps::default())
}

/// Takes out of the kernel what carries the alias of a network of which nothing else is known.
pub async fn withdraw_by_alias(world: &World, network: NetworkId) -> Result<Vec<String>, ConvergeError> {
    let _ = (world, network);
    Ok(Vec::new())
}
