//! Replacing a site's keys, and waiting until that is done.

use std::time::{Duration, Instant};

use clap_complete::engine::ArgValueCompleter;
use patronus_client::{Client, Write};
use patronus_types::api::rotation::{RotateRequest, Rotated};
use patronus_types::rotation::{Phase, Rotation, Waiting};
use patronus_types::site::Site;

use super::listed::Listed;
use super::one;
use crate::app::App;
use crate::cli::duration;
use crate::complete;
use crate::confirm;
use crate::error::{CliError, Exit, Fault, Result};
use crate::output::{Format, Object, escape};

/// How often a site is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments of `site rotate-key`.
#[derive(Debug, clap::Args)]
pub struct RotateKey {
    /// Its name or id
    #[arg(value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    site: String,
    /// Go on without those who hold it open: they lose their tunnels with the site until they follow
    #[arg(long)]
    force: bool,
    /// Give it up; only as long as the site has its old keys
    #[arg(long, conflicts_with_all = ["force", "wait"])]
    cancel: bool,
    /// Wait until the site has its new keys everywhere; ends with 9 if it is given up, with 8 if time runs out
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = duration)]
    wait_timeout: Duration,
}

/// Runs it.
pub fn rotate_key(app: &App, args: &RotateKey) -> Result {
    let name = crate::commands::parse(Listed::KIND, &args.site)?;
    let client = app.client()?;
    let site = app.run(async { one(&client, &name).await })?.value;
    if args.cancel {
        app.run(async { Ok(client.sites().keep_key(&name, &app.mode.write()).await?) })?;
        return app.out.outcome(Listed::KIND, site.spec.name.as_str(), "keeps its keys", app.mode.dry_run);
    }
    if args.force {
        agree(app, &client, &site)?;
    }
    let request = RotateRequest { force: args.force };
    let rotated = app.run(async { Ok(client.sites().rotate_key(&name, &request, &app.mode.write()).await?) })?;
    for Waiting { site: other, reason } in &rotated.stranded {
        app.out.notice(&format!("warning: it goes on without {other}, which {reason}"));
    }
    if args.wait && !app.mode.dry_run {
        let site = wait(app, &client, site, args.wait_timeout)?;
        return app.out.done(&Listed::called(site, &name), "has new keys", false);
    }
    match app.out.view.format {
        Format::Name | Format::Id => app.out.object(&Listed::called(site, &name)),
        _ => app.out.value(&rotated, || sentence(&rotated, app.mode.dry_run)),
    }
}

/// Asks the server whom it strands to go on, and a person whether that is meant.
fn agree(app: &App, client: &Client, site: &Site) -> Result {
    if app.mode.yes || app.mode.dry_run {
        return Ok(());
    }
    let request = RotateRequest { force: true };
    let only_asked = Write { dry_run: true, ..Write::default() };
    let id = site.id.to_string();
    let rotated = app.run(async { Ok(client.sites().rotate_key(&id, &request, &only_asked).await?) })?;
    let [_, ..] = rotated.stranded.as_slice() else { return Ok(()) };
    for Waiting { site: other, reason } in &rotated.stranded {
        app.out.notice(&format!("site {other} {reason}"));
    }
    let names: Vec<&str> = rotated.stranded.iter().map(|waiting| waiting.site.as_str()).collect();
    confirm::agree(app, &format!("replacing the keys of {} without {}", site.spec.name, names.join(", ")))
}

fn sentence(rotated: &Rotated, dry_run: bool) -> String {
    let Rotation { site, phase, waiting, .. } = &rotated.rotation;
    let already = if rotated.started { "" } else { " already" };
    let suffix = if dry_run { " (dry run)" } else { "" };
    let mut text = format!("site {site}: its keys are being replaced{already}: {}{suffix}\n", words(*phase));
    for waiting in waiting {
        text.push_str(&format!("    {}\n", escape(&open(waiting))));
    }
    text
}

/// A phase, for people.
pub fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Keys => "new keys are being made",
        Phase::Spare => "traffic moves to spare tunnels",
        Phase::Rekey => "traffic moves back, over the new keys",
        Phase::Back => "it was given up, and traffic moves back, over the old keys",
    }
}

/// Who holds it open, and why.
pub fn open(waiting: &Waiting) -> String {
    format!("{} {}", waiting.site, waiting.reason)
}

/// Waits until the rotation is over; answers the site as it is then.
fn wait(app: &App, client: &Client, before: Site, patience: Duration) -> Result<Site> {
    let id = before.id.to_string();
    let started = Instant::now();
    let mut progress = app.out.counting(&format!("keys of {}", before.spec.name));
    let outcome = app.run(async {
        let mut last = None;
        loop {
            let site = client.sites().get(&id).await?.value;
            let Some(rotation) = &site.rotation else { return ended(&before, site, last) };
            let held: Vec<String> = rotation.waiting.iter().map(|waiting| waiting.site.to_string()).collect();
            let held = if held.is_empty() { String::new() } else { format!("; open: {}", held.join(", ")) };
            progress.at(done(rotation.phase), Some(3), Some(&format!("{}{held}", words(rotation.phase))));
            if started.elapsed() >= patience {
                return Err(timed_out(rotation));
            }
            last = Some(rotation.phase);
            tokio::time::sleep(LOOK).await;
        }
    });
    progress.clear();
    outcome
}

/// How many of the three releases are made.
fn done(phase: Phase) -> u64 {
    match phase {
        Phase::Keys => 0,
        Phase::Spare => 1,
        Phase::Rekey | Phase::Back => 2,
    }
}

fn ended(before: &Site, site: Site, last: Option<Phase>) -> Result<Site> {
    if site.keys_since != before.keys_since || last == Some(Phase::Rekey) {
        return Ok(site);
    }
    Err(CliError::new(Exit::Impossible, format!("the replacing of the keys of {} ended early", site.spec.name))
        .about("object", format!("site/{}", site.spec.name))
        .help("see why: patronusctl event list --type site.rotation-cancelled"))
}

fn timed_out(rotation: &Rotation) -> CliError {
    let Rotation { site, phase, waiting, .. } = rotation;
    let fault = |waiting: &Waiting| Fault {
        place: format!("site {}", waiting.site),
        what: waiting.reason.clone(),
        excerpt: None,
    };
    let what = format!("the keys of {site} were not replaced in time: {}; nothing is lost by waiting", words(*phase));
    let error = CliError::new(Exit::WaitTimedOut, what)
        .about("object", format!("site/{site}"))
        .faults(waiting.iter().map(fault).collect())
        .help("run the same command again to go on waiting");
    let error = match phase {
        Phase::Spare => error
            .help("spare tunnels use UDP port base + 16 of both ends (51836 by default): do firewalls let it through?"),
        Phase::Keys | Phase::Rekey | Phase::Back => error,
    };
    let error = match phase {
        Phase::Keys | Phase::Spare => error.help(format!("give it up: patronusctl site rotate-key {site} --cancel")),
        Phase::Rekey | Phase::Back => error,
    };
    error.help(format!(
        "go on without those who hold it open, which lose their tunnels with {site}: patronusctl site rotate-key {site} --force"
    ))
}
