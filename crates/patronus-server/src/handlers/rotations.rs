//! Replacing sites' keys.

use axum::body::Body;
use http::{Response, StatusCode};
use patronus_types::api::rotation::RotateRequest;

use crate::error::Result;
use crate::extract::Call;
use crate::{respond, rotation};

/// `POST /v1/sites/{siteId}/rotate-key`
pub async fn start(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let RotateRequest { force } = call.json_or_default().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    let site = call.app.store.site(tenant, network, &call.reference(0)?, call.now).await?;
    let location = format!("/v1/sites/{}", site.id);
    let write = call.write(tenant, scope.dry_run)?;
    let rotated = rotation::request(&call.app, rotation::Request { write, site, force }).await?;
    match rotated.started {
        true => respond::created(&rotated, &location),
        false => respond::with_status(StatusCode::OK, &rotated),
    }
}

/// `DELETE /v1/sites/{siteId}/rotate-key`
pub async fn cancel(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    let site = call.app.store.site(tenant, network, &call.reference(0)?, call.now).await?;
    rotation::cancel(&call.app, call.write(tenant, scope.dry_run)?, &site).await?;
    Ok(respond::no_content())
}
