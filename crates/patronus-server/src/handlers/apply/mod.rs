//! Sets of manifests in one transaction: what is new is made, what differs is changed, what is the same is left.

mod fields;
mod held;
mod read;
mod steps;

use axum::body::Body;
use http::Response;
use patronus_store::{Applied as Done, StoreError, Write};
use patronus_types::api::apply::{Applied, ApplyResponse};
use patronus_types::api::releases::Change;

use crate::declared::TRIES;
use crate::error::Result;
use crate::extract::Call;
use crate::respond;

/// 10,000 documents have a third of this.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// `POST /v1/apply`
pub async fn apply(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let documents = read::documents(call.json_value(MAX_BYTES).await?)?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let write = call.write(tenant, scope.dry_run)?;
    for _ in 0..TRIES {
        let plan = steps::plan(&call, tenant, &scope, documents.clone()).await?;
        if let Some(answer) = carry_out(&call, &write, plan).await? {
            return respond::json(&answer);
        }
    }
    Err(StoreError::Moved.into())
}

/// Nothing where a network has moved on since it was looked at.
async fn carry_out(call: &Call, write: &Write, plan: steps::Plan) -> Result<Option<ApplyResponse>> {
    let steps::Plan { mut results, ops } = plan;
    let held::Held { seen, warnings } = held::look(call, write.tenant, &ops).await?;
    // Also with nothing to do: a repeat finds nothing to do and must be answered what the first one was.
    if !ops.is_empty() || write.idempotency.is_some() {
        let nothing = ops.is_empty();
        let done = match call.app.store.apply(&Write { seen, ..write.clone() }, ops).await {
            Err(StoreError::Moved) => return Ok(None),
            done => done?,
        };
        if nothing {
            results.iter_mut().for_each(|result| recall(result, &done));
        }
    }
    Ok(Some(ApplyResponse { results, warnings }))
}

/// What the first request did to this document.
fn recall(result: &mut Applied, done: &[Done]) {
    let version = done.iter().find_map(|done| match done {
        Done::Network(network) if result.kind == "network" && network.spec.name == result.name => Some(network.version),
        Done::Policy(policy) if result.kind == "policy" && policy.spec.name == result.name => Some(policy.version),
        Done::Site(site) if result.kind == "site" && site.spec.name == result.name => Some(site.version),
        _ => None,
    });
    match version {
        Some(1) => result.change = Change::Created,
        Some(_) => result.change = Change::Updated,
        None => {}
    }
}
