//! What a release will be made of, read from the store at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use patronus_core::mesh::{Input, Site};
use patronus_core::rope::Rope;
use patronus_store::{NetworkRecord, SiteRecord, Store};
use patronus_types::api::agent::Undone;
use patronus_types::bundle::{Bundle, Party, Source};
use patronus_types::network::NetworkSpec;
use patronus_types::release::{Declared, DeclaredSite, ReleaseKind};
use patronus_types::{Name, NetworkId, SiteId};

use super::{Job, What, still};
use crate::error::Result;
use crate::handlers::bundles::rope;

/// A release before it is compiled.
pub struct Plan {
    /// How it comes to be.
    pub kind: ReleaseKind,
    /// The version whose declared state a rollback takes.
    pub rollback_of: Option<u64>,
    /// What is compiled.
    pub input: Input,
    /// The declared state it is compiled from.
    pub declared: Declared,
    /// The tars of sites that are not compiled.
    pub uploaded: BTreeMap<SiteId, Rope>,
    /// The bundles of the release before.
    pub before: BTreeMap<SiteId, Bundle>,
    /// What sites undid and do not try again.
    pub undone: BTreeMap<SiteId, Vec<Undone>>,
    /// Sites whose agent left: the others still keep tunnels for them.
    pub left: Vec<Name>,
    /// What is to be said of sites that keep what they run.
    pub still: Vec<String>,
    /// The network's generation.
    pub generation: u64,
    /// Whether a release is due whatever is in it: there is none yet, or what it was compiled from has changed.
    pub due: bool,
    /// The release's number.
    pub version: u64,
}

impl Plan {
    pub(super) async fn new(job: &Job<'_>) -> Result<Self> {
        let store = &job.app.store;
        let record = store.compile_input(job.write.tenant, job.network).await?;
        let before = match record.network.released_version {
            Some(version) => by_site(store.bundles(job.network, version).await?),
            None => BTreeMap::new(),
        };
        let mut plan = Self::declared(record, before);
        match &job.what {
            What::Declared(false) => plan.uploaded = uploads(store, plan.before.values()).await?,
            What::Declared(true) => {}
            What::Older(version) => {
                plan.go_back_to(store.declared(job.network, *version).await?);
                plan.rollback_of = Some(*version);
                plan.uploaded = uploads(store, &store.bundles(job.network, *version).await?).await?;
            }
            What::Uploaded(upload) => {
                plan.kind = ReleaseKind::Upload;
                plan.uploaded = uploads(store, plan.before.values()).await?;
                plan.uploaded.extend(upload.bundles(&plan.party(), &plan.input)?);
            }
        }
        plan.declared = plan.declared_state();
        Ok(plan)
    }

    /// The declared state as it is now, everything compiled.
    fn declared(record: NetworkRecord, before: BTreeMap<SiteId, Bundle>) -> Self {
        let NetworkRecord { network, sites, next_version } = record;
        let declared = Declared { network: network.spec.clone(), sites: Vec::new() };
        let left = sites.iter().filter(|site| site.left_at.is_some()).map(|site| site.spec.name.clone()).collect();
        let still = sites.iter().filter_map(still::warning).collect();
        let undone = sites.iter().filter(|site| !site.undone.is_empty());
        let undone = undone.map(|site| (site.id, site.undone.clone())).collect();
        let input = Input {
            network: network.id,
            spec: network.spec,
            sites: sites.into_iter().map(site).collect(),
            rotation: None,
        };
        Self {
            kind: ReleaseKind::Publish,
            rollback_of: None,
            input,
            declared,
            uploaded: BTreeMap::new(),
            before,
            left,
            still,
            undone,
            generation: network.generation,
            due: network.dirty || network.released_version.is_none(),
            version: next_version,
        }
    }

    /// Declared values from then; keys, addresses, names and membership from today.
    fn go_back_to(&mut self, then: Declared) {
        self.kind = ReleaseKind::Rollback;
        let NetworkSpec { name, range, range6, .. } = self.input.spec.clone();
        self.input.spec = NetworkSpec { name, range, range6, ..then.network };
        let today: BTreeMap<SiteId, Name> =
            self.input.sites.iter().map(|site| (site.id, site.spec.name.clone())).collect();
        let renamed: BTreeMap<Name, Name> =
            then.sites.iter().filter_map(|site| Some((site.spec.name.clone(), today.get(&site.id)?.clone()))).collect();
        let mut specs: BTreeMap<SiteId, _> = then.sites.into_iter().map(|site| (site.id, site.spec)).collect();
        for site in &mut self.input.sites {
            // A site that is younger than that release stays as it is.
            let Some(mut spec) = specs.remove(&site.id) else { continue };
            spec.via = spec.via.map(|hub| renamed.get(&hub).cloned().unwrap_or(hub));
            spec.name = site.spec.name.clone();
            site.spec = spec;
        }
    }

    fn party(&self) -> Party<NetworkId> {
        Party { id: self.input.network, name: self.input.spec.name.clone() }
    }

    fn declared_state(&self) -> Declared {
        let source = |id| if self.uploaded.contains_key(&id) { Source::Uploaded } else { Source::Compiled };
        let declared = |site: &Site| DeclaredSite { id: site.id, spec: site.spec.clone(), source: source(site.id) };
        let mut sites: Vec<_> = self.input.sites.iter().map(declared).collect();
        sites.sort_by_key(|site| site.id);
        Declared { network: self.input.spec.clone(), sites }
    }
}

fn by_site(bundles: Vec<Bundle>) -> BTreeMap<SiteId, Bundle> {
    bundles.into_iter().map(|bundle| (bundle.site_id, bundle)).collect()
}

fn site(record: SiteRecord) -> Site {
    let SiteRecord { id, spec, addresses, public_keys, port_base, .. } = record;
    Site { id, spec, addresses, public_keys, port_base, spare_key: None }
}

/// The tars of those bundles that were uploaded.
async fn uploads<'a>(
    store: &Arc<dyn Store>,
    bundles: impl IntoIterator<Item = &'a Bundle>,
) -> Result<BTreeMap<SiteId, Rope>> {
    let mut tars = BTreeMap::new();
    for bundle in bundles.into_iter().filter(|bundle| bundle.source == Source::Uploaded) {
        tars.insert(bundle.site_id, rope(&store.stored_bundle(bundle.digest).await?)?);
    }
    Ok(tars)
}
