//! Policies.

mod rows;
mod spec;
mod test;

use clap_complete::engine::ArgValueCompleter;
use patronus_client::Client;
use patronus_types::Name;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::policies::Written;
use patronus_types::policy::{Policy, PolicyInput};

use super::changes::changes;
use super::names::{Named, explain, explain_existing, tell_deleted};
use super::{each, references, show};
use crate::app::App;
use crate::complete;
use crate::confirm;
use crate::error::Result;
use crate::output::Object;
pub use rows::action_text;
use spec::Spec;
pub use test::service;

/// What can be done with policies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List policies in the order in which they are asked
    List,
    /// Show policies
    Get {
        /// Names or ids; - reads them from stdin
        #[arg(required = true, value_name = "POLICY", add = ArgValueCompleter::new(complete::policies))]
        policies: Vec<String>,
    },
    /// Create a policy
    Create(Box<Create>),
    /// Change a policy; what is not named stays
    Update(Box<Update>),
    /// Delete policies
    Delete(Delete),
    /// List the applications that policies can name
    Apps,
    /// Ask which policy decides about packets, or whether what the policies expect is true
    Test(test::Args),
}

/// Arguments of `policy create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The name
    name: Name,
    #[command(flatten)]
    spec: Spec,
    /// Do nothing if it exists and is as asked for
    #[arg(long)]
    if_not_exists: bool,
}

/// Arguments of `policy update`.
#[derive(Debug, clap::Args)]
pub struct Update {
    /// Its name or id
    #[arg(value_name = "POLICY", add = ArgValueCompleter::new(complete::policies))]
    policy: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    #[command(flatten)]
    spec: Spec,
}

/// Arguments of `policy delete`.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Names or ids; - reads them from stdin
    #[arg(required = true, value_name = "POLICY", add = ArgValueCompleter::new(complete::policies))]
    policies: Vec<String>,
    /// Do nothing if it is not there
    #[arg(long)]
    ignore_not_found: bool,
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List => list(app),
        Command::Get { policies } => get(app, &policies),
        Command::Create(args) => create(app, &args),
        Command::Update(args) => update(app, &args),
        Command::Delete(args) => delete(app, &args),
        Command::Apps => apps(app),
        Command::Test(args) => test::run(app, &args),
    }
}

fn list(app: &App) -> Result {
    let client = app.client()?;
    let mut policies = app.run(async { Ok(client.policies().list().all().await?) })?;
    complete::remember(app, "policies", policies.iter().map(Object::name));
    policies.sort_by(|one, other| {
        let priority = other.spec.priority.cmp(&one.spec.priority);
        one.network_id.cmp(&other.network_id).then(priority).then_with(|| one.spec.name.cmp(&other.spec.name))
    });
    app.out.list(policies, false)
}

fn apps(app: &App) -> Result {
    let client = app.client()?;
    let apps = app.run(async { Ok(client.policies().apps().await?) })?;
    app.out.list(apps.items, false)
}

fn get(app: &App, typed: &[String]) -> Result {
    let (wanted, as_list) = references(Policy::KIND, typed)?;
    let client = app.client()?;
    let policies = app.run(async {
        let mut policies = Vec::new();
        for name in &wanted {
            match client.policies().get(name).await {
                Ok(found) => policies.push(found.value),
                Err(error) => return Err(explain(&client, Named::Policy, name, error).await),
            }
        }
        Ok(policies)
    })?;
    show(app, &policies, as_list)
}

fn create(app: &App, args: &Create) -> Result {
    let fields = args.spec.whole(&args.name)?;
    let input: PolicyInput = fields.clone().into_object()?;
    let client = app.client()?;
    let (written, created) = app.run(async {
        match client.policies().create(&input, &app.mode.write()).await {
            Ok(written) => Ok((written, true)),
            Err(error) if args.if_not_exists && error.is(ErrorCode::Exists) => {
                let policy = client.policies().get(args.name.as_str()).await?.value;
                fields.must_be_in(&policy, Policy::KIND, args.name.as_str())?;
                Ok((Written { policy, warnings: Vec::new() }, false))
            }
            Err(error) => Err(explain_existing(Named::Policy, &args.name, error)),
        }
    })?;
    tell(app, &written, if created { "created" } else { "unchanged" })
}

fn update(app: &App, args: &Update) -> Result {
    let mut fields = args.spec.part()?;
    fields.set("name", args.name.as_ref())?;
    let patch = fields.into_patch()?;
    let name = super::parse(Policy::KIND, &args.policy)?;
    let client = app.client()?;
    let (before, written) = app.run(async {
        let found = match client.policies().get(&name).await {
            Ok(found) => found,
            Err(error) => return Err(explain(&client, Named::Policy, &name, error).await),
        };
        let written = client.policies().update(&name, &found.etag, &patch, &app.mode.write()).await?;
        Ok((found.value.spec, written))
    })?;
    changes(&before, &written.policy.spec)?.iter().for_each(|line| app.out.notice(line));
    let same = written.policy.spec == before;
    tell(app, &written, if same { "unchanged" } else { "updated" })
}

fn tell(app: &App, written: &Written, what: &str) -> Result {
    written.warnings.iter().for_each(|warning| app.out.notice(&format!("warning: {warning}")));
    app.out.done(&written.policy, what, app.mode.dry_run)
}

fn delete(app: &App, args: &Delete) -> Result {
    let (wanted, _) = references(Policy::KIND, &args.policies)?;
    confirm::deletion(app, Policy::KIND, &wanted)?;
    let client = app.client()?;
    each(app, &wanted, async |name| delete_one(app, &client, name, args.ignore_not_found).await)
}

async fn delete_one(app: &App, client: &Client, name: &str, ignore_not_found: bool) -> Result {
    let outcome = match client.policies().get(name).await {
        Ok(found) => {
            let deleted = client.policies().delete(name, &found.etag, &app.mode.write_of(name)).await;
            deleted.map(|()| (found.value.spec.name, found.value.id.to_string()))
        }
        Err(error) => Err(error),
    };
    tell_deleted(app, client, (Named::Policy, name), outcome, ignore_not_found).await
}
