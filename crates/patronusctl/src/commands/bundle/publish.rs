//! Making a new version: publish, upload, roll back.

use std::path::PathBuf;

use clap::ValueHint;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap_complete::engine::ArgValueCompleter;
use patronus_client::Client;
use patronus_client::bundles::Upload as Destination;
use patronus_types::api::releases::{PublishRequest, Published, RollbackRequest};
use patronus_types::release::Terms;
use patronus_types::risk::Risk;

use super::about;
use super::wait::{Wait, await_sites};
use crate::app::App;
use crate::cli::{BundleRef, reference, release, seconds};
use crate::complete;
use crate::confirm;
use crate::error::{CliError, Result};
use crate::output::Format;

/// What holds for the release alone.
#[derive(Debug, clap::Args)]
struct TermArgs {
    /// How long it may take to prove itself on each site, 5s to 10m, instead of what the network says
    #[arg(long, value_name = "SPAN", value_parser = seconds(5, 600), allow_negative_numbers = true)]
    confirm_timeout: Option<u16>,
    /// A risk to sites that is meant; repeatable. Without it the release is refused where it takes most peers from a
    /// site, or the way to the server
    #[arg(long = "accept-risk", value_name = "CODE", value_parser = risks())]
    accept_risks: Vec<Risk>,
}

impl TermArgs {
    fn terms(&self) -> Terms {
        let accept_risks = self.accept_risks.iter().copied().collect();
        Terms { confirm_timeout_s: self.confirm_timeout, accept_risks }
    }
}

fn risks() -> impl TypedValueParser<Value = Risk> {
    PossibleValuesParser::new(Risk::ALL.map(Risk::code)).try_map(|code| code.parse())
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
    terms: TermArgs,
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
    terms: TermArgs,
    #[command(flatten)]
    wait: Wait,
}

/// Arguments of `bundle rollback`.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    /// The version to go back to
    #[arg(long = "to", value_name = "VERSION", value_parser = release, add = ArgValueCompleter::new(complete::versions))]
    version: BundleRef,
    /// Why
    #[arg(short, long, default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    terms: TermArgs,
    #[command(flatten)]
    wait: Wait,
}

/// Publishes the declared state.
pub fn publish(app: &App, args: &Publish) -> Result {
    let client = app.client()?;
    let Terms { confirm_timeout_s, accept_risks } = args.terms.terms();
    let (message, compiled) = (args.message.clone(), args.compiled);
    let request = PublishRequest { message, compiled, confirm_timeout_s, accept_risks };
    let published = app.run(async { Ok(client.releases().publish(&request, &app.mode.write()).await?) })?;
    finish(app, &client, published, &args.wait, "nothing to publish")
}

/// Publishes an archive of the operator's own.
pub fn upload(app: &App, args: &Upload) -> Result {
    let site = args.site.as_deref().map(|site| reference("site", site)).transpose().map_err(CliError::usage)?;
    let archive = super::archive::load(&args.file)?;
    let client = app.client()?;
    let destination = Destination { site, message: args.message.clone(), terms: args.terms.terms() };
    let mut progress = app.out.transfer("uploading");
    let size = u64::try_from(archive.len()).unwrap_or_default();
    progress.at(0, Some(size), None);
    let outcome =
        app.run(async { Ok(client.bundles().upload(archive.into(), &destination, &app.mode.write()).await?) });
    progress.clear();
    finish(app, &client, outcome?, &args.wait, "nothing to publish")
}

/// Publishes an older release's state; what is declared stays as it is.
pub fn rollback(app: &App, args: &Rollback) -> Result {
    confirm::agree(app, &format!("rolling the network back to version {}", args.version))?;
    let client = app.client()?;
    let Terms { confirm_timeout_s, accept_risks } = args.terms.terms();
    let request = RollbackRequest { message: args.message.clone(), confirm_timeout_s, accept_risks };
    let published = app.run(async {
        let outcome = client.releases().rollback(&args.version.version, &request, &app.mode.write()).await;
        outcome.map_err(|error| about(error, &args.version))
    })?;
    let created = published.created;
    let same = format!("going back to version {} would change nothing", args.version);
    let finished = finish(app, &client, published, &args.wait, &same);
    if created {
        app.out.notice(&format!(
            "what is declared has not changed: the next `bundle publish` brings the change back. To keep the rollback, \
             edit the manifests to what version {} was and run `patronusctl apply -f FILE` before you publish again",
            args.version
        ));
    }
    finished
}

/// Says what came of it, or `same` where nothing did.
fn finish(app: &App, client: &Client, mut published: Published, wait: &Wait, same: &str) -> Result {
    for warning in &published.warnings {
        app.out.notice(&format!("warning: {warning}"));
    }
    // Before any waiting: these sites are not waited for.
    if let [first, ..] = published.release.pending.as_slice() {
        let names: Vec<&str> = published.release.pending.iter().map(|name| name.as_str()).collect();
        app.out.notice(&format!("not in it, because they have not joined yet: {}", names.join(", ")));
        app.out.notice(&format!("let each join: {}", app.invite(first)));
    }
    let waited = match wait.wait && !app.mode.dry_run {
        true => await_sites(app, client, &mut published.release, wait.wait_timeout),
        false => Ok(()),
    };
    match app.out.view.format {
        Format::Name | Format::Id => app.out.object(&published.release)?,
        _ => app.out.value(&published, || sentence(app, &published, same))?,
    }
    waited
}

fn sentence(app: &App, published: &Published, same: &str) -> String {
    let release = &published.release;
    let suffix = if app.mode.dry_run { " (dry run)" } else { "" };
    if !published.created {
        return format!("version {} is up to date: {same}{suffix}\n", release.version);
    }
    let sites = if release.sites == 1 { "1 site".to_owned() } else { format!("{} sites", release.sites) };
    let applied = if release.applied > 0 { format!(", {} applied it", release.applied) } else { String::new() };
    format!("version {} published for {sites}, {} changed{applied}{suffix}\n", release.version, release.changed)
}
