//! Networks.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use patronus_core::mesh::Input;
use patronus_core::validate;
use patronus_store::{NewNetwork, Store, Write};
use patronus_types::NetworkId;
use patronus_types::api::releases::SigningKey;
use patronus_types::network::{Network, NetworkSpec};

use super::{patched, valid};
use crate::app::new_id;
use crate::declared;
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::respond;

/// `GET /v1/networks`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let networks = call.app.store.networks(tenant, Call::page(&query)?).await?;
    respond::page(&networks, call.uri())
}

/// `POST /v1/networks`
pub async fn create(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let spec: NetworkSpec = call.json().await?;
    valid(validate::network(&spec))?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let new = NewNetwork { id: new_id!(call.app, call.now, NetworkId), spec };
    let network = call.app.store.create_network(&call.write(tenant, scope.dry_run)?, new).await?;
    Ok(respond::tagged(respond::created(&network, &format!("/v1/networks/{}", network.id))?, network.version))
}

/// `GET /v1/networks/{networkId}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    answer(&call.app.store.network(tenant, &call.reference(0)?).await?)
}

/// `PATCH /v1/networks/{networkId}`
pub async fn update(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let expected = call.if_match()?;
    let patch = call.patch().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.app.store.network(tenant, &call.reference(0)?).await?;
    let spec: NetworkSpec = patched(serde_json::to_value(&network.spec).map_err(Error::internal)?, patch)?;
    valid(validate::network(&spec))?;
    let write = call.write(tenant, scope.dry_run)?;
    let (id, expected) = (network.id, expected.unwrap_or(network.version));
    let change = |input: &mut Input| input.spec = spec.clone();
    let carry_out = |store: Arc<dyn Store>, write: Write| {
        let spec = spec.clone();
        async move { store.update_network(&write, id, expected, spec).await }
    };
    answer(&declared::of_network(&call.app, (&write, id), change, carry_out).await?)
}

/// `DELETE /v1/networks/{networkId}`
pub async fn delete(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let expected = call.if_match()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.app.store.network(tenant, &call.reference(0)?).await?;
    let write = call.write(tenant, scope.dry_run)?;
    call.app.store.delete_network(&write, network.id, expected.unwrap_or(network.version)).await?;
    Ok(respond::no_content())
}

/// `GET /v1/networks/{networkId}/signing-key`
pub async fn signing_key(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    call.app.store.network(tenant, &call.reference(0)?).await?;
    let key = call.app.signing_key.verifying_key();
    respond::json(&SigningKey { public_key: key.to_text(), key_id: key.id().to_string() })
}

fn answer(network: &Network) -> Result<Response<Body>> {
    Ok(respond::tagged(respond::json(network)?, network.version))
}
