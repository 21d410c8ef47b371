//! Whether policies hold after a set of manifests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use patronus_core::mesh::Input;
use patronus_store::{ApplyOp, StoreError};
use patronus_types::{NetworkId, Ref, TenantId};

use crate::declared::{self, new_site, put};
use crate::error::Result;
use crate::extract::Call;
use crate::publish::input;

/// What was looked at.
#[derive(Default)]
pub struct Held {
    /// The generations of the networks.
    pub seen: Vec<(NetworkId, u64)>,
    /// What is to be said of their policies.
    pub warnings: Vec<String>,
}

/// Looks at every network with policies that the steps change.
pub async fn look(call: &Call, tenant: TenantId, ops: &[ApplyOp]) -> Result<Held> {
    let mut networks: BTreeMap<NetworkId, (Input, Option<u64>)> = BTreeMap::new();
    for op in ops {
        let Some(id) = network_of(call, tenant, op).await? else { continue };
        let (input, _) = match networks.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(match op {
                ApplyOp::CreateNetwork(new) => (nothing(id, new.spec.clone()), None),
                _ => {
                    let record = call.app.store.compile_input(tenant, id).await?;
                    (input(&record), Some(record.network.generation))
                }
            }),
        };
        change(input, op);
    }
    let mut held = Held::default();
    for (id, (input, generation)) in networks.into_iter().filter(|(_, (input, _))| !input.policies.is_empty()) {
        held.warnings.extend(declared::check(&input)?);
        held.seen.extend(generation.map(|generation| (id, generation)));
    }
    Ok(held)
}

/// The network that a step is about.
async fn network_of(call: &Call, tenant: TenantId, op: &ApplyOp) -> Result<Option<NetworkId>, StoreError> {
    let store = &call.app.store;
    Ok(Some(match op {
        ApplyOp::CreateNetwork(new) => new.id,
        ApplyOp::UpdateNetwork { id, .. } => *id,
        ApplyOp::CreateSite(new) => new.network,
        ApplyOp::CreatePolicy(new) => new.network,
        ApplyOp::UpdateSite { id, .. } => store.site(tenant, None, &Ref::Id((*id).into()), call.now).await?.network_id,
        ApplyOp::UpdatePolicy { id, .. } => store.policy(tenant, None, &Ref::Id((*id).into())).await?.network_id,
    }))
}

fn nothing(network: NetworkId, spec: patronus_types::network::NetworkSpec) -> Input {
    Input { network, spec, sites: Vec::new(), rotation: None, policies: Vec::new() }
}

fn change(input: &mut Input, op: &ApplyOp) {
    match op {
        ApplyOp::CreateNetwork(_) => {}
        ApplyOp::UpdateNetwork { spec, .. } => input.spec = spec.clone(),
        ApplyOp::CreateSite(new) => input.sites.push(new_site(&input.spec, new)),
        ApplyOp::UpdateSite { id, spec, .. } => {
            input.sites.iter_mut().filter(|site| site.id == *id).for_each(|site| site.spec = (**spec).clone());
        }
        ApplyOp::CreatePolicy(new) => put(&mut input.policies, None, new.spec.clone()),
        // A document names a policy, so it keeps its name.
        ApplyOp::UpdatePolicy { spec, .. } => put(&mut input.policies, Some(&spec.name), (**spec).clone()),
    }
}
