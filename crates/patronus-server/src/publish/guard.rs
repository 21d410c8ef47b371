//! The last look before a release is signed: whether a site might be lost by it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use patronus_core::mesh::content;
use patronus_core::risk::{Danger, dangers, is_thinkable, other_keys};
use patronus_core::rope::Rope;
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::bundle::Content;
use patronus_types::{Host, Name, SiteId};

use super::make::{Draft, Part};
use crate::app::App;
use crate::error::{Error, Result};
use crate::handlers::bundles::rope;

/// How long this server's own names are looked up. What is not found by then is not known, and so endangered by nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most dangers that are told.
const MOST_TOLD: usize = 16;

/// Refuses a draft that might cost a site, unless its publisher accepts that.
pub(super) async fn check(app: &Arc<App>, draft: &Draft) -> Result<()> {
    let mut found: Vec<_> = draft.plan.other_keys.iter().map(|site| (site, other_keys(site))).collect();
    let servers = addresses(&app.public_urls).await;
    if might_endanger(app, draft, &servers).await? {
        for part in &draft.parts {
            found.extend(endangered(app, draft, part, &servers).await?.into_iter().map(|danger| (&part.name, danger)));
        }
    }
    found.retain(|(_, danger)| !draft.plan.terms.accept_risks.contains(&danger.risk));
    if found.is_empty() { Ok(()) } else { Err(refusal(&found)) }
}

async fn might_endanger(app: &Arc<App>, draft: &Draft, servers: &[Vec<IpAddr>]) -> Result<bool> {
    let plan = &draft.plan;
    let Some(version) = plan.before.values().next().map(|bundle| bundle.version) else {
        return Ok(is_thinkable(None, &plan.declared, servers));
    };
    let then = app.store.declared(plan.input.network, version).await?;
    let now: BTreeSet<SiteId> = draft.parts.iter().map(|part| part.site).collect();
    let gone = plan.before.keys().filter(|site| !now.contains(site)).count();
    Ok(is_thinkable(Some((&then, plan.before.len(), gone)), &plan.declared, servers))
}

/// What would happen to one site.
async fn endangered(app: &Arc<App>, draft: &Draft, part: &Part, servers: &[Vec<IpAddr>]) -> Result<Vec<Danger>> {
    let before = draft.plan.before.get(&part.site).map(|bundle| bundle.digest);
    if before == Some(part.hashes.digest) {
        return Ok(Vec::new());
    }
    let before = match before {
        Some(digest) => Some(rope(&app.store.stored_bundle(digest).await?)?),
        None => None,
    };
    let (after, servers) = (part.tar.clone(), servers.to_vec());
    let compare = move || {
        let before = before.as_ref().map(read).transpose()?;
        Ok(dangers(before.as_ref(), &read(&after)?, &servers))
    };
    tokio::task::spawn_blocking(compare).await.map_err(Error::internal)?
}

fn read(tar: &Rope) -> Result<Content> {
    content(&tar.to_vec()).map_err(Error::internal)
}

fn refusal(found: &[(&Name, Danger)]) -> Error {
    let fault = |detail: String| Fault { pointer: String::new(), detail };
    let told = found.iter().take(MOST_TOLD).map(|(site, danger)| fault(format!("site `{site}`: {danger}")));
    let more = found.len().saturating_sub(MOST_TOLD);
    let rest = (more > 0).then(|| fault(format!("and {more} more of this kind")));
    Error::faults(ErrorCode::Risk, told.chain(rest).collect())
}

/// Where agents reach this server, by each of its URLs.
async fn addresses(urls: &[String]) -> Vec<Vec<IpAddr>> {
    let hosts: Vec<Host> = urls.iter().filter_map(|url| Host::of_url(url)).collect();
    let mut found: Vec<Vec<IpAddr>> = hosts.iter().map(|host| host.address().into_iter().collect()).collect();
    let look_up = async {
        for (host, found) in hosts.iter().zip(&mut found) {
            if let Host::Dns(name) = host {
                let addresses = tokio::net::lookup_host((name.as_str(), 0)).await;
                found.extend(addresses.into_iter().flatten().map(|address| address.ip()));
            }
        }
    };
    if tokio::time::timeout(PATIENCE, look_up).await.is_err() {
        tracing::warn!(
            "the server's own names were not found in time: publishing does not see whether a site would lose it"
        );
    }
    found
}
