//! Making a new version: publish, upload, roll back; and waiting for the sites.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueHint;
use clap_complete::engine::ArgValueCompleter;
use patronus_client::Client;
use patronus_client::bundles::Upload as Destination;
use patronus_types::api::page::StatusFilter;
use patronus_types::api::releases::{PublishRequest, Published, RollbackRequest};
use patronus_types::release::Release;
use patronus_types::site::{Site, SyncState};

use super::about;
use crate::app::App;
use crate::cli::{BundleRef, duration, reference};
use crate::complete;
use crate::confirm;
use crate::error::{CliError, Exit, Fault, Result};
use crate::output::{Format, Object as _};

/// How often a release is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// Waiting for the sites.
#[derive(Debug, clap::Args)]
pub struct Wait {
    /// Wait until the sites have applied it; ends with 9 if one of them cannot, with 8 if time runs out
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "SPAN", default_value = "5m", value_parser = duration)]
    wait_timeout: Duration,
}

/// Arguments of `bundle publish`.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// Why
    #[arg(short, long, default_value = "", hide_default_value = true)]
    message: String,
    /// Compile also the sites that run an uploaded bundle, and forget the upload
    #[arg(long)]
    compiled: bool,
    #[command(flatten)]
    wait: Wait,
}

/// Arguments of `bundle upload`.
#[derive(Debug, clap::Args)]
pub struct Upload {
    /// The tar.gz: WireGuard configurations of one site, or a folder of them for each site; - for stdin
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The one site that it is for; without it, it has a folder per site
    #[arg(long, value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    site: Option<String>,
    /// Why
    #[arg(short, long, default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    wait: Wait,
}

/// Arguments of `bundle rollback`.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The version to go back to
    #[arg(long = "to", value_name = "VERSION", add = ArgValueCompleter::new(complete::versions))]
    version: BundleRef,
    /// Why
    #[arg(short, long, default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    wait: Wait,
}

/// Publishes the declared state.
pub fn publish(app: &App, args: &Publish) -> Result {
    let client = app.client()?;
    let request = PublishRequest { message: args.message.clone(), compiled: args.compiled };
    let published = app.run(async { Ok(client.releases().publish(&request, &app.mode.write()).await?) })?;
    finish(app, &client, published, &args.wait)
}

/// Publishes an archive of the operator's own.
pub fn upload(app: &App, args: &Upload) -> Result {
    let site = args.site.as_deref().map(|site| reference("site", site)).transpose().map_err(CliError::usage)?;
    let archive = super::archive::load(&args.file)?;
    let client = app.client()?;
    let destination = Destination { site, message: args.message.clone() };
    let mut progress = app.out.transfer("uploading");
    let size = u64::try_from(archive.len()).unwrap_or_default();
    progress.at(0, Some(size), None);
    let outcome =
        app.run(async { Ok(client.bundles().upload(archive.into(), &destination, &app.mode.write()).await?) });
    progress.clear();
    finish(app, &client, outcome?, &args.wait)
}

/// Publishes an older declared state.
pub fn rollback(app: &App, args: &Rollback) -> Result {
    if args.version.site.is_some() {
        return Err(CliError::usage("a rollback is of a whole release: name a version"));
    }
    confirm::agree(app, &format!("rolling the network back to version {}", args.version))?;
    let client = app.client()?;
    let request = RollbackRequest { message: args.message.clone() };
    let published = app.run(async {
        let outcome = client.releases().rollback(&args.version.version, &request, &app.mode.write()).await;
        outcome.map_err(|error| about(error, &args.version))
    })?;
    finish(app, &client, published, &args.wait)
}

fn finish(app: &App, client: &Client, mut published: Published, wait: &Wait) -> Result {
    for warning in &published.warnings {
        app.out.notice(&format!("warning: {warning}"));
    }
    let waited = match wait.wait && !app.mode.dry_run {
        true => await_sites(app, client, &mut published.release, wait.wait_timeout),
        false => Ok(()),
    };
    let release = &published.release;
    match app.out.view.format {
        Format::Name | Format::Id => app.out.object(release)?,
        _ => app.out.value(&published, || sentence(app, &published))?,
    }
    if !release.pending.is_empty() {
        app.out.notice(&format!(
            "not in it, because they have not joined yet: {}",
            crate::commands::site::join(&release.pending)
        ));
    }
    waited
}

fn sentence(app: &App, published: &Published) -> String {
    let release = &published.release;
    let suffix = if app.mode.dry_run { " (dry run)" } else { "" };
    if !published.created {
        return format!("version {} is up to date: nothing to publish{suffix}\n", release.version);
    }
    let sites = if release.sites == 1 { "1 site".to_owned() } else { format!("{} sites", release.sites) };
    let applied = if release.applied > 0 { format!(", {} applied it", release.applied) } else { String::new() };
    format!("version {} published for {sites}, {} changed{applied}{suffix}\n", release.version, release.changed)
}

/// Waits until every site that an agent runs has applied the release; one that cannot ends the wait.
fn await_sites(app: &App, client: &Client, release: &mut Release, patience: Duration) -> Result {
    let version = release.version.to_string();
    let started = Instant::now();
    let mut progress = app.out.counting(&format!("version {version}"));
    let outcome = app.run(async {
        loop {
            let words = format!("{} of {} sites applied it", release.applied, release.agents);
            progress.at(release.applied, Some(release.agents), Some(&words));
            if release.failed > 0 {
                return Err(unfinished(client, release, SyncState::Failed, Exit::Impossible).await);
            }
            if release.applied >= release.agents {
                return Ok(());
            }
            if started.elapsed() >= patience {
                return Err(unfinished(client, release, SyncState::Behind, Exit::WaitTimedOut).await);
            }
            tokio::time::sleep(LOOK).await;
            *release = client.releases().get(&version).await?;
        }
    });
    progress.clear();
    outcome
}

/// Names the sites that are not where they should be.
async fn unfinished(client: &Client, release: &Release, state: SyncState, exit: Exit) -> CliError {
    let what = match exit {
        Exit::Impossible => format!("version {} could not be applied by every site", release.version),
        _ => {
            format!(
                "version {} was applied by {} of {} sites in time",
                release.version, release.applied, release.agents
            )
        }
    };
    let sites = client.sites().list(StatusFilter::All).all().await.unwrap_or_default();
    let concerned = |site: &&Site| site.network_id == release.network_id && site.sync == state;
    let faults = sites.iter().filter(concerned).map(|site| Fault {
        place: format!("site {}", site.name()),
        what: reason(site),
        excerpt: None,
    });
    let error =
        CliError::new(exit, what).about("object", format!("bundle/{}", release.version)).faults(faults.collect());
    match exit {
        Exit::Impossible => {
            error.help("patronusctl site describe SITE").help("patronusctl bundle rollback --to VERSION")
        }
        _ => error.help("patronusctl site list").help("run the same command again to go on waiting"),
    }
}

fn reason(site: &Site) -> String {
    let failed = site.last_outcome.as_ref().and_then(|outcome| outcome.reason.clone());
    match (site.sync, failed) {
        (SyncState::Failed, Some(reason)) => reason,
        (SyncState::Failed, None) => "failed".to_owned(),
        _ if site.last_seen_at.is_none() => "its agent was never heard".to_owned(),
        _ if site.status == patronus_types::site::SiteStatus::Inactive => "its agent is not heard".to_owned(),
        _ => format!("runs {}", crate::commands::site::versions(site)),
    }
}
