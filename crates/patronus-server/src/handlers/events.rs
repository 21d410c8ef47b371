//! Events, read or waited for.

use std::time::Duration;

use axum::body::Body;
use http::Response;
use patronus_store::{EventFilter, Page};
use patronus_types::TenantId;
use patronus_types::api::MAX_WAIT_S;

use crate::error::{Error, Result};
use crate::extract::Call;
use crate::respond;

/// `GET /v1/events`
pub async fn list(call: Call) -> Result<Response<Body>> {
    let query = call.list()?;
    let page = Call::page(&query)?;
    let tenant = call.tenant(query.tenant.as_ref()).await?;
    let network = call.network_filter(tenant, query.network.as_ref()).await?;
    let filter = EventFilter { network, kind: query.kind.clone(), after: query.after };
    if let Some(wait) = query.wait.filter(|&seconds| seconds > 0) {
        if query.after.is_none() || wait > MAX_WAIT_S {
            return Err(Error::invalid("/wait", format_args!("at most {MAX_WAIT_S} seconds, and only with `after`")));
        }
        until_there_is_one(&call, tenant, &filter, &page, Duration::from_secs(wait.into())).await?;
    }
    respond::page(&call.app.store.events(tenant, filter, page).await?, call.uri())
}

/// Returns when there is an event that fits, when the time is over, or when the server stops.
async fn until_there_is_one(
    call: &Call,
    tenant: TenantId,
    filter: &EventFilter,
    page: &Page,
    wait: Duration,
) -> Result<()> {
    // Watch first, look then: an event between the two is seen.
    let mut newest = call.app.index.events(tenant);
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        newest.borrow_and_update();
        let one = Page { limit: 1, ..page.clone() };
        if !call.app.store.events(tenant, filter.clone(), one).await?.items.is_empty() {
            return Ok(());
        }
        tokio::select! {
            _ = newest.changed() => {}
            () = tokio::time::sleep_until(deadline) => return Ok(()),
            () = call.app.stopping() => return Ok(()),
        }
    }
}
