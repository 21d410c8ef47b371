//! Releases and what they hold for single sites.

mod archive;
mod download;
mod export;
mod publish;
mod rows;
mod verify;
mod wait;

use clap_complete::engine::ArgValueCompleter;
use patronus_types::api::releases::{Change, ReleaseDiff};
use patronus_types::bundle::Bundle;
use patronus_types::release::Release;
use serde::Serialize;

use crate::app::App;
use crate::cli::{BundleRef, release};
use crate::complete;
use crate::error::{CliError, Exit, Result};
use crate::output::{Format, Object, Tone, escape};

/// What can be done with bundles.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List releases, newest first
    List,
    /// Show a release and its bundles, or one site's bundle
    Get {
        /// VERSION, latest or VERSION/SITE
        #[arg(value_name = "BUNDLE", add = ArgValueCompleter::new(complete::versions))]
        bundle: BundleRef,
    },
    /// Compile the declared state, sign it and make it the newest version
    Publish(publish::Publish),
    /// Publish WireGuard configurations of your own, as a tar.gz
    Upload(publish::Upload),
    /// Download bundles with their signatures
    Download(download::Args),
    /// Show what differs between two releases
    Diff(Diff),
    /// Verify the signatures of bundles
    Verify(verify::Args),
    /// Publish an older release's state again; what is declared stays as it is
    ///
    /// Only what the sites run goes back. The networks and sites as they are declared stay, so the next `bundle publish`
    /// brings the change back: put the manifests as they were and `apply` them before you publish again.
    Rollback(publish::Rollback),
    /// Write bundles as plain WireGuard configurations
    Export(export::Args),
}

impl Command {
    /// What its answer is called, where that has nothing to print in a form.
    pub fn nameless(&self, format: Format) -> Option<&'static str> {
        match (self, format) {
            (Self::Verify(_), Format::Name | Format::Id) => Some("a verification"),
            (Self::Export(_), Format::Name | Format::Id) => Some("an export"),
            (Self::Diff(_), Format::Id) => Some("a difference"),
            _ => None,
        }
    }
}

/// Arguments of `bundle diff`.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// One version is compared with the one before, two with each other; the newest by default
    #[arg(value_name = "VERSION", num_args = 0..=2, value_parser = release, add = ArgValueCompleter::new(complete::versions))]
    versions: Vec<BundleRef>,
    /// End with 10 if there are differences
    #[arg(long)]
    exit_code: bool,
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List => list(app),
        Command::Get { bundle } => get(app, &bundle),
        Command::Publish(args) => publish::publish(app, &args),
        Command::Upload(args) => publish::upload(app, &args),
        Command::Download(args) => download::run(app, &args),
        Command::Diff(args) => diff(app, &args),
        Command::Verify(args) => verify::run(app, &args),
        Command::Rollback(args) => publish::rollback(app, &args),
        Command::Export(args) => export::run(app, &args),
    }
}

fn list(app: &App) -> Result {
    let limit = app.out.view.limit.filter(|_| app.out.view.sort_by.is_none()).unwrap_or(usize::MAX);
    let client = app.client()?;
    let (releases, more) = app.run(async { Ok(client.releases().list().take(limit).await?) })?;
    complete::remember(app, "versions", releases.iter().map(Object::name));
    app.out.list(releases, more)
}

/// Says which release or bundle a failed call was about.
fn about(error: patronus_client::Error, bundle: &BundleRef) -> CliError {
    let shown = CliError::from(error).about("object", format!("bundle/{bundle}"));
    match (shown.exit, &bundle.site) {
        (Exit::NotFound, Some(_)) if !shown.what.starts_with("no release") => {
            shown.help(format!("patronusctl bundle get {}", bundle.version))
        }
        (Exit::NotFound, _) => shown.help("patronusctl bundle list"),
        _ => shown,
    }
}

/// A release with its bundles.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    release: &'a Release,
    bundles: &'a [Bundle],
}

fn get(app: &App, wanted: &BundleRef) -> Result {
    let client = app.client()?;
    if let Some(site) = &wanted.site {
        let bundle = app.run(async {
            client.bundles().get(&wanted.version, &site.to_string()).await.map_err(|error| about(error, wanted))
        })?;
        return app.out.object(&bundle);
    }
    let (release, bundles) = app.run(async {
        let release = client.releases().get(&wanted.version).await.map_err(|error| about(error, wanted))?;
        let bundles = client.bundles().list(&release.version.to_string()).all().await?;
        Ok((release, bundles))
    })?;
    match app.out.view.format {
        Format::Json | Format::Jsonl | Format::Yaml if app.out.view.fields.is_empty() => {
            app.out.value(&Whole { release: &release, bundles: &bundles }, String::new)
        }
        Format::Table | Format::Wide if app.out.view.fields.is_empty() => {
            app.out.object(&release)?;
            app.out.write("\n")?;
            app.out.objects(&bundles)
        }
        _ => app.out.object(&release),
    }
}

fn diff(app: &App, args: &Diff) -> Result {
    let client = app.client()?;
    let diff = app.run(async {
        let number = async |version: &BundleRef| match version.version.parse::<u64>() {
            Ok(number) => Ok::<u64, CliError>(number),
            Err(_) => Ok(client.releases().get(&version.version).await.map_err(|error| about(error, version))?.version),
        };
        let latest = BundleRef { version: "latest".to_owned(), site: None };
        let (from, to) = match args.versions.as_slice() {
            [from, to] => (Some(number(from).await?), to),
            [to] => (None, to),
            _ => (None, &latest),
        };
        client.releases().diff(&to.version, from).await.map_err(|error| about(error, to))
    })?;
    match app.out.view.format {
        Format::Name => {
            app.out.write(&diff.sites.iter().map(|it| format!("site/{}\n", it.site)).collect::<String>())?
        }
        _ => app.out.value(&diff, || page(app, &diff))?,
    }
    if args.exit_code && !diff.sites.is_empty() { Err(CliError::silent(Exit::Differences)) } else { Ok(()) }
}

fn page(app: &App, diff: &ReleaseDiff) -> String {
    if diff.sites.is_empty() {
        return format!("versions {} and {} are the same\n", diff.from, diff.to);
    }
    let tone = |line: &str| match line.chars().next() {
        Some('+') => Some(Tone::Good),
        Some('-') => Some(Tone::Bad),
        Some('~') => Some(Tone::Warn),
        _ => None,
    };
    let mut page = format!("version {} to {}\n", diff.from, diff.to);
    for site in &diff.sites {
        let mark = match site.change {
            Change::Created => "+",
            Change::Deleted => "-",
            Change::Updated | Change::Unchanged => "~",
        };
        page.push_str(&format!("{mark} site {}\n", site.site));
        for line in &site.lines {
            let line = escape(line);
            let line = tone(&line).map_or_else(|| line.to_string(), |tone| app.out.style.tone(tone, &line));
            page.push_str(&format!("    {line}\n"));
        }
    }
    match diff.sites.len() {
        1 => page.push_str("the bundle of 1 site differs\n"),
        sites => page.push_str(&format!("the bundles of {sites} sites differ\n")),
    }
    page
}
