//! What a release holds for each site: listed, read, downloaded; and bundles that operators upload.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response};
use patronus_core::archive::compress;
use patronus_core::rope::{Chunk, Rope, SliceRef};
use patronus_store::StoredBundle;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::page::ScopeQuery;
use patronus_types::api::{GZIP, MAX_ARCHIVE_BYTES};
use patronus_types::bundle::Bundle;
use patronus_types::network::Network;
use patronus_types::release::Terms;
use patronus_types::risk::Risk;
use patronus_types::{Digest, Ref};

use super::releases::{checked, version_of};
use crate::error::{Error, Result};
use crate::extract::Call;
use crate::{publish, respond};

const UPLOAD_TYPES: &[&str] = &[GZIP, "application/x-gzip", "application/octet-stream"];

/// `GET /v1/releases/{version}/bundles`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network(tenant, query.network.as_ref()).await?;
    let version = version_of(&call, network.id).await?;
    respond::json(&call.app.store.bundles(network.id, version).await?)
}

/// `GET /v1/releases/{version}/bundles/{siteId}`
pub async fn get(call: Call) -> Result<Response<Body>> {
    let (_, bundle) = found(&call, &call.scope()?).await?;
    respond::json(&bundle)
}

/// `GET /v1/releases/{version}/bundles/{siteId}/archive`
pub async fn download(call: Call) -> Result<Response<Body>> {
    let (network, bundle) = found(&call, &call.scope()?).await?;
    let mut response = archive(&call, bundle.digest).await?;
    let name = format!("attachment; filename=\"{}-{}-{}.tar.gz\"", network.spec.name, bundle.site, bundle.version);
    respond::set(&mut response, http::header::CONTENT_DISPOSITION, &name);
    Ok(response)
}

/// `POST /v1/bundles`
pub async fn upload(mut call: Call) -> Result<Response<Body>> {
    let scope = call.scope()?;
    let accept_risks = accepted(scope.accept_risks.as_deref())?;
    let terms = Terms { confirm_timeout_s: scope.confirm_timeout_s, accept_risks };
    let words = checked(scope.message.unwrap_or_default(), terms)?;
    let archive = call.archive(UPLOAD_TYPES, MAX_ARCHIVE_BYTES).await?;
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    let write = call.write(tenant, scope.dry_run)?;
    let published = publish::upload(&call.app, write, network.id, archive, scope.site.as_ref(), words).await?;
    super::releases::published(&published)
}

/// The risks that a query names, parted by commas.
fn accepted(codes: Option<&str>) -> Result<BTreeSet<Risk>> {
    let codes = codes.into_iter().flat_map(|codes| codes.split(','));
    let refused = |error: patronus_types::Invalid| Error::invalid("/accept_risks", error);
    codes.map(|code| code.parse().map_err(refused)).collect()
}

/// The `.tar.gz` of a bundle: made when it is first asked for, and kept.
pub(super) async fn archive(call: &Call, digest: Digest) -> Result<Response<Body>> {
    let etag = HeaderValue::try_from(format!("\"{digest}\"")).map_err(Error::internal)?;
    if respond::matches_etag(call.headers(), &etag) {
        return Ok(respond::immutable(Bytes::new(), GZIP, &etag, call.headers()));
    }
    let stored = call.app.store.stored_bundle(digest).await?;
    let archive = match stored.archive.clone() {
        Some(archive) => archive,
        None => {
            let _turn = call.app.packing.acquire().await.map_err(Error::internal)?;
            let made = tokio::task::spawn_blocking(move || make_archive(&stored, digest));
            let archive: Arc<[u8]> = made.await.map_err(Error::internal)??.into();
            keep(call, digest, archive.clone());
            archive
        }
    };
    Ok(respond::immutable(Bytes::from_owner(archive), GZIP, &etag, call.headers()))
}

/// Nobody waits for this: what is lost with the server is made again.
fn keep(call: &Call, digest: Digest, archive: Arc<[u8]>) {
    let store = call.app.store.clone();
    tokio::spawn(async move {
        if let Err(error) = store.keep_archive(digest, archive).await {
            tracing::warn!(%error, %digest, "cannot keep an archive; it is made again when asked for");
        }
    });
}

fn make_archive(stored: &StoredBundle, digest: Digest) -> Result<Vec<u8>> {
    let tar = rope(stored)?;
    let found = tar.digest();
    if found != digest {
        return Err(Error::internal(format_args!("bundle {digest} is stored with the content of {found}")));
    }
    let archive = compress(&tar).map_err(Error::internal)?;
    if archive.len() > MAX_ARCHIVE_BYTES {
        return Err(Error::new(
            ErrorCode::TooLarge,
            format_args!("the archive has {} bytes, and agents take at most {MAX_ARCHIVE_BYTES}", archive.len()),
        ));
    }
    Ok(archive)
}

/// The tar of a stored bundle.
pub(crate) fn rope(stored: &StoredBundle) -> Result<Rope> {
    let refs: Vec<_> = stored
        .slices
        .iter()
        .map(|slice| SliceRef { chunk: slice.chunk, offset: slice.offset, len: slice.len })
        .collect();
    let chunk = |digest: Digest| {
        let found = stored.chunks.iter().find(|chunk| chunk.digest == digest)?;
        // The store has checked it.
        Some(Chunk::checked(digest, found.bytes.clone()))
    };
    Rope::resolve(&refs, chunk).map_err(Error::internal)
}

/// The bundle a path means: by id, by the site's name today, or by its name when the release was made.
async fn found(call: &Call, scope: &ScopeQuery) -> Result<(Network, Bundle)> {
    let tenant = call.tenant(scope.tenant.as_ref()).await?;
    let network = call.network(tenant, scope.network.as_ref()).await?;
    let version = version_of(call, network.id).await?;
    let wanted = call.param(1);
    let reference: Ref = wanted.parse().map_err(|error| Error::new(ErrorCode::NotFound, error))?;
    let site = match &reference {
        Ref::Id(_) => wanted.parse().ok(),
        Ref::Name(_) => {
            call.app.store.site(tenant, Some(network.id), &reference, call.now).await.ok().map(|site| site.id)
        }
    };
    if let Some(site) = site
        && let Ok(bundle) = call.app.store.bundle(network.id, version, site).await
    {
        return Ok((network, bundle));
    }
    let bundles = call.app.store.bundles(network.id, version).await?;
    let named = bundles.into_iter().find(|bundle| bundle.site.as_str() == wanted);
    let missing =
        || Error::new(ErrorCode::NotFound, format_args!("release {version} has no bundle for site `{wanted}`"));
    Ok((network, named.ok_or_else(missing)?))
}
