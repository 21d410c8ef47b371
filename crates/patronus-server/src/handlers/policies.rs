//! Policies.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use patronus_core::mesh::Input;
use patronus_core::policy::{apps as known, expect, test as ask};
use patronus_core::validate;
use patronus_store::{NewPolicy, Store, Write};
use patronus_types::PolicyId;
use patronus_types::api::policies::{AppList, TestRequest, TestResponse, Written};
use patronus_types::policy::{Policy, PolicyInput, PolicySpec};

use super::{patched, valid};
use crate::app::new_id;
use crate::declared::{self, guarded, put};
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::{publish, respond};

/// `GET /v1/policies`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, query.network.as_ref()).await?;
    let policies = call.app.store.policies(tenant, network, Call::page(&query)?).await?;
    respond::page(&policies, call.uri())
}

/// `POST /v1/policies`
pub async fn create(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let input: PolicyInput = call.json().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, input.network.as_ref().or(scope.network.as_ref())).await?.id;
    let spec = resolved(input)?;
    let write = call.write(tenant, scope.dry_run)?;
    let new = NewPolicy { id: new_id!(call.app, call.now, PolicyId), network, spec: spec.clone() };
    let change = |input: &mut Input| put(&mut input.policies, None, spec.clone());
    let carry_out = move |store: Arc<dyn Store>, write: Write| {
        let new = new.clone();
        async move { store.create_policy(&write, new).await }
    };
    let (policy, warnings) = guarded(&call.app, (&write, network), change, carry_out).await?;
    let (location, version) = (format!("/v1/policies/{}", policy.id), policy.version);
    Ok(respond::tagged(respond::created(&Written { policy, warnings }, &location)?, version))
}

/// `GET /v1/policies/{policyId}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    let policy = found(&call).await?;
    Ok(respond::tagged(respond::json(&policy)?, policy.version))
}

/// `PATCH /v1/policies/{policyId}`
pub async fn update(mut call: Call) -> Result<Response<Body>> {
    let expected = call.if_match()?;
    let patch = call.patch().await?;
    let before = found(&call).await?;
    if patch.contains_key("network") {
        return Err(Error::invalid("/network", "a policy does not move between networks: make it anew there"));
    }
    let object = serde_json::to_value(PolicyInput::from(before.spec.clone())).map_err(Error::internal)?;
    let spec = resolved(patched(object, patch)?)?;
    let scope = call.scope()?;
    let write = call.write(call.tenant(scope.tenant.as_ref()).await?, scope.dry_run)?;
    let expected = expected.unwrap_or(before.version);
    let change = |input: &mut Input| {
        put(&mut input.policies, Some(&before.spec.name), spec.clone());
    };
    let carry_out = |store: Arc<dyn Store>, write: Write| {
        let (id, spec) = (before.id, spec.clone());
        async move { store.update_policy(&write, id, expected, spec).await }
    };
    let (policy, warnings) = guarded(&call.app, (&write, before.network_id), change, carry_out).await?;
    let version = policy.version;
    Ok(respond::tagged(respond::json(&Written { policy, warnings })?, version))
}

/// `DELETE /v1/policies/{policyId}`
pub async fn delete(call: Call) -> Result<Response<Body>> {
    let expected = call.if_match()?;
    let policy = found(&call).await?;
    let scope = call.scope()?;
    let write = call.write(call.tenant(scope.tenant.as_ref()).await?, scope.dry_run)?;
    let expected = expected.unwrap_or(policy.version);
    let change = |input: &mut Input| {
        input.policies.retain(|other| other.name != policy.spec.name);
    };
    let id = policy.id;
    let carry_out =
        |store: Arc<dyn Store>, write: Write| async move { store.delete_policy(&write, id, expected).await };
    guarded(&call.app, (&write, policy.network_id), change, carry_out).await?;
    Ok(respond::no_content())
}

/// `POST /v1/policies/test`
pub async fn test(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let request: TestRequest = call.json().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, request.network.as_ref().or(scope.network.as_ref())).await?;
    let input = publish::input(&call.app.store.compile_input(tenant, network.id).await?);
    let rules = declared::rules(&input)?;
    let asks_nothing = TestRequest { network: request.network.clone(), ..TestRequest::default() } == request;
    let answer = match (&request.from, &request.to) {
        (Some(from), Some(to)) => {
            let verdicts = ask(&request, (from, to), &rules, &input.sites);
            let verdicts = verdicts.map_err(|why| Error::invalid("", why))?;
            TestResponse { verdicts, expectations: 0, failed: Vec::new() }
        }
        (None, None) if asks_nothing => {
            let untrue = expect::expectations(&input.policies, &rules, &input.sites);
            let expectations = input.policies.iter().map(|policy| policy.expect.len()).sum::<usize>();
            TestResponse {
                verdicts: Vec::new(),
                expectations: u64::try_from(expectations).unwrap_or(u64::MAX),
                failed: untrue.into_iter().map(|fault| fault.detail).collect(),
            }
        }
        (Some(_), None) => return Err(Error::invalid("/to", "say also where the packets go")),
        (None, _) => return Err(Error::invalid("/from", "say also where the packets come from")),
    };
    respond::json(&answer)
}

/// `GET /v1/apps`
pub async fn apps(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    respond::json(&AppList { items: known(&network.spec.apps) })
}

/// What was sent, with every value checked.
pub(super) fn resolved(input: PolicyInput) -> Result<PolicySpec> {
    let spec = input.into_spec();
    valid(validate::policy(&spec))?;
    Ok(spec)
}

async fn found(call: &Call) -> Result<Policy> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    Ok(call.app.store.policy(tenant, network, &call.reference(0)?).await?)
}
