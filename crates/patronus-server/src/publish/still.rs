//! Sites that keep what they run, whatever is published.

use patronus_store::SiteRecord;
use patronus_types::api::standing::SiteMode;

/// What is to be said of a site before its network is published; none where it applies what comes.
pub fn warning(site: &SiteRecord) -> Option<String> {
    let name = &site.spec.name;
    match (site.mode, site.halted) {
        (SiteMode::Hold, _) => {
            Some(format!("site `{name}` is held and keeps what it runs, until `patronusctl site unhold {name}`"))
        }
        (SiteMode::Shadow, _) => Some(format!(
            "site `{name}` is in shadow: it reports what it would do, and keeps what it runs until `patronusctl site unhold {name}`"
        )),
        (SiteMode::Apply, Some(halted)) if halted.paused => Some(format!(
            "site `{name}` was paused by somebody there and keeps what it runs, until `patronus-agent resume` is run there"
        )),
        (SiteMode::Apply, _) => None,
    }
}
