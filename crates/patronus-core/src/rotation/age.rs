//! Whose keys are old.

use jiff::SignedDuration;
use patronus_types::{SiteId, Timestamp};

use super::{Agent, View};

/// The sites whose keys have lived for `days`, the oldest keys first. Silent ones those that somebody has stopped, and those
/// whose agent has other keys are not among them: such a site would hold the network's only place until it comes back.
pub fn due<'a>(views: impl IntoIterator<Item = &'a View>, days: u16, now: Timestamp) -> Vec<SiteId> {
    let limit = SignedDuration::from_hours(24 * i64::from(days));
    let can = |view: &&View| view.agent == Agent::Runs && !view.uploaded && !view.other_keys && view.follows(now);
    let old = |view: &View| {
        let since = view.keys_since?;
        (now.duration_since(since) >= limit).then_some((since, view.id))
    };
    let mut old: Vec<_> = views.into_iter().filter(can).filter_map(old).collect();
    old.sort_unstable();
    old.into_iter().map(|(_, id)| id).collect()
}

/// Whether the replacing of a site's keys would be held up by nobody from the start.
pub fn is_free(site: SiteId, views: &[View], now: Timestamp) -> bool {
    let follows = |view: &View| view.agent != Agent::Runs || view.follows(now);
    super::may_begin(site, views).is_ok() && views.iter().all(follows)
}
