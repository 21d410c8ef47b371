//! Sites.

mod change;
mod describe;
mod drain;
mod listed;
mod mode;
mod rotate;
mod rows;
mod spec;

use clap_complete::engine::ArgValueCompleter;
use patronus_client::Client;
use patronus_types::Name;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::page::StatusFilter;
use patronus_types::api::standing::SiteMode;
use patronus_types::site::{Site, SiteInput};

use super::changes::changes;
use super::names::{Named, explain, explain_existing, tell_deleted};
use super::{each, references, show};
use crate::app::App;
use crate::complete;
use crate::confirm;
use crate::error::{CliError, Exit, Result};
use crate::output::Object;
use change::Changes;
use listed::Listed;
use rotate::RotateKey;
pub use rotate::{open, words};
pub use rows::join;
use spec::{Parts, Spec};

/// What can be done with sites.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List sites
    List {
        /// Which: heard of within 120 seconds, not heard of, or all
        #[arg(long, value_parser = ["active", "inactive", "all"], default_value = "all")]
        status: String,
    },
    /// Show sites
    Get {
        /// Names or ids; - reads them from stdin
        #[arg(required = true, value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
        sites: Vec<String>,
    },
    /// Show everything about a site
    Describe {
        /// Its name or id
        #[arg(add = ArgValueCompleter::new(complete::sites))]
        site: String,
    },
    /// Create a site
    Create(Box<Create>),
    /// Change a site; what is not named stays
    ///
    /// Labels and uplinks are changed, added and removed by their names: `--uplink name=lte,cost=300` leaves all else of
    /// `lte` as it is, and an empty endpoint=, device=, gateway= or gateway6= takes that back. Only --prefix replaces what
    /// is there; --add-prefix and --remove-prefix do not. What has changed is told, with --dry-run as well. To declare the
    /// whole of a site, `apply` a manifest.
    Update(Box<Update>),
    /// Have uplinks carry traffic only where nothing else can, so that they can be worked on
    Drain(drain::Uplinks),
    /// Use drained uplinks again
    Undrain(drain::Uplinks),
    /// Have sites keep what they run, whatever is published
    Hold(mode::Sites),
    /// Have sites apply what is published: ends hold and shadow
    Unhold(mode::Sites),
    /// Have sites report what they would do, and keep what they run
    Shadow(mode::Sites),
    /// Replace a site's keys, without losing a packet
    RotateKey(RotateKey),
    /// Delete sites; their agents' tokens end with them
    Delete(Delete),
}

impl Command {
    /// Whether a label selector means something to it.
    pub fn selects(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Delete(_))
    }
}

/// Arguments of `site create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The name
    name: Name,
    #[command(flatten)]
    spec: Spec,
    #[command(flatten)]
    parts: Parts,
    /// The key of the first uplink, for a site that is not run by an agent
    #[arg(long, value_name = "KEY")]
    public_key: Option<patronus_types::PublicKey>,
    /// Do nothing if it exists and is as asked for
    #[arg(long)]
    if_not_exists: bool,
}

/// Arguments of `site update`.
#[derive(Debug, clap::Args)]
pub struct Update {
    /// Its name or id
    #[arg(value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    site: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    #[command(flatten)]
    spec: Spec,
    #[command(flatten)]
    changes: Changes,
}

/// Arguments of `site delete`.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Names or ids; - reads them from stdin
    #[arg(value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    sites: Vec<String>,
    /// Do nothing if it is not there
    #[arg(long)]
    ignore_not_found: bool,
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List { status } => list(app, &status),
        Command::Get { sites } => get(app, &sites),
        Command::Describe { site } => describe(app, &site),
        Command::Create(args) => create(app, &args),
        Command::Update(args) => update(app, &args),
        Command::Drain(uplinks) => drain::set(app, &uplinks, true),
        Command::Undrain(uplinks) => drain::set(app, &uplinks, false),
        Command::Hold(sites) => mode::set(app, &sites, SiteMode::Hold),
        Command::Unhold(sites) => mode::set(app, &sites, SiteMode::Apply),
        Command::Shadow(sites) => mode::set(app, &sites, SiteMode::Shadow),
        Command::RotateKey(args) => rotate::rotate_key(app, &args),
        Command::Delete(args) => delete(app, &args),
    }
}

fn list(app: &App, status: &str) -> Result {
    let filter = match status {
        "active" => StatusFilter::Active,
        "inactive" => StatusFilter::Inactive,
        _ => StatusFilter::All,
    };
    // What is sorted or selected here has to be fetched whole.
    let whole = app.out.view.sort_by.is_some() || app.globals.selector.is_some();
    let limit = app.out.view.limit.filter(|_| !whole).unwrap_or(usize::MAX);
    let client = app.client()?;
    let (mut sites, more) = app.run(async { Ok(client.sites().list(filter).take(limit).await?) })?;
    if filter == StatusFilter::All && !more {
        complete::remember(app, "sites", sites.iter().map(|site| site.spec.name.to_string()));
    }
    if let Some(selector) = &app.globals.selector {
        sites.retain(|site| selector.matches(&site.spec));
    }
    let listed = app.run(Listed::all(app, &client, sites))?;
    app.out.list(listed, more)
}

async fn one(client: &Client, name: &str) -> Result<patronus_client::Tagged<Site>> {
    match client.sites().get(name).await {
        Ok(found) => Ok(found),
        Err(error) => Err(explain(client, Named::Site, name, error).await),
    }
}

fn get(app: &App, typed: &[String]) -> Result {
    let (wanted, as_list) = references(Listed::KIND, typed)?;
    let client = app.client()?;
    let sites = app.run(async {
        let mut sites = Vec::new();
        for name in &wanted {
            sites.push(one(&client, name).await?.value);
        }
        Listed::all(app, &client, sites).await
    })?;
    show(app, &sites, as_list)
}

fn describe(app: &App, typed: &str) -> Result {
    let name = super::parse(Listed::KIND, typed)?;
    let client = app.client()?;
    let sites = app.run(async { Listed::all(app, &client, vec![one(&client, &name).await?.value]).await })?;
    if !app.out.view.format.is_human() || !app.out.view.fields.is_empty() {
        return sites.first().map_or(Ok(()), |site| app.out.object(site));
    }
    sites.first().map_or(Ok(()), |site| app.out.write(&describe::text(site, &app.out)))
}

fn create(app: &App, args: &Create) -> Result {
    let mut fields = args.spec.fields()?;
    args.parts.add_to(&mut fields)?;
    fields.set("name", Some(&args.name))?;
    fields.set("public_key", args.public_key)?;
    let input: SiteInput = fields.clone().into_object()?;
    let client = app.client()?;
    let (site, created) = app.run(async {
        match client.sites().create(&input, &app.mode.write()).await {
            Ok(site) => Ok((site, true)),
            Err(error) if args.if_not_exists && error.is(ErrorCode::Exists) => {
                let site = client.sites().get(args.name.as_str()).await?.value;
                fields.must_be_in(&site, Listed::KIND, args.name.as_str())?;
                Ok((site, false))
            }
            Err(error) => Err(explain_existing(Named::Site, &args.name, error)),
        }
    })?;
    let site = Listed::called(site, args.name.as_str());
    app.out.done(&site, if created { "created" } else { "unchanged" }, app.mode.dry_run)
}

fn update(app: &App, args: &Update) -> Result {
    let mut fields = args.spec.fields()?;
    fields.set("name", args.name.as_ref())?;
    if args.changes.is_empty() && fields.0.is_empty() {
        return fields.into_patch().map(drop);
    }
    let name = super::parse(Listed::KIND, &args.site)?;
    let client = app.client()?;
    let (before, after) = app.run(async {
        let found = one(&client, &name).await?;
        let patch = change::patch(&found.value.spec, fields, &args.changes)?;
        patch.notes.iter().for_each(|note| app.out.notice(note));
        let after = client.sites().update(&name, &found.etag, &patch.body, &app.mode.write()).await?;
        Ok((found.value.spec, after))
    })?;
    let what = if after.spec == before { "unchanged" } else { "updated" };
    changes(&before, &after.spec)?.iter().for_each(|line| app.out.notice(line));
    app.out.done(&Listed::called(after, &name), what, app.mode.dry_run)
}

fn delete(app: &App, args: &Delete) -> Result {
    let client;
    let wanted = match (&app.globals.selector, args.sites.as_slice()) {
        (Some(_), [_, ..]) => return Err(CliError::usage("name sites or select them by labels, not both")),
        (None, []) => return Err(CliError::usage("no site is named").help("patronusctl site delete SITE")),
        (None, typed) => {
            let (wanted, _) = references(Listed::KIND, typed)?;
            confirm::deletion(app, Listed::KIND, &wanted)?;
            client = app.client()?;
            wanted
        }
        (Some(selector), []) => {
            // Without a terminal nothing is asked of the server before it is confirmed, not even which sites there are.
            if app.mode.confirm.is_none() && !app.mode.dry_run && !app.interactive() {
                let error = CliError::new(
                    Exit::Unconfirmed,
                    "deleting sites by labels has to be confirmed; nothing was changed",
                );
                return Err(error.help("see how many there are with site list -l …, then add --confirm NUMBER"));
            }
            client = app.client()?;
            let sites = app.run(async { Ok(client.sites().list(StatusFilter::All).all().await?) })?;
            let selected = sites.into_iter().filter(|site| selector.matches(&site.spec));
            // By their ids: a name may be another network's too.
            let (wanted, names): (Vec<String>, Vec<String>) =
                selected.map(|site| (site.id.to_string(), site.spec.name.to_string())).unzip();
            if wanted.is_empty() {
                return Err(CliError::new(Exit::NotFound, "no site has these labels"));
            }
            confirm::type_out(
                app,
                &format!("deleting {} sites ({})", wanted.len(), names.join(", ")),
                &wanted.len().to_string(),
            )?;
            wanted
        }
    };
    each(app, &wanted, async |name| delete_one(app, &client, name, args.ignore_not_found).await)
}

async fn delete_one(app: &App, client: &Client, name: &str, ignore_not_found: bool) -> Result {
    let outcome = match client.sites().get(name).await {
        Ok(found) => {
            let deleted = client.sites().delete(name, &found.etag, &app.mode.write_of(name)).await;
            deleted.map(|()| (found.value.spec.name, found.value.id.to_string()))
        }
        Err(error) => Err(error),
    };
    tell_deleted(app, client, (Named::Site, name), outcome, ignore_not_found).await
}
