//! From manifests to the steps that the store takes: networks first, then sites, then policies.

use std::collections::BTreeMap;

use patronus_core::validate;
use patronus_store::{ApplyOp, NewNetwork, NewPolicy, NewSite, SiteFilter, StoreError};
use patronus_types::api::apply::Applied;
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::api::page::{ScopeQuery, StatusFilter};
use patronus_types::api::releases::Change;
use patronus_types::manifest::Manifest;
use patronus_types::network::NetworkSpec;
use patronus_types::permission::Permission;
use patronus_types::policy::{Policy, PolicyInput};
use patronus_types::site::{Site, SiteInput};
use patronus_types::{Name, NetworkId, PolicyId, Ref, SiteId, TenantId};

use super::fields::differing;
use crate::app::new_id;
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::handlers::{every, policies, sites, valid};

/// What there is to do, and what is answered once it is done.
pub struct Plan {
    /// One for each document, in their order.
    pub results: Vec<Applied>,
    /// The steps.
    pub ops: Vec<ApplyOp>,
}

/// Compares manifests with what there is.
pub async fn plan(call: &Call, tenant: TenantId, scope: &ScopeQuery, documents: Vec<Manifest>) -> Result<Plan> {
    let mut planner =
        Planner { call, tenant, scope, networks: BTreeMap::new(), sites: BTreeMap::new(), policies: BTreeMap::new() };
    let mut results: Vec<Option<Applied>> = documents.iter().map(|_| None).collect();
    let (mut ops, mut faults) = (Vec::new(), Vec::new());
    let (mut waiting, mut last) = (Vec::new(), Vec::new());
    for (index, document) in documents.into_iter().enumerate() {
        match document {
            Manifest::Policy(input) => last.push((index, *input)),
            Manifest::Site(input) => waiting.push((index, *input)),
            Manifest::Network(spec) => {
                let planned = planner.network(spec, &mut ops).await;
                keep(index, planned, &mut results, &mut faults)?;
            }
        }
    }
    for (index, input) in waiting {
        let planned = planner.site(input, &mut ops).await;
        keep(index, planned, &mut results, &mut faults)?;
    }
    for (index, input) in last {
        let planned = planner.policy(input, &mut ops).await;
        keep(index, planned, &mut results, &mut faults)?;
    }
    valid(faults)?;
    Ok(Plan { results: results.into_iter().flatten().collect(), ops })
}

/// Invalid values are collected over all documents; any other error ends the request.
fn keep(
    index: usize,
    planned: Result<Applied>,
    results: &mut [Option<Applied>],
    faults: &mut Vec<Fault>,
) -> Result<()> {
    match planned {
        Ok(applied) => {
            if let Some(place) = results.get_mut(index) {
                *place = Some(applied);
            }
            Ok(())
        }
        Err(error) if error.code() == ErrorCode::Invalid => {
            let below = |fault: Fault| Fault { pointer: format!("/documents/{index}{}", fault.pointer), ..fault };
            faults.extend(error.into_faults().into_iter().map(below));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

struct Planner<'a> {
    call: &'a Call,
    tenant: TenantId,
    scope: &'a ScopeQuery,
    /// Networks among the documents.
    networks: BTreeMap<Name, NetworkId>,
    /// Sites of the networks that documents name, as they are; none once a document has named one.
    sites: BTreeMap<NetworkId, BTreeMap<Name, Option<Site>>>,
    /// The same of policies.
    policies: BTreeMap<NetworkId, BTreeMap<Name, Option<Policy>>>,
}

impl Planner<'_> {
    async fn network(&mut self, spec: NetworkSpec, ops: &mut Vec<ApplyOp>) -> Result<Applied> {
        valid(validate::network(&spec))?;
        if self.networks.contains_key(&spec.name) {
            return Err(Error::invalid("/name", "another document is for this network too"));
        }
        let name = spec.name.clone();
        let known = match self.call.app.store.network(self.tenant, &Ref::Name(name.clone())).await {
            Ok(network) => Some(network),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let (change, fields) = match known {
            None => {
                let id = new_id!(self.call.app, self.call.now, NetworkId);
                self.networks.insert(name.clone(), id);
                self.sites.insert(id, BTreeMap::new());
                self.policies.insert(id, BTreeMap::new());
                ops.push(ApplyOp::CreateNetwork(NewNetwork { id, spec }));
                (Change::Created, Vec::new())
            }
            Some(network) => {
                self.networks.insert(name.clone(), network.id);
                let fields = differing(&value(&network.spec)?, &value(&spec)?);
                if !fields.is_empty() {
                    ops.push(ApplyOp::UpdateNetwork { id: network.id, expected: network.version, spec });
                }
                (changed(&fields), fields)
            }
        };
        if change != Change::Unchanged {
            self.call.principal()?.require(Permission::NetworkWrite)?;
        }
        Ok(Applied { kind: "network".to_owned(), name, change, fields })
    }

    async fn site(&mut self, input: SiteInput, ops: &mut Vec<ApplyOp>) -> Result<Applied> {
        let network = self.network_of(input.network.as_ref()).await?;
        let (spec, public_key) = sites::resolved(input)?;
        let name = spec.name.clone();
        let known = match self.sites_of(network).await?.insert(name.clone(), None) {
            Some(None) => return Err(Error::invalid("/name", "another document is for this site too")),
            Some(Some(site)) => Some(site),
            None => None,
        };
        let (change, fields) = match known {
            None => {
                let id = new_id!(self.call.app, self.call.now, SiteId);
                ops.push(ApplyOp::CreateSite(NewSite { id, network, spec, public_key }));
                (Change::Created, Vec::new())
            }
            Some(site) => {
                let mut fields = differing(&value(&site.spec)?, &value(&spec)?);
                if public_key.is_some() && public_key != site.public_key {
                    fields.push("public_key".to_owned());
                }
                if !fields.is_empty() {
                    let (id, expected) = (site.id, site.version);
                    ops.push(ApplyOp::UpdateSite { id, expected, spec: Box::new(spec), public_key });
                }
                (changed(&fields), fields)
            }
        };
        Ok(Applied { kind: "site".to_owned(), name, change, fields })
    }

    async fn policy(&mut self, input: PolicyInput, ops: &mut Vec<ApplyOp>) -> Result<Applied> {
        let network = self.network_of(input.network.as_ref()).await?;
        let spec = policies::resolved(input)?;
        let name = spec.name.clone();
        let known = match self.policies_of(network).await?.insert(name.clone(), None) {
            Some(None) => return Err(Error::invalid("/name", "another document is for this policy too")),
            Some(Some(policy)) => Some(policy),
            None => None,
        };
        let (change, fields) = match known {
            None => {
                let id = new_id!(self.call.app, self.call.now, PolicyId);
                ops.push(ApplyOp::CreatePolicy(NewPolicy { id, network, spec }));
                (Change::Created, Vec::new())
            }
            Some(policy) => {
                let fields = differing(&value(&policy.spec)?, &value(&spec)?);
                if !fields.is_empty() {
                    let (id, expected) = (policy.id, policy.version);
                    ops.push(ApplyOp::UpdatePolicy { id, expected, spec: Box::new(spec) });
                }
                (changed(&fields), fields)
            }
        };
        if change != Change::Unchanged {
            self.call.principal()?.require(Permission::PolicyWrite)?;
        }
        Ok(Applied { kind: "policy".to_owned(), name, change, fields })
    }

    /// The network a site's manifest names, else the request's, else the only one of the documents, else of the tenant.
    async fn network_of(&self, reference: Option<&Ref>) -> Result<NetworkId> {
        if let Some(reference) = reference.or(self.scope.network.as_ref()) {
            if let Ref::Name(name) = reference
                && let Some(id) = self.networks.get(name)
            {
                return Ok(*id);
            }
            let found = self.call.app.store.network(self.tenant, reference).await;
            return match found {
                Ok(network) => Ok(network.id),
                Err(StoreError::NotFound { .. }) => {
                    Err(Error::invalid("/network", format_args!("no network `{reference}`")))
                }
                Err(error) => Err(error.into()),
            };
        }
        match self.networks.values().collect::<Vec<_>>().as_slice() {
            [only] => Ok(**only),
            _ => match self.call.network(self.tenant, None).await {
                Ok(only) => Ok(only.id),
                Err(error) => Err(error.of_field("/network")),
            },
        }
    }

    async fn sites_of(&mut self, network: NetworkId) -> Result<&mut BTreeMap<Name, Option<Site>>> {
        if !self.sites.contains_key(&network) {
            let (store, now) = (&self.call.app.store, self.call.now);
            let filter = SiteFilter { network: Some(network), status: StatusFilter::All };
            let sites = every(|page| store.sites(self.tenant, filter.clone(), page, now)).await?;
            let named = sites.into_iter().map(|site| (site.spec.name.clone(), Some(site))).collect();
            self.sites.insert(network, named);
        }
        Ok(self.sites.entry(network).or_default())
    }
}

impl Planner<'_> {
    async fn policies_of(&mut self, network: NetworkId) -> Result<&mut BTreeMap<Name, Option<Policy>>> {
        if !self.policies.contains_key(&network) {
            let store = &self.call.app.store;
            let policies = every(|page| store.policies(self.tenant, Some(network), page)).await?;
            let named = policies.into_iter().map(|policy| (policy.spec.name.clone(), Some(policy))).collect();
            self.policies.insert(network, named);
        }
        Ok(self.policies.entry(network).or_default())
    }
}

fn value<T: serde::Serialize>(object: &T) -> Result<serde_json::Value> {
    serde_json::to_value(object).map_err(Error::internal)
}

fn changed(fields: &[String]) -> Change {
    if fields.is_empty() { Change::Unchanged } else { Change::Updated }
}
