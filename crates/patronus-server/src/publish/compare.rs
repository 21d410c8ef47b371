//! What differs between two releases, site by site.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use patronus_core::diff;
use patronus_core::mesh::content;
use patronus_types::api::releases::ReleaseDiff;
use patronus_types::bundle::{Bundle, Content};
use patronus_types::{Digest, Name, NetworkId};

use crate::app::App;
use crate::error::{Error, Result};
use crate::handlers::bundles::rope;

/// Compares two releases; version 0 is before the first.
pub async fn compare(app: &Arc<App>, network: NetworkId, from: u64, to: u64) -> Result<ReleaseDiff> {
    let before = bundles(app, network, from).await?;
    let after = bundles(app, network, to).await?;
    let names: BTreeSet<&Name> = before.keys().chain(after.keys()).collect();
    let mut sites = Vec::new();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old.map(|bundle| bundle.digest) == new.map(|bundle| bundle.digest) {
            continue;
        }
        let old = read(app, old.map(|bundle| bundle.digest)).await?;
        let new = read(app, new.map(|bundle| bundle.digest)).await?;
        sites.extend(diff::site(name, old.as_ref(), new.as_ref()));
    }
    Ok(ReleaseDiff { from, to, sites })
}

async fn bundles(app: &Arc<App>, network: NetworkId, version: u64) -> Result<BTreeMap<Name, Bundle>> {
    if version == 0 {
        return Ok(BTreeMap::new());
    }
    let bundles = app.store.bundles(network, version).await?;
    Ok(bundles.into_iter().map(|bundle| (bundle.site.clone(), bundle)).collect())
}

async fn read(app: &Arc<App>, digest: Option<Digest>) -> Result<Option<Content>> {
    let Some(digest) = digest else { return Ok(None) };
    let stored = app.store.stored_bundle(digest).await?;
    let read = move || content(&rope(&stored)?.to_vec()).map_err(Error::internal);
    tokio::task::spawn_blocking(read).await.map_err(Error::internal)?.map(Some)
}
