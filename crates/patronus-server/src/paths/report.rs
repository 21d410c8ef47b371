//! A report, checked and taken.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::path::summary::{Key, decode, encode};
use patronus_store::{AgentRecord, PathBlock};
use patronus_types::api::error::Fault;
use patronus_types::api::paths::{MAX_PATHS, MAX_PEERS, PathNow, PathReport};
use patronus_types::path::{Path, PathStatus};
use patronus_types::{SiteId, TenantId, Timestamp};

use super::{Members, SitePaths};
use crate::app::App;
use crate::error::{Error, Result};

/// The longest while, and the oldest one that is still taken.
const MOST_SECONDS: u32 = 3600;
const MOST_AGE_S: u32 = 24 * 3600;
const MAX_CLASSES: usize = 256;
const MAX_REASON: usize = 1000;

/// Takes a site's report: what is past into the store, what is now into memory.
///
/// # Errors
/// When anything in it cannot be; nothing of it is believed then.
pub async fn take(
    app: &App,
    (tenant, agent): (TenantId, &AgentRecord),
    report: PathReport,
    now: Timestamp,
) -> Result<()> {
    let faults = faults(&report);
    if !faults.is_empty() {
        return Err(Error::faults(patronus_types::api::error::ErrorCode::Invalid, faults));
    }
    let unreadable = |why: &dyn std::fmt::Display| Error::invalid("/block", why);
    let block = STANDARD.decode(&report.block).map_err(|error| unreadable(&error))?;
    let rows = decode(&block).map_err(|error| unreadable(&error))?;
    let places = u32::try_from(report.peers.len()).unwrap_or(u32::MAX);
    if rows.last().is_some_and(|(key, _)| Key::from(*key).place >= places) {
        return Err(unreadable(&"it has paths to more sites than `peers` names"));
    }
    let members = app.paths.members.of(app, tenant, agent.network, now).await?;
    // A site that was deleted meanwhile is in the agent's bundle still; its paths are nobody's.
    let known: Vec<Option<SiteId>> =
        report.peers.iter().map(|name| members.by_name.get(name).map(|(id, _)| *id)).collect();
    let site = |key: Key| usize::try_from(key.place).ok().and_then(|place| known.get(place).copied().flatten());
    let kept: Vec<_> = rows.into_iter().filter(|(key, _)| site((*key).into()).is_some()).collect();
    if !kept.is_empty() {
        let peers = known.iter().map(|id| id.unwrap_or(agent.site)).collect();
        let ago = Duration::from_secs(u64::from(report.age_s) + u64::from(report.seconds));
        let at = now.checked_sub(ago).unwrap_or(now);
        let (seconds, block) = (report.seconds, encode(&kept));
        app.store.keep_path_block(PathBlock { site: agent.site, at, seconds, peers, block }).await?;
    }
    if report.age_s == 0 {
        let path = |path: PathNow| now_of(&members, agent.site, site(path.key.into())?, path, now);
        let mut paths: Vec<Path> = report.paths.into_iter().filter_map(path).collect();
        sort(&members, &mut paths);
        app.paths.put(agent.site, SitePaths { tenant, network: agent.network, paths });
    }
    Ok(())
}

/// In order of the other site's name and of uplinks.
pub(super) fn sort(members: &Members, paths: &mut [Path]) {
    paths.sort_by_cached_key(|path| {
        let uplinks = (path.source_uplink.clone(), path.dest_uplink.clone());
        (members.names.get(&path.dest_site_id).cloned(), uplinks)
    });
}

fn now_of(members: &Members, source: SiteId, dest: SiteId, path: PathNow, now: Timestamp) -> Option<Path> {
    let key = Key::from(path.key);
    let heard = |ago: u64| now.checked_sub(Duration::from_millis(ago)).ok();
    Some(Path {
        id: Path::id_of((source, key.local), (dest, key.remote)),
        source_site_id: source,
        dest_site_id: dest,
        source_uplink: members.uplink(source, key.local)?,
        dest_uplink: members.uplink(dest, key.remote)?,
        state: path.state,
        classes: path.classes,
        stale: false,
        last_heard_at: path.heard_ms_ago.and_then(heard),
        updated_at: Some(now),
    })
}

fn faults(report: &PathReport) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, pointer: &str, detail: &str| {
        if !holds {
            faults.push(Fault { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
    };
    check((1..=MOST_SECONDS).contains(&report.seconds), "/seconds", "use 1 to 3600");
    check(report.age_s <= MOST_AGE_S, "/age_s", "at most a day");
    check(report.peers.len() <= MAX_PEERS, "/peers", "at most 10,000");
    check(report.paths.len() <= MAX_PATHS, "/paths", "at most 16,384");
    let places = u32::try_from(report.peers.len()).unwrap_or(u32::MAX);
    let (mut keys, mut known, mut sound, mut short) = (std::collections::BTreeSet::new(), true, true, true);
    for path in &report.paths {
        known &= Key::from(path.key).place < places && keys.insert(path.key);
        sound &= is_sound(path);
        let reasons = path.classes.iter().filter_map(|class| class.reason.as_ref()).chain(&path.state.reason);
        short &= path.classes.len() <= MAX_CLASSES && reasons.into_iter().all(|reason| reason.len() <= MAX_REASON);
    }
    check(known, "/paths", "each path once, to a site that `peers` names");
    check(
        sound,
        "/paths",
        "a path that was never measured is down and has no figures; another has all, none beyond its bounds",
    );
    check(short, "/paths", "at most 256 classes each, and reasons of at most 1,000 bytes");
    faults
}

fn is_sound(path: &PathNow) -> bool {
    let state = &path.state;
    let loss = state.packet_loss_pct.is_none_or(|loss| loss.get() <= 100.0);
    let score = state.health_score.is_none_or(|score| score <= 100);
    let figures = [state.latency_ms.is_some(), state.jitter_ms.is_some(), state.packet_loss_pct.is_some()];
    match state.measured {
        true => loss && score && figures == [true; 3],
        false => state.status == PathStatus::Down && figures == [false; 3] && state.health_score.is_none(),
    }
}
