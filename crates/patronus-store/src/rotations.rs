//! The replacing of sites' keys.
//!
//! All of its steps but the first are releases, so they are made by [`create_release`](crate::Releases::create_release),
//! each with its release in one transaction: there is no moment between the two.

use std::collections::BTreeSet;

use patronus_types::rotation::Phase;
use patronus_types::{NetworkId, PublicKey, SiteId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Result, Write};

/// A rotation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationRecord {
    /// The network.
    pub network: NetworkId,
    /// Whose keys are replaced.
    pub site: SiteId,
    /// How far it is.
    pub phase: Phase,
    /// Which set of keys it brings.
    pub number: u32,
    /// The release that began the phase.
    pub version: Option<u64>,
    /// The sites without which it goes on.
    pub without: BTreeSet<SiteId>,
    /// Whether the server began it because of the keys' age.
    pub by_age: bool,
    /// When it began.
    pub started_at: Timestamp,
}

/// A rotation to begin.
#[derive(Debug, Clone)]
pub struct NewRotation {
    /// Whose keys are to be replaced.
    pub site: SiteId,
    /// The sites without which it goes on from the start.
    pub without: BTreeSet<SiteId>,
    /// Whether the server begins it because of the keys' age.
    pub by_age: bool,
}

/// What a request to begin came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begun {
    /// The rotation as it stands.
    pub rotation: RotationRecord,
    /// Whether it began with this request.
    pub started: bool,
}

/// The step that a release takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RotationStep {
    /// Traffic moves to spare tunnels.
    Spare,
    /// The site has these keys.
    Rekey(Vec<PublicKey>),
    /// The spare tunnels go: all is done.
    Done,
    /// It was given up, and traffic moves back.
    Back,
    /// The spare tunnels go: it was given up.
    Cancelled,
}

impl RotationStep {
    /// The phase in which it is taken.
    pub fn taken_in(&self) -> Phase {
        match self {
            Self::Spare => Phase::Keys,
            Self::Rekey(_) | Self::Back => Phase::Spare,
            Self::Done => Phase::Rekey,
            Self::Cancelled => Phase::Back,
        }
    }
}

/// A network with a rotation under way, or that wants one now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// The tenant.
    pub tenant: TenantId,
    /// The network.
    pub network: NetworkId,
}

/// What a store does with rotations.
#[async_trait::async_trait]
pub trait Rotations {
    /// Begins one. Where the site has one it is answered as it stands; where another site of the network has one, that
    /// is a conflict, unless it was begun because of age and nothing was released for it: then it is given up for this
    /// one. Where the site's agent cannot use the keys that are known of it, those that it has are taken over before,
    /// unless it is begun because of age: `site.keys-adopted`. `site.rotation-started`.
    async fn start_rotation(&self, write: &Write, new: NewRotation) -> Result<Begun>;

    /// Adds sites without which the network's rotation goes on. `site.rotation-forced`.
    async fn go_on_without(
        &self,
        write: &Write,
        network: NetworkId,
        without: BTreeSet<SiteId>,
    ) -> Result<RotationRecord>;

    /// Gives up a site's rotation for which nothing was released yet. `site.rotation-cancelled`.
    async fn cancel_rotation(&self, write: &Write, site: SiteId) -> Result<()>;

    /// The rotation of a network.
    async fn rotation(&self, network: NetworkId) -> Result<Option<RotationRecord>>;

    /// All networks that have one, or replace keys by age.
    async fn rotation_duties(&self) -> Result<Vec<Duty>>;
}
