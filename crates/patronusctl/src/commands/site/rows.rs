//! Sites in tables.

use patronus_types::site::{AgentInfo, Site, SiteStatus, SyncState};

use super::listed::Listed;
use crate::commands::status::word;
use crate::output::{Cell, Column, Object, Tone};

impl Object for Listed {
    const KIND: &'static str = "site";

    fn name(&self) -> String {
        self.site.spec.name.to_string()
    }

    fn id(&self) -> String {
        self.site.id.to_string()
    }

    fn reference(&self) -> String {
        let which = if self.ambiguous { self.id() } else { self.name() };
        format!("{}/{which}", Self::KIND)
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("NAME", |it, _| it.name().into()),
            Column::optional("NETWORK", |it, _| Cell::of(it.network.as_ref())),
            Column::fixed("STATUS", |it, _| status(it.site.status)),
            Column::fixed("SYNC", |it, _| sync(it.site.sync)),
            Column::ranked(1, "VERSION", |it, _| versions(&it.site).into()),
            Column::ranked(3, "ADDRESS", |it, _| Cell::of(it.site.addresses.first())),
            Column::ranked(6, "UPLINKS", |it, _| it.site.spec.uplinks.len().to_string().into()),
            Column::ranked(2, "LAST SEEN", |it, out| Cell::of(it.site.last_seen_at.map(|time| out.time(time)))),
            Column::ranked(5, "LOCATION", |it, _| it.site.spec.location.clone().into()),
            Column::wide("MODE", |it, _| mode(&it.site)),
            Column::wide("WARNINGS", |it, _| warnings(&it.site)),
            Column::wide("PREFIXES", |it, _| join(&it.site.spec.prefixes).into()),
            Column::wide("ENDPOINTS", |it, _| join(&it.site.endpoints).into()),
            Column::wide("DRIVER", |it, _| agent(&it.site, |agent| agent.driver.clone())),
            Column::wide("AGENT", |it, _| agent(&it.site, |agent| Some(agent.version.clone()))),
            Column::wide("HOST", |it, _| agent(&it.site, |agent| Some(agent.hostname.clone()))),
            Column::wide("KEYS SINCE", |it, out| Cell::of(it.site.keys_since.map(|time| out.time(time)))),
            Column::wide("ROTATION", |it, _| rotation(&it.site)),
            Column::wide("LABELS", |it, _| labels(&it.site).into()),
            Column::wide("ID", |it, _| it.id().into()),
        ]
    }
}

fn agent(site: &Site, pick: fn(&AgentInfo) -> Option<String>) -> Cell {
    Cell::of(site.agent.as_ref().and_then(pick))
}

/// How far the replacing of its keys is, and who holds it open.
fn rotation(site: &Site) -> Cell {
    let Some(rotation) = &site.rotation else { return "".into() };
    let held = join(rotation.waiting.iter().map(|waiting| &waiting.site));
    let held = if held.is_empty() { held } else { format!(", open: {held}") };
    Cell::toned(format!("{}{held}", word(&rotation.phase)), Tone::Warn)
}

/// How many things are wrong on its host.
fn warnings(site: &Site) -> Cell {
    match site.warnings.len() {
        0 => "0".into(),
        count => Cell::toned(count.to_string(), Tone::Warn),
    }
}

/// Whether its agent is heard.
pub fn status(status: SiteStatus) -> Cell {
    match status {
        SiteStatus::Active => Cell::toned("active", Tone::Good),
        SiteStatus::Inactive => Cell::toned("inactive", Tone::Warn),
    }
}

/// What it does with the version it should run.
fn mode(site: &Site) -> Cell {
    match site.stands_still() {
        Some(why) => Cell::toned(why, Tone::Warn),
        None => word(&site.mode).into(),
    }
}

/// How it stands to the version it should run.
pub fn sync(sync: SyncState) -> Cell {
    let tone = match sync {
        SyncState::Synced => Tone::Good,
        SyncState::Failed => Tone::Bad,
        SyncState::Behind => Tone::Warn,
        SyncState::Pending | SyncState::Unpublished => Tone::Dim,
    };
    Cell::toned(word(&sync), tone)
}

/// What runs, and what should.
pub fn versions(site: &Site) -> String {
    let number = |version: Option<u64>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
    match (site.running_version, site.desired_version) {
        (running, desired) if running == desired => number(running),
        (running, desired) => format!("{}→{}", number(running), number(desired)),
    }
}

/// Labels as they are selected.
pub fn labels(site: &Site) -> String {
    join(site.spec.labels.iter().map(|(key, value)| format!("{key}={value}")))
}

/// Things with commas between.
pub fn join<T: ToString>(things: impl IntoIterator<Item = T>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(",")
}
