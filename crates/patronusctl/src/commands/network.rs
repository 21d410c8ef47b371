//! Networks.

use clap_complete::engine::ArgValueCompleter;
use ipnet::{Ipv4Net, Ipv6Net};
use patronus_client::Client;
use patronus_types::Name;
use patronus_types::api::error::ErrorCode;
use patronus_types::network::{Network, NetworkSpec};
use patronus_types::policy::Service;

use super::changes::changes;
use super::fields::Fields;
use super::names::{Named, explain, explain_existing, tell_deleted};
use super::{each, references, show};
use crate::app::App;
use crate::cli::{application, number, range4, range6, seconds};
use crate::complete;
use crate::confirm;
use crate::error::Result;
use crate::output::{Cell, Column, Object, Tone};

/// What can be done with networks.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List networks
    List,
    /// Show networks
    Get {
        /// Names or ids; - reads them from stdin
        #[arg(required = true, value_name = "NETWORK", add = ArgValueCompleter::new(complete::networks))]
        networks: Vec<String>,
    },
    /// Create a network
    Create(Create),
    /// Change a network
    Update(Update),
    /// Delete a network that has no sites
    Delete(Delete),
}

/// What a network is made of.
#[derive(Debug, clap::Args)]
pub struct Spec {
    /// The IPv4 range from which each site gets its overlay address, /8 to /30; 10.210.0.0/16 where a new
    /// network names none
    #[arg(long, value_name = "CIDR", value_parser = range4)]
    range: Option<Ipv4Net>,
    /// The IPv6 range for overlay addresses, /32 to /112
    #[arg(long, value_name = "CIDR", value_parser = range6)]
    range6: Option<Ipv6Net>,
    /// Who has tunnels with whom; mesh where a new network does not say
    #[arg(long, value_parser = ["mesh", "hub-spoke"])]
    topology: Option<String>,
    /// MTU of every tunnel in bytes, 1280 to 8920; without one it follows from the uplinks
    #[arg(long, value_name = "BYTES", value_parser = number("a number of bytes", 1280_u16, 8920))]
    #[arg(allow_negative_numbers = true)]
    mtu: Option<u16>,
    /// How often agents ask for changes, 1s to 1h; 5s where a new network does not say
    #[arg(long, value_name = "SPAN", value_parser = seconds(1, 3600))]
    #[arg(allow_negative_numbers = true)]
    poll_interval: Option<u16>,
    /// The age in days at which a site's keys are replaced, 1 to 3650; without one, only on request
    #[arg(long, value_name = "DAYS", value_parser = number("a number of days", 1_u16, 3650))]
    #[arg(allow_negative_numbers = true)]
    rotate_keys_days: Option<u16>,
    /// An application that policies can name, as erp=tcp/3200-3299,udp/3299; one without services is taken out; may be
    /// given several times
    #[arg(long, value_name = "NAME=SERVICE,…", value_parser = application)]
    app: Vec<(Name, Vec<Service>)>,
}

impl Spec {
    fn fields(&self) -> Result<Fields> {
        let mut fields = Fields::default();
        fields.set("range", self.range)?;
        fields.set("range6", self.range6)?;
        fields.set("topology", self.topology.as_ref())?;
        fields.set("mtu", self.mtu)?;
        fields.set("poll_interval_s", self.poll_interval)?;
        fields.set("rotate_keys_days", self.rotate_keys_days)?;
        let apps = self.app.iter().map(|(name, services)| (name, Some(services).filter(|list| !list.is_empty())));
        fields.map("apps", apps)?;
        Ok(fields)
    }
}

/// Arguments of `network create`.
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

/// Arguments of `network update`.
#[derive(Debug, clap::Args)]
pub struct Update {
    /// Its name or id
    #[arg(value_name = "NETWORK", add = ArgValueCompleter::new(complete::networks))]
    wanted: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    #[command(flatten)]
    spec: Spec,
}

/// Arguments of `network delete`.
#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Names or ids; - reads them from stdin
    #[arg(required = true, value_name = "NETWORK", add = ArgValueCompleter::new(complete::networks))]
    networks: Vec<String>,
    /// Do nothing if it is not there
    #[arg(long)]
    ignore_not_found: bool,
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List => {
            let networks =
                app.client().and_then(|client| app.run(async { Ok(client.networks().list().all().await?) }))?;
            complete::remember(app, "networks", networks.iter().map(Object::name));
            app.out.list(networks, false)
        }
        Command::Get { networks } => get(app, &networks),
        Command::Create(args) => create(app, &args),
        Command::Update(args) => update(app, &args),
        Command::Delete(args) => delete(app, &args),
    }
}

fn get(app: &App, typed: &[String]) -> Result {
    let (wanted, as_list) = references(Network::KIND, typed)?;
    let client = app.client()?;
    let networks = app.run(async {
        let mut networks = Vec::new();
        for name in &wanted {
            match client.networks().get(name).await {
                Ok(found) => networks.push(found.value),
                Err(error) => return Err(explain(&client, Named::Network, name, error).await),
            }
        }
        Ok(networks)
    })?;
    show(app, &networks, as_list)
}

fn create(app: &App, args: &Create) -> Result {
    let mut fields = args.spec.fields()?;
    fields.set("name", Some(&args.name))?;
    let spec: NetworkSpec = fields.clone().into_object()?;
    let client = app.client()?;
    let (network, created) = app.run(async {
        match client.networks().create(&spec, &app.mode.write()).await {
            Ok(network) => Ok((network, true)),
            Err(error) if args.if_not_exists && error.is(ErrorCode::Exists) => {
                let network = client.networks().get(args.name.as_str()).await?.value;
                fields.must_be_in(&network, Network::KIND, args.name.as_str())?;
                Ok((network, false))
            }
            Err(error) => Err(explain_existing(Named::Network, &args.name, error)),
        }
    })?;
    app.out.done(&network, if created { "created" } else { "unchanged" }, app.mode.dry_run)
}

fn update(app: &App, args: &Update) -> Result {
    let mut fields = args.spec.fields()?;
    fields.set("name", args.name.as_ref())?;
    let patch = fields.into_patch()?;
    let name = super::parse(Network::KIND, &args.wanted)?;
    let client = app.client()?;
    let (before, after) = app.run(async {
        let found = match client.networks().get(&name).await {
            Ok(found) => found,
            Err(error) => return Err(explain(&client, Named::Network, &name, error).await),
        };
        let after = client.networks().update(&name, &found.etag, &patch, &app.mode.write()).await?;
        Ok((found.value.spec, after))
    })?;
    changes(&before, &after.spec)?.iter().for_each(|line| app.out.notice(line));
    app.out.done(&after, if after.spec == before { "unchanged" } else { "updated" }, app.mode.dry_run)
}

fn delete(app: &App, args: &Delete) -> Result {
    let (wanted, _) = references(Network::KIND, &args.networks)?;
    confirm::deletion(app, Network::KIND, &wanted)?;
    let client = app.client()?;
    each(app, &wanted, async |name| delete_one(app, &client, name, args.ignore_not_found).await)
}

async fn delete_one(app: &App, client: &Client, name: &str, ignore_not_found: bool) -> Result {
    let outcome = match client.networks().get(name).await {
        Ok(found) => {
            let deleted = client.networks().delete(name, &found.etag, &app.mode.write_of(name)).await;
            deleted.map(|()| (found.value.spec.name, found.value.id.to_string()))
        }
        Err(error) => Err(error),
    };
    let has_sites = outcome.as_ref().is_err_and(|error| error.is(ErrorCode::Conflict));
    let told = tell_deleted(app, client, (Named::Network, name), outcome, ignore_not_found).await;
    told.map_err(|error| match has_sites {
        true => error.help(format!("see them: patronusctl site list --network {name}")).help(format!(
            "delete them: patronusctl site list --network {name} -o name | \
             patronusctl site delete - --network {name} --confirm NUMBER"
        )),
        false => error,
    })
}

impl Object for Network {
    const KIND: &'static str = "network";

    fn name(&self) -> String {
        self.spec.name.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("NAME", |it, _| it.name().into()),
            Column::ranked(3, "RANGE", |it, _| it.spec.range.to_string().into()),
            Column::ranked(4, "TOPOLOGY", |it, _| super::status::word(&it.spec.topology).into()),
            Column::fixed("SITES", |it, _| it.sites.to_string().into()),
            Column::fixed("VERSION", |it, _| Cell::of(it.released_version)),
            Column::fixed("DIRTY", |it, _| if it.dirty { Cell::toned("yes", Tone::Warn) } else { "no".into() }),
            Column::ranked(5, "CHANGED", |it, out| out.time(it.updated_at).into()),
            Column::wide("RANGE6", |it, _| Cell::of(it.spec.range6)),
            Column::wide("MTU", |it, _| Cell::of(it.spec.mtu)),
            Column::wide("POLL", |it, _| format!("{}s", it.spec.poll_interval_s).into()),
            Column::wide("KEY AGE", |it, _| Cell::of(it.spec.rotate_keys_days.map(|days| format!("{days}d")))),
            Column::wide("ID", |it, _| it.id().into()),
        ]
    }
}
