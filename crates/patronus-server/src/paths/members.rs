//! Who is in a network, by name and by id, as long as that is worth remembering.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patronus_types::path::PathSettings;
use patronus_types::{Name, NetworkId, SiteId, TenantId, Timestamp};

use crate::app::App;
use crate::error::Result;
use crate::index::locked;

/// How long it is remembered: a new site is known to the next report.
const FRESH: Duration = Duration::from_secs(10);

/// The sites of a network.
#[derive(Debug)]
pub struct Members {
    at: Timestamp,
    /// How the network measures.
    pub settings: PathSettings,
    /// By name: the id, and the names of the uplinks by index.
    pub by_name: BTreeMap<Name, (SiteId, Vec<Name>)>,
    /// The names of all.
    pub names: BTreeMap<SiteId, Name>,
}

impl Members {
    /// The name of an uplink of a site.
    pub fn uplink(&self, site: SiteId, index: u8) -> Option<Name> {
        let (_, uplinks) = self.by_name.get(self.names.get(&site)?)?;
        uplinks.get(usize::from(index)).cloned()
    }
}

/// The networks that were asked for lately.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<NetworkId, Arc<Members>>>);

impl Known {
    /// The sites of a network.
    pub async fn of(&self, app: &App, tenant: TenantId, network: NetworkId, now: Timestamp) -> Result<Arc<Members>> {
        let known = locked(&self.0).get(&network).cloned();
        if let Some(known) = known.filter(|known| now.duration_since(known.at).unsigned_abs() < FRESH) {
            return Ok(known);
        }
        let record = app.store.compile_input(tenant, network).await?;
        let uplinks = |site: &patronus_store::SiteRecord| site.spec.uplinks.iter().map(|it| it.name.clone()).collect();
        let by_name = record.sites.iter().map(|site| (site.spec.name.clone(), (site.id, uplinks(site))));
        let members = Arc::new(Members {
            at: now,
            settings: record.network.spec.paths,
            by_name: by_name.collect(),
            names: record.sites.iter().map(|site| (site.id, site.spec.name.clone())).collect(),
        });
        locked(&self.0).insert(network, Arc::clone(&members));
        Ok(members)
    }
}
