//! How paths do, as sites reported last, in memory; what they were like is in the store.
//!
//! A report is checked whole and then believed whole; times are the server's. After a start what is known comes from the newest
//! blocks, until sites report.

mod members;
mod report;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use patronus_core::path::score::status;
use patronus_core::path::summary::{Key, Summary, decode, fold};
use patronus_store::{Page, Paged, PathBlock, StoreError};
use patronus_types::path::{Path, PathHealth, PathState, PathStatus};
use patronus_types::{NetworkId, PathId, SiteId, TenantId, Timestamp};

use crate::app::App;
use crate::error::Result;
use crate::index::{read, write};

pub use members::{Known, Members};
pub use report::take;

/// A site that reports once a minute has not done so for longer than it should.
const STALE: Duration = Duration::from_secs(150);
/// How old a block may be from which a start knows how paths do.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// All that is known of paths.
#[derive(Debug, Default)]
pub struct Paths {
    /// Whom reports are about.
    pub members: Known,
    sites: RwLock<BTreeMap<SiteId, Arc<SitePaths>>>,
}

/// The paths of one site.
#[derive(Debug)]
pub struct SitePaths {
    tenant: TenantId,
    network: NetworkId,
    /// In order of the other site's name and of uplinks.
    paths: Vec<Path>,
}

/// Which paths are asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those of a network.
    pub network: Option<NetworkId>,
    /// Only those from or to a site.
    pub site: Option<SiteId>,
    /// Only those that do so.
    pub status: Option<PathStatus>,
}

impl Paths {
    /// One page; the cursor is the source site and how many of its paths were passed.
    pub fn page(&self, tenant: TenantId, wanted: &Wanted, page: &Page, now: Timestamp) -> Result<Paged<Path>> {
        let (from, mut skip) = match &page.cursor {
            Some(cursor) => place(cursor).ok_or(StoreError::Cursor)?,
            None => (None, 0),
        };
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let sites = read(&self.sites);
        let of_tenant = |site: &&Arc<SitePaths>| {
            site.tenant == tenant && wanted.network.is_none_or(|network| site.network == network)
        };
        let fits = |path: &&Path| {
            let ends = [path.source_site_id, path.dest_site_id];
            wanted.site.is_none_or(|site| ends.contains(&site))
                && wanted.status.is_none_or(|status| path.state.status == status)
        };
        let total = page.count.then(|| sites.values().filter(of_tenant).flat_map(|it| &it.paths).filter(fits).count());
        let (mut items, mut next) = (Vec::new(), None);
        let rest = sites.iter().filter(|(id, _)| from.is_none_or(|from| **id >= from));
        'all: for (id, site) in rest.filter(|(_, site)| of_tenant(site)) {
            for (place, path) in site.paths.iter().enumerate().skip(std::mem::take(&mut skip)) {
                if !fits(&path) {
                    continue;
                }
                if items.len() == limit {
                    next = Some(format!("{id}:{place}"));
                    break 'all;
                }
                items.push(shown(path, now));
            }
        }
        Ok(Paged { items, next, total: total.map(|total| u64::try_from(total).unwrap_or(u64::MAX)) })
    }

    /// One path.
    ///
    /// # Errors
    /// When no site of the tenant has reported it.
    pub fn get(&self, tenant: TenantId, id: PathId, now: Timestamp) -> Result<Path> {
        let sites = read(&self.sites);
        let mut all = sites.values().filter(|site| site.tenant == tenant).flat_map(|site| &site.paths);
        let found = all.find(|path| path.id == id).map(|path| shown(path, now));
        found.ok_or_else(|| StoreError::NotFound { kind: "path", reference: id.to_string() }.into())
    }

    /// The paths from a site to another.
    pub fn between(&self, from: SiteId, to: SiteId, now: Timestamp) -> Vec<Path> {
        let sites = read(&self.sites);
        let paths = sites.get(&from).into_iter().flat_map(|site| &site.paths);
        paths.filter(|path| path.dest_site_id == to).map(|path| shown(path, now)).collect()
    }

    /// Forgets the paths from and to a site that is gone.
    pub fn forget(&self, gone: SiteId) {
        let mut sites = write(&self.sites);
        sites.remove(&gone);
        for site in sites.values_mut().filter(|site| site.paths.iter().any(|path| path.dest_site_id == gone)) {
            let paths = site.paths.iter().filter(|path| path.dest_site_id != gone).cloned().collect();
            *site = Arc::new(SitePaths { paths, ..**site });
        }
    }

    fn put(&self, site: SiteId, paths: SitePaths) {
        write(&self.sites).insert(site, Arc::new(paths));
    }
}

fn place(cursor: &str) -> Option<(Option<SiteId>, usize)> {
    let (site, place) = cursor.split_once(':')?;
    Some((Some(site.parse().ok()?), place.parse().ok()?))
}

fn shown(path: &Path, now: Timestamp) -> Path {
    let old = |at: Timestamp| now.duration_since(at).unsigned_abs() > STALE;
    Path { stale: path.updated_at.is_none_or(old), ..path.clone() }
}

/// Knows how paths did when the server last ran, as far as that is not long ago.
pub async fn restore(app: &App, now: Timestamp) -> Result<()> {
    let since = now.checked_sub(REMEMBERED).unwrap_or(now);
    for block in app.store.newest_path_blocks(since).await? {
        let Ok((tenant, network)) = app.store.home_of(block.site).await else { continue };
        let members = app.paths.members.of(app, tenant, network, now).await?;
        let Ok(rows) = decode(&block.block) else { continue };
        let paths = rows.into_iter().filter_map(|(key, row)| remembered(&members, &block, key.into(), &row));
        let mut paths: Vec<Path> = paths.collect();
        report::sort(&members, &mut paths);
        app.paths.put(block.site, SitePaths { tenant, network, paths });
    }
    Ok(())
}

/// A path as its last while has it.
fn remembered(members: &Members, block: &PathBlock, key: Key, row: &Summary) -> Option<Path> {
    let dest = *block.peers.get(usize::try_from(key.place).ok()?)?;
    let (from, to) = ((block.site, key.local), (dest, key.remote));
    let id = Path::id_of(from, to);
    let PathHealth { latency_ms, jitter_ms, packet_loss_pct, health_score, .. } =
        row.health(id, block.at, block.seconds);
    let heard = row.trips > 0;
    let status = if heard { status(f32::from(health_score), &members.settings) } else { PathStatus::Down };
    let state = PathState {
        status,
        measured: heard,
        latency_ms,
        jitter_ms,
        packet_loss_pct,
        health_score: heard.then_some(health_score),
        reason: None,
    };
    let at = block.at.checked_add(Duration::from_secs(block.seconds.into())).ok()?;
    Some(Path {
        id,
        source_site_id: block.site,
        dest_site_id: dest,
        source_uplink: members.uplink(block.site, key.local)?,
        dest_uplink: members.uplink(dest, key.remote)?,
        state,
        classes: Vec::new(),
        stale: false,
        last_heard_at: None,
        updated_at: Some(at),
    })
}

/// What a path was like, while by while, oldest first.
pub async fn health(
    app: &App,
    path: &Path,
    (since, until): (Timestamp, Timestamp),
    by_hour: bool,
) -> Result<Vec<PathHealth>> {
    let blocks = app.store.path_blocks(path.source_site_id, since, until).await?;
    let mut whiles: Vec<(Timestamp, u32, Summary)> = Vec::new();
    for block in blocks {
        let Some(row) = row_of(path, &block) else { continue };
        let hour = hour_of(block.at);
        match whiles.last_mut() {
            Some((begin, seconds, sum)) if by_hour && *begin == hour => {
                *seconds = seconds.saturating_add(block.seconds);
                sum.merge(&row);
            }
            _ => whiles.push((if by_hour { hour } else { block.at }, block.seconds, row)),
        }
    }
    Ok(whiles.into_iter().map(|(at, seconds, sum)| sum.health(path.id, at, seconds)).collect())
}

fn row_of(path: &Path, block: &PathBlock) -> Option<Summary> {
    let is_it = |(number, _): &(u32, Summary)| {
        let key = Key::from(*number);
        let dest = usize::try_from(key.place).ok().and_then(|place| block.peers.get(place));
        dest.is_some_and(|dest| Path::id_of((block.site, key.local), (*dest, key.remote)) == path.id)
    };
    decode(&block.block).ok()?.into_iter().find(is_it).map(|(_, row)| row)
}

/// The beginning of an hour.
pub fn hour_of(at: Timestamp) -> Timestamp {
    const HOUR_MS: i64 = 3_600_000;
    Timestamp::from_millisecond(at.as_millisecond().div_euclid(HOUR_MS) * HOUR_MS).unwrap_or(at)
}

/// The blocks of one hour as one; none where there is nothing to join.
pub fn folded(site: SiteId, hour: Timestamp, blocks: &[PathBlock]) -> Option<PathBlock> {
    let rows = |block: &PathBlock| Some((block.peers.clone(), decode(&block.block).ok()?));
    let all: Vec<_> = blocks.iter().filter_map(rows).collect();
    let (peers, block) = fold(&all);
    (!blocks.is_empty()).then_some(PathBlock { site, at: hour, seconds: 3600, peers, block })
}
