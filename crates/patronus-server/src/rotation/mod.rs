//! The replacing of sites' keys: where core (when it goes on) and the store (what agents told) meet.
//!
//! A rotation is measured by the newest release, since that is what agents can have: by its members, their names and who
//! has tunnels with whom in it.

mod request;

use std::collections::{BTreeMap, BTreeSet};

use patronus_core::mesh;
use patronus_core::rotation::{Agent, Decision, Failure, Running, Stopped, View, decide};
use patronus_store::{NetworkRecord, RotationRecord, SiteRecord};
use patronus_types::api::agent::OutcomeKind;
use patronus_types::api::standing::SiteMode;
use patronus_types::bundle::Source;
use patronus_types::rotation::{Rotation, Waiting};
use patronus_types::site::Site;
use patronus_types::{NetworkId, SiteId, TenantId, Timestamp};

use crate::app::App;
use crate::error::{Error, Result};
use crate::publish;

pub use request::{Request, cancel, request};

/// A network as its newest release has it, with what its agents told since.
pub struct Released {
    record: NetworkRecord,
    /// The age at which keys are replaced, as it is declared now.
    pub days: Option<u16>,
}

impl Released {
    /// Reads it; none where nothing is published.
    pub async fn read(app: &App, tenant: TenantId, network: NetworkId) -> Result<Option<Self>> {
        let mut record = app.store.compile_input(tenant, network).await?;
        let days = record.network.spec.rotate_keys_days;
        let Some(version) = record.network.released_version else { return Ok(None) };
        publish::as_released(&mut record, app.store.declared(network, version).await?);
        Ok(Some(Self { record, days }))
    }

    /// The rotation under way.
    pub fn rotation(&self) -> Option<&RotationRecord> {
        self.record.rotation.as_ref()
    }

    /// All sites.
    pub fn all(&self) -> Vec<View> {
        self.record.sites.iter().map(view).collect()
    }

    /// A site and those that have tunnels with it; nothing for a site that is in no release.
    pub fn concerned(&self, site: SiteId) -> Result<Vec<View>> {
        let mut ids = mesh::partners(&publish::input(&self.record), site).map_err(Error::internal)?;
        ids.insert(site);
        Ok(self.record.sites.iter().filter(|record| ids.contains(&record.id)).map(view).collect())
    }

    /// What is said of the rotation of a site.
    pub fn shown(&self, app: &App, rotation: &RotationRecord, site: &Site, now: Timestamp) -> Result<Rotation> {
        let waiting = match decide(&running(rotation), &self.concerned(site.id)?, now) {
            Decision::Wait(waiting) => waiting,
            // The next release is about to be made, or cannot be.
            Decision::Advance(_) | Decision::Finish => {
                let trouble = app.rotation_troubles.of(rotation.network);
                trouble.into_iter().map(|reason| Waiting { site: site.spec.name.clone(), reason }).collect()
            }
        };
        Ok(Rotation {
            site_id: site.id,
            site: site.spec.name.clone(),
            phase: rotation.phase,
            number: rotation.number,
            version: rotation.version,
            waiting,
            started_at: rotation.started_at,
        })
    }
}

/// Adds to sites what is said of their rotations.
pub async fn tell(app: &App, tenant: TenantId, sites: &mut [Site], now: Timestamp) -> Result<()> {
    let networks: BTreeSet<NetworkId> = sites.iter().map(|site| site.network_id).collect();
    for network in networks {
        let Some(rotation) = app.store.rotation(network).await? else { continue };
        let Some(site) = sites.iter_mut().find(|site| site.id == rotation.site) else { continue };
        if let Some(released) = Released::read(app, tenant, network).await? {
            site.rotation = Some(released.shown(app, &rotation, site, now)?);
        }
    }
    Ok(())
}

/// A rotation as core sees it.
pub fn running(rotation: &RotationRecord) -> Running {
    Running {
        site: rotation.site,
        phase: rotation.phase,
        number: rotation.number,
        version: rotation.version,
        without: rotation.without.clone(),
    }
}

fn view(record: &SiteRecord) -> View {
    let keys = &record.keys;
    let failed = keys.last_outcome.as_ref().filter(|outcome| outcome.result != OutcomeKind::Applied);
    View {
        id: record.id,
        name: record.spec.name.clone(),
        agent: match (keys.enrolled, record.left_at) {
            (true, _) => Agent::Runs,
            (false, Some(_)) => Agent::Left,
            (false, None) => Agent::None,
        },
        last_seen_at: keys.last_seen_at,
        stopped: match (record.mode, record.halted) {
            (SiteMode::Hold | SiteMode::Shadow, _) => Some(Stopped::Held),
            (SiteMode::Apply, Some(halted)) if halted.paused => Some(Stopped::Paused),
            (SiteMode::Apply, _) => None,
        },
        uploaded: record.source == Source::Uploaded,
        running: keys.running_version,
        failure: failed.map(|outcome| Failure {
            version: outcome.version,
            reason: outcome.reason.clone().unwrap_or_else(|| "its agent said no more".to_owned()),
        }),
        waits_for: keys.waits_for.clone(),
        spare: keys.spare.is_some(),
        offered: keys.offered.as_ref().map(|offered| offered.number),
        other_keys: record.other_keys().is_some(),
        keys_since: keys.since,
    }
}

/// Why releases that are due could not be made, by network.
#[derive(Default)]
pub(crate) struct Troubles(std::sync::Mutex<BTreeMap<NetworkId, String>>);

impl Troubles {
    fn of(&self, network: NetworkId) -> Option<String> {
        crate::index::locked(&self.0).get(&network).cloned()
    }

    /// Notes how it went; whether that is new.
    pub(crate) fn note(&self, network: NetworkId, trouble: Option<String>) -> bool {
        let mut all = crate::index::locked(&self.0);
        match trouble {
            Some(trouble) => all.insert(network, trouble.clone()).as_ref() != Some(&trouble),
            None => all.remove(&network).is_some(),
        }
    }
}
