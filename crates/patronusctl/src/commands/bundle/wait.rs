//! Waiting until the sites have applied a release, and naming those that keep it waiting.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use patronus_client::Client;
use patronus_types::api::page::StatusFilter;
use patronus_types::release::Release;
use patronus_types::site::{Site, SiteStatus, SyncState};

use crate::app::App;
use crate::cli::duration;
use crate::error::{CliError, Exit, Fault, Result};
use crate::output::Output;

/// How often a release is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// How long the others are waited for once a site has failed: those that got it together fail together.
const TOGETHER: Duration = Duration::from_secs(3);

/// How many sites are named.
const NAMED: usize = 10;

/// How long joining takes at the most.
const JOINING: SignedDuration = SignedDuration::from_secs(1);

/// By when an agent that was started after it joined has asked for its version.
const A_POLL: SignedDuration = SignedDuration::from_secs(10);

/// Waiting for the sites.
#[derive(Debug, clap::Args)]
pub struct Wait {
    /// Wait until the sites have applied it; ends with 9 if one of them cannot, with 8 if time runs out
    #[arg(long)]
    pub wait: bool,
    /// How long to wait
    #[arg(long, value_name = "SPAN", default_value = "5m", value_parser = duration)]
    pub wait_timeout: Duration,
}

/// Waits until every site that an agent runs has applied the release; one that cannot ends the wait.
pub fn await_sites(app: &App, client: &Client, release: &mut Release, patience: Duration) -> Result {
    let version = release.version.to_string();
    let started = Instant::now();
    let mut first_failed = None;
    let mut progress = app.out.counting(&format!("version {version}"));
    let outcome = app.run(async {
        if release.applied < release.agents {
            tell_still(app, client, release).await;
            tell_silent(app, &late(client, release, SyncState::Behind).await);
        }
        loop {
            let words = format!("{} of {} sites applied it{}", release.applied, release.agents, held(release));
            progress.at(release.applied, Some(release.agents), Some(&words));
            if release.failed > 0 {
                let since = *first_failed.get_or_insert_with(Instant::now);
                let all_ended = release.applied + release.failed + release.held >= release.agents;
                if all_ended || since.elapsed() >= TOGETHER {
                    return Err(failed(client, release).await);
                }
            }
            if release.applied + release.held >= release.agents {
                return Ok(());
            }
            if started.elapsed() >= patience {
                return Err(timed_out(app, client, release).await);
            }
            tokio::time::sleep(LOOK).await;
            *release = client.releases().get(&version).await?;
        }
    });
    progress.clear();
    outcome
}

/// The release's sites in a state; those that keep what they run are not waited for.
async fn late(client: &Client, release: &Release, state: SyncState) -> Vec<Site> {
    let mut sites = sites_of(client, release).await;
    sites.retain(|site| site.sync == state && site.stands_still().is_none());
    sites
}

async fn sites_of(client: &Client, release: &Release) -> Vec<Site> {
    let mut sites = client.sites().list(StatusFilter::All).all().await.unwrap_or_default();
    sites.retain(|site| site.network_id == release.network_id);
    sites
}

/// Says whom it does not wait for.
async fn tell_still(app: &App, client: &Client, release: &Release) {
    if release.held == 0 {
        return;
    }
    for site in sites_of(client, release).await.iter().filter(|site| site.sync != SyncState::Synced) {
        if let Some(why) = site.stands_still() {
            app.out.notice(&format!("site {}: not waited for, it is {why}", site.spec.name));
        }
    }
}

fn held(release: &Release) -> String {
    if release.held == 0 { String::new() } else { format!(", {} held", release.held) }
}

/// Says at once whose agents nothing can be expected of.
fn tell_silent(app: &App, sites: &[Site]) {
    let silent: Vec<&Site> = sites.iter().filter(|site| silence(site, &app.out).is_some()).collect();
    for site in &silent {
        let why = silence(site, &app.out).unwrap_or_default();
        app.out.notice(&format!("site {}: {why}", site.spec.name));
    }
    for help in next_steps(app, &silent) {
        app.out.notice(&help);
    }
}

/// Why nothing is heard of a site; `None` where its agent is there.
fn silence(site: &Site, out: &Output) -> Option<String> {
    let Some(heard) = site.last_seen_at else { return Some("its agent was never heard of".to_owned()) };
    // Joining is heard too: an agent that was never started was heard only then.
    let only_joined = site.enrolled_at.is_some_and(|joined| heard <= joined + JOINING);
    if only_joined && out.now > heard + A_POLL {
        return Some(format!("its agent joined and was not heard of since: {}", out.time(heard)));
    }
    let silent = site.status == SiteStatus::Inactive;
    silent.then(|| format!("its agent is silent, last heard of: {}", out.time(heard)))
}

/// What to do about sites whose agents are not heard.
fn next_steps(app: &App, silent: &[&Site]) -> Vec<String> {
    let named = |pick: fn(&Site) -> bool| silent.iter().find(|site| pick(site)).map(|site| site.spec.name.clone());
    let strange = named(|site| site.enrolled_at.is_none());
    let quiet = named(|site| site.enrolled_at.is_some());
    let join = strange.map(|name| format!("let it join: {}", app.invite(&name)));
    let look = quiet.map(|name| format!("look at its agent, on {name}: systemctl status patronus-agent"));
    join.into_iter().chain(look).collect()
}

/// Names the sites that could not apply it, and what can be done.
async fn failed(client: &Client, release: &Release) -> CliError {
    let reason = |site: &Site| {
        let reported = site.last_outcome.as_ref().and_then(|outcome| outcome.reason.clone());
        reported.unwrap_or_else(|| "failed".to_owned())
    };
    let sites = late(client, release, SyncState::Failed).await;
    let what =
        format!("version {} could not be applied by {} of {} sites", release.version, release.failed, release.agents);
    let error = CliError::new(Exit::Impossible, what)
        .about("object", format!("bundle/{}", release.version))
        .faults(faults(&sites, reason));
    let looks = sites.iter().take(1).map(|site| format!("see it all: patronusctl site describe {}", site.spec.name));
    let condemned: Vec<&str> =
        sites.iter().filter(|site| site.has_condemned()).map(|site| site.spec.name.as_str()).collect();
    let retry = (!condemned.is_empty()).then(|| {
        let names = listed(&condemned);
        format!("the same is not tried again on {names}, unless somebody there runs: patronus-agent retry")
    });
    // What runs there again.
    let before = sites.iter().filter_map(|site| site.running_version).filter(|before| *before < release.version).max();
    let back = before.map(|before| format!("bring every site back: patronusctl bundle rollback --to {before}"));
    looks.chain(retry).chain(back).fold(error, CliError::help)
}

/// The first names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len() - more].join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// Names the sites that did not apply it in time.
async fn timed_out(app: &App, client: &Client, release: &Release) -> CliError {
    let sites = late(client, release, SyncState::Behind).await;
    let reason = |site: &Site| silence(site, &app.out).unwrap_or_else(|| running(site));
    let what =
        format!("version {} was applied by {} of {} sites in time", release.version, release.applied, release.agents);
    let error = CliError::new(Exit::WaitTimedOut, what)
        .about("object", format!("bundle/{}", release.version))
        .faults(faults(&sites, reason));
    let silent: Vec<&Site> = sites.iter().filter(|site| silence(site, &app.out).is_some()).collect();
    let error = next_steps(app, &silent).into_iter().fold(error, CliError::help);
    error.help("run the same command again to go on waiting")
}

/// What a site runs that is there and not done.
fn running(site: &Site) -> String {
    match site.running_version {
        Some(version) => format!("still runs version {version}"),
        None => "its agent has applied nothing yet".to_owned(),
    }
}

fn faults(sites: &[Site], what: impl Fn(&Site) -> String) -> Vec<Fault> {
    let fault = |site: &Site| Fault { place: format!("site {}", site.spec.name), what: what(site), excerpt: None };
    let more = sites.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| Fault {
        place: format!("{more} more"),
        what: "see them: patronusctl status".to_owned(),
        excerpt: None,
    });
    sites.iter().take(NAMED).map(fault).chain(more).collect()
}
