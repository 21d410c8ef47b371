//! A site's row.

use jiff::SignedDuration;
use patronus_types::api::agent::{Outcome as Ended, OutcomeKind};
use patronus_types::site::{AgentInfo, Site, SiteSpec, SiteStatus, SyncState};
use patronus_types::{SiteId, Timestamp};
use rusqlite::{Row, params};

use crate::StoreError;
use crate::sqlite::codec::{Columns, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Unit, not_found};

/// A site is active while its agent was heard within this time.
pub(super) const ACTIVE: SignedDuration = SignedDuration::from_secs(120);

/// The columns that [`read`] takes, from `sites`.
macro_rules! select {
    () => {
        "SELECT id, network_id, spec, addresses, public_keys, port_base, left_at IS NULL, source, enrolled_at,
            last_seen_at, desired_version, running_version, agent_version, hostname, driver, last_outcome, version,
            created_at, updated_at, mode, json_extract(last_report, '$.halted'), json_extract(last_report, '$.shadow'),
            json_extract(last_report, '$.warnings'),
            json_extract(last_report, '$.undone'), keys_since
         FROM sites"
    };
}
pub(super) use select;

/// Reads what [`select`] selects.
pub(super) fn read(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Site> {
    let mut columns = Columns::new(row);
    let (id, network_id) = (columns.text()?, columns.text()?);
    let spec: SiteSpec = columns.json()?;
    let addresses = columns.texts()?;
    let public_keys = columns.texts()?;
    let port_base = columns.plain()?;
    let present: bool = columns.plain()?;
    let source = columns.word()?;
    let (enrolled_at, last_seen_at) = (columns.maybe_time()?, columns.maybe_time()?);
    let (desired_version, running_version) = (columns.plain()?, columns.plain()?);
    let (version, hostname, driver) = (columns.plain::<Option<_>>()?, columns.plain::<Option<_>>()?, columns.plain()?);
    let agent = version.zip(hostname).map(|(version, hostname)| AgentInfo { version, hostname, driver });
    let heard = last_seen_at.is_some_and(|at| present && now.duration_since(at) < ACTIVE);
    let mut site = Site {
        id,
        network_id,
        addresses,
        public_key: public_keys.first().copied(),
        public_keys,
        port_base,
        endpoints: spec.uplinks.iter().filter_map(|uplink| uplink.endpoint.clone()).collect(),
        spec,
        status: if heard { SiteStatus::Active } else { SiteStatus::Inactive },
        sync: SyncState::Pending,
        source,
        enrolled_at,
        last_seen_at,
        desired_version,
        running_version,
        agent,
        last_outcome: columns.maybe_json()?,
        version: columns.plain()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        mode: columns.word()?,
        halted: columns.maybe_json()?,
        shadow: columns.maybe_json()?,
        warnings: columns.maybe_json()?.unwrap_or_default(),
        undone: columns.maybe_json()?.unwrap_or_default(),
        keys_since: columns.maybe_time()?,
        // Who holds it open is known to the server alone.
        rotation: None,
    };
    // One that left has no agent that could run anything; its desired version is what the others were made with.
    site.sync = if present { sync(&site) } else { SyncState::Pending };
    Ok(site)
}

fn sync(site: &Site) -> SyncState {
    let Some(desired) = site.desired_version else {
        return if site.is_ready() { SyncState::Unpublished } else { SyncState::Pending };
    };
    let failed = |outcome: &Ended| outcome.version == desired && outcome.result != OutcomeKind::Applied;
    if site.running_version == Some(desired) {
        SyncState::Synced
    } else if site.last_outcome.as_ref().is_some_and(failed) {
        SyncState::Failed
    } else {
        SyncState::Behind
    }
}

/// The site, if it is of the tenant written in.
pub(in crate::sqlite) fn load(unit: &Unit<'_>, id: SiteId) -> Outcome<Site> {
    let sql = concat!(select!(), " WHERE tenant_id = ?1 AND id = ?2");
    let found = unit.row(sql, params![Text(unit.tenant()), Text(id)], |row| read(row, unit.now()))?;
    Ok(found.ok_or_else(|| not_found("site", id))?)
}

/// The site, if it is at the version that was expected.
pub(super) fn load_at(unit: &Unit<'_>, id: SiteId, expected: u64) -> Outcome<Site> {
    let site = load(unit, id)?;
    if site.version == expected {
        return Ok(site);
    }
    Err(StoreError::Changed { current: site.version }.into())
}
