//! What a release will be made of, read from the store at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use patronus_core::mesh::{Input, Site};
use patronus_core::rope::Rope;
use patronus_store::{NetworkRecord, RotationStep, SiteRecord, Store};
use patronus_types::api::agent::Undone;
use patronus_types::bundle::{Bundle, Party, Source};
use patronus_types::network::NetworkSpec;
use patronus_types::release::{Declared, DeclaredSite, ReleaseKind, Terms};
use patronus_types::{Name, NetworkId, SiteId};

use super::{Job, What, rotate, still};
use crate::error::Result;
use crate::handlers::bundles::rope;

/// How many deleted sites are named.
const NAMED: usize = 10;

/// A release before it is compiled.
pub struct Plan {
    /// How it comes to be.
    pub kind: ReleaseKind,
    /// The version whose declared state a rollback takes.
    pub rollback_of: Option<u64>,
    /// The step in the replacing of a site's keys that it takes.
    pub step: Option<RotationStep>,
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
    /// Sites whose agent has other keys than the others would be told.
    pub other_keys: Vec<Name>,
    /// Sites whose agent left: the others still keep tunnels for them.
    pub left: Vec<Name>,
    /// What a rollback does not bring back, and why.
    pub gone: Option<String>,
    /// What is to be said of sites that keep what they run.
    pub still: Vec<String>,
    /// The network's generation.
    pub generation: u64,
    /// Whether a release is due whatever is in it: there is none yet, or what it was compiled from has changed.
    pub due: bool,
    /// The release's number.
    pub version: u64,
    /// What holds for it alone.
    pub terms: Terms,
}

impl Plan {
    pub(super) async fn new(job: &Job<'_>) -> Result<Self> {
        let store = &job.app.store;
        let mut record = store.compile_input(job.write.tenant, job.network).await?;
        let step = match &job.what {
            What::Step(step) => Some(rotate::take(store, &mut record, *step).await?),
            _ => None,
        };
        let before = match record.network.released_version {
            Some(version) => by_site(store.bundles(job.network, version).await?),
            None => BTreeMap::new(),
        };
        let mut plan = Self { terms: job.words.terms.clone(), step, ..Self::declared(record, before) };
        match &job.what {
            What::Declared(false) => plan.uploaded = uploads(store, plan.before.values()).await?,
            What::Declared(true) => {}
            What::Step(_) => {
                (plan.kind, plan.due) = (ReleaseKind::Rotation, true);
                plan.uploaded = uploads(store, plan.before.values()).await?;
            }
            What::Older(version) => {
                plan.go_back_to(*version, store.declared(job.network, *version).await?);
                plan.uploaded = uploads(store, &store.bundles(job.network, *version).await?).await?;
            }
            What::Uploaded(upload) => {
                plan.kind = ReleaseKind::Upload;
                plan.uploaded = uploads(store, plan.before.values()).await?;
                plan.uploaded.extend(upload.bundles(&plan.party(), &plan.input)?);
            }
        }
        plan.declared = plan.declared_state();
        plan.due |= plan.accepts_more(job).await?;
        Ok(plan)
    }

    /// The declared state as it is now, everything compiled.
    fn declared(record: NetworkRecord, before: BTreeMap<SiteId, Bundle>) -> Self {
        let input = input(&record);
        let NetworkRecord { network, sites, next_version, policies: _, rotation: _ } = record;
        let declared = Declared { network: network.spec, sites: Vec::new(), policies: Vec::new() };
        let left = sites.iter().filter(|site| site.left_at.is_some()).map(|site| site.spec.name.clone()).collect();
        let still = sites.iter().filter_map(still::warning).collect();
        let other_keys = sites.iter().filter(|site| site.other_keys().is_some());
        let other_keys = other_keys.map(|site| site.spec.name.clone()).collect();
        let undone = sites.iter().filter(|site| !site.undone.is_empty());
        let undone = undone.map(|site| (site.id, site.undone.clone())).collect();
        Self {
            kind: ReleaseKind::Publish,
            rollback_of: None,
            step: None,
            input,
            declared,
            uploaded: BTreeMap::new(),
            before,
            other_keys,
            left,
            gone: None,
            still,
            undone,
            generation: network.generation,
            due: network.dirty || network.released_version.is_none(),
            version: next_version,
            terms: Terms::default(),
        }
    }

    /// Whether the release before lacks a risk that is accepted now. Then the same content is signed anew: a site that has
    /// refused it will take it.
    async fn accepts_more(&self, job: &Job<'_>) -> Result<bool> {
        if self.before.is_empty() || self.terms.accept_risks.is_empty() {
            return Ok(false);
        }
        let before = job.app.store.release(job.network, None).await?.terms;
        Ok(!self.terms.accept_risks.is_subset(&before.accept_risks))
    }

    /// Declared values from then; keys, addresses, names and membership from today.
    fn go_back_to(&mut self, version: u64, then: Declared) {
        (self.kind, self.rollback_of) = (ReleaseKind::Rollback, Some(version));
        let sites = then.sites.len();
        let NetworkSpec { name, range, range6, .. } = self.input.spec.clone();
        self.input.spec = NetworkSpec { name, range, range6, ..then.network };
        self.input.policies = then.policies;
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
        let mut gone: Vec<Name> = specs.into_values().map(|spec| spec.name).collect();
        gone.sort();
        self.gone = (!gone.is_empty()).then(|| stays_deleted(version, sites, &gone));
    }

    fn party(&self) -> Party<NetworkId> {
        Party { id: self.input.network, name: self.input.spec.name.clone() }
    }

    fn declared_state(&self) -> Declared {
        let source = |id| if self.uploaded.contains_key(&id) { Source::Uploaded } else { Source::Compiled };
        let declared = |site: &Site| DeclaredSite { id: site.id, spec: site.spec.clone(), source: source(site.id) };
        let mut sites: Vec<_> = self.input.sites.iter().map(declared).collect();
        sites.sort_by_key(|site| site.id);
        Declared { network: self.input.spec.clone(), sites, policies: self.input.policies.clone() }
    }
}

/// That sites which a version had are not brought back by going back to it.
fn stays_deleted(version: u64, sites: usize, gone: &[Name]) -> String {
    let names: Vec<&str> = gone.iter().take(NAMED).map(|name| name.as_str()).collect();
    let more = gone.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let which = if gone.len() == sites { "all sites" } else { "these sites" };
    format!(
        "{which} of version {version} were deleted since, and a rollback brings none of them back: {}{more}; create them \
         again and let them join",
        names.join(", ")
    )
}

fn by_site(bundles: Vec<Bundle>) -> BTreeMap<SiteId, Bundle> {
    bundles.into_iter().map(|bundle| (bundle.site_id, bundle)).collect()
}

/// What is compiled of a network.
pub fn input(record: &NetworkRecord) -> Input {
    let NetworkRecord { network, sites, policies, rotation, next_version: _ } = record;
    Input {
        network: network.id,
        spec: network.spec.clone(),
        sites: sites.iter().map(site).collect(),
        rotation: rotation.as_ref().and_then(rotate::rotating),
        policies: policies.clone(),
    }
}

fn site(record: &SiteRecord) -> Site {
    Site {
        id: record.id,
        spec: record.spec.clone(),
        addresses: record.addresses.clone(),
        public_keys: record.public_keys.clone(),
        port_base: record.port_base,
        spare_key: record.keys.spare,
    }
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
