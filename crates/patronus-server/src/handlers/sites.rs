//! Sites.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use patronus_core::{mesh, validate};
use patronus_store::{NewSite, SiteFilter, Store, Write};
use patronus_types::api::error::Fault;
use patronus_types::api::standing::ModeRequest;
use patronus_types::site::{Site, SiteInput, SiteSpec};
use patronus_types::{PublicKey, SiteId, TenantId};
use serde_json::{Map, Value};

use super::{patched, valid};
use crate::app::new_id;
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::{declared, respond, rotation};

/// `GET /v1/sites`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, query.network.as_ref()).await?;
    let filter = SiteFilter { network, status: query.status.unwrap_or_default() };
    let mut sites = call.app.store.sites(tenant, filter, Call::page(&query)?, call.now).await?;
    rotation::tell(&call.app, tenant, &mut sites.items, call.now).await?;
    respond::page(&sites, call.uri())
}

/// `POST /v1/sites`
pub async fn create(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let input: SiteInput = call.json().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, input.network.as_ref().or(scope.network.as_ref())).await?;
    let (spec, public_key) = resolved(input)?;
    let write = call.write(tenant, scope.dry_run)?;
    let new = NewSite { id: new_id!(call.app, call.now, SiteId), network: network.id, spec, public_key };
    let made = declared::new_site(&network.spec, &new);
    let change = |sites: &mut Vec<mesh::Site>| sites.push(made.clone());
    let carry_out = |store: Arc<dyn Store>, write: Write| {
        let new = new.clone();
        async move { store.create_site(&write, new).await }
    };
    let site = declared::of_site(&call.app, (&write, network.id), change, carry_out).await?;
    Ok(respond::tagged(respond::created(&site, &format!("/v1/sites/{}", site.id))?, site.version))
}

/// `GET /v1/sites/{siteId}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    let site = call.app.store.site(tenant, network, &call.reference(0)?, call.now).await?;
    answer(&call, tenant, site).await
}

/// `PATCH /v1/sites/{siteId}`
pub async fn update(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let expected = call.if_match()?;
    let patch = call.patch().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    let site = call.app.store.site(tenant, network, &call.reference(0)?, call.now).await?;
    let (spec, public_key) = changed(&site, patch)?;
    let write = call.write(tenant, scope.dry_run)?;
    let expected = expected.unwrap_or(site.version);
    let change = |sites: &mut Vec<mesh::Site>| {
        sites.iter_mut().filter(|known| known.id == site.id).for_each(|known| known.spec = spec.clone());
    };
    let carry_out = |store: Arc<dyn Store>, write: Write| {
        let (id, spec) = (site.id, spec.clone());
        async move { store.update_site(&write, id, expected, spec, public_key).await }
    };
    let site = declared::of_site(&call.app, (&write, site.network_id), change, carry_out).await?;
    answer(&call, tenant, site).await
}

/// `POST /v1/sites/{siteId}/mode`
pub async fn set_mode(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let ModeRequest { mode } = call.json().await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    let site = call.app.store.site(tenant, network, &call.reference(0)?, call.now).await?;
    let site = call.app.store.set_site_mode(&call.write(tenant, scope.dry_run)?, site.id, mode).await?;
    answer(&call, tenant, site).await
}

/// `DELETE /v1/sites/{siteId}`
pub async fn delete(call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let expected = call.if_match()?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, scope.network.as_ref()).await?;
    let site = call.app.store.site(tenant, network, &call.reference(0)?, call.now).await?;
    let write = call.write(tenant, scope.dry_run)?;
    let expected = expected.unwrap_or(site.version);
    let change = |sites: &mut Vec<mesh::Site>| sites.retain(|known| known.id != site.id);
    let id = site.id;
    let carry_out = |store: Arc<dyn Store>, write: Write| async move { store.delete_site(&write, id, expected).await };
    declared::of_site(&call.app, (&write, site.network_id), change, carry_out).await?;
    if !write.dry_run {
        call.app.paths.forget(site.id);
    }
    Ok(respond::no_content())
}

/// The normal form of what was sent, with every value checked.
pub(super) fn resolved(input: SiteInput) -> Result<(SiteSpec, Option<PublicKey>)> {
    let (spec, public_key) = input.into_spec().map_err(|error| Error::invalid("/endpoints", error))?;
    let mut faults = validate::site(&spec);
    if let Some(key) = public_key {
        let own = validate::public_keys(&[key]).into_iter();
        faults.extend(own.map(|fault| Fault { pointer: "/public_key".to_owned(), ..fault }));
    }
    valid(faults)?;
    Ok((spec, public_key))
}

/// A site with a patch. The shorthand `endpoints` stands for all uplinks, so it fits only a site made with it.
fn changed(site: &Site, patch: Map<String, Value>) -> Result<(SiteSpec, Option<PublicKey>)> {
    let mut object = serde_json::to_value(SiteInput::from(site.spec.clone())).map_err(Error::internal)?;
    if patch.contains_key("network") {
        return Err(Error::invalid("/network", "a site does not move between networks: make it anew there"));
    }
    if patch.contains_key("endpoints") && !patch.contains_key("uplinks") {
        let plain = site
            .spec
            .uplinks
            .iter()
            .enumerate()
            .all(|(index, uplink)| uplink.name.as_str() == format!("uplink{index}") && uplink.device.is_none());
        if !plain {
            let detail = "this site's uplinks say more than endpoints: change `uplinks` instead";
            return Err(Error::invalid("/endpoints", detail));
        }
        object.as_object_mut().map(|fields| fields.remove("uplinks"));
    }
    resolved(patched(object, patch)?)
}

async fn answer(call: &Call, tenant: TenantId, mut site: Site) -> Result<Response<Body>> {
    rotation::tell(&call.app, tenant, std::slice::from_mut(&mut site), call.now).await?;
    Ok(respond::tagged(respond::json(&site)?, site.version))
}
