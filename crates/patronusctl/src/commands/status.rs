//! The servers, networks and sites on one screen.

use patronus_client::Client;
use patronus_types::api::page::StatusFilter;
use patronus_types::network::Network;
use patronus_types::rotation::Rotation;
use patronus_types::site::{Site, SiteStatus, SyncState};
use patronus_types::{Name, NetworkId, Ref};
use serde::Serialize;

use super::site::{open, words};
use crate::app::App;
use crate::error::{CliError, Result};
use crate::output::{Cell, Head, Output, Tone};

/// How many sites that hold a rotation open are named.
const NAMED: usize = 3;

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// The word that a value has in JSON.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[derive(Serialize)]
struct Status {
    servers: Vec<ServerStatus>,
    networks: Vec<NetworkStatus>,
    /// Sites whose keys are being replaced.
    rotations: Vec<RotationStatus>,
    /// Sites that a person should look at.
    attention: Vec<Attention>,
}

#[derive(Serialize)]
struct ServerStatus {
    url: String,
    ok: bool,
    version: Option<String>,
    detail: Option<String>,
}

#[derive(Serialize)]
struct NetworkStatus {
    name: Name,
    id: NetworkId,
    topology: String,
    version: Option<u64>,
    dirty: bool,
    sites: usize,
    active: usize,
    synced: usize,
    behind: usize,
    failed: usize,
    pending: usize,
    unpublished: usize,
    /// Sites on whose hosts something is wrong.
    warned: usize,
}

#[derive(Serialize)]
struct RotationStatus {
    network: Name,
    #[serde(flatten)]
    rotation: Rotation,
}

#[derive(Serialize)]
struct Attention {
    site: Name,
    network: Name,
    status: String,
    sync: String,
    reason: Option<String>,
    warnings: Vec<String>,
}

/// Runs it.
pub fn run(app: &App, _: Args) -> Result {
    let client = app.client()?;
    let status = app.run(async { gather(app, &client).await })?;
    app.out.value(&status, || page(&status, &app.out))
}

async fn gather(app: &App, client: &Client) -> Result<Status> {
    let mut servers = Vec::new();
    for url in client.servers() {
        servers.push(server(app, url).await?);
    }
    let mut networks = client.networks().list().all().await?;
    if let Some(wanted) = &client_scope(app)? {
        networks.retain(|network| match wanted {
            Ref::Name(name) => network.spec.name == *name,
            Ref::Id(id) => network.id.to_string() == id.to_string(),
        });
    }
    let sites = client.sites().list(StatusFilter::All).all().await?;
    let placed = || networks.iter().flat_map(|network| sites_of(network, &sites).map(move |site| (network, site)));
    let rotations = placed().filter_map(|(network, site)| {
        let rotation = site.rotation.clone()?;
        Some(RotationStatus { network: network.spec.name.clone(), rotation })
    });
    let (rotations, attention) =
        (rotations.collect(), placed().filter_map(|(network, site)| attention(network, site)).collect());
    let networks = networks.iter().map(|network| count(network, &sites)).collect();
    Ok(Status { servers, networks, rotations, attention })
}

fn client_scope(app: &App) -> Result<Option<Ref>> {
    Ok(app.target()?.scope.network.clone())
}

/// How one server is; that it is not there is an answer too.
async fn server(app: &App, url: &str) -> Result<ServerStatus> {
    let mut target = app.target()?.clone();
    target.servers = vec![url.to_owned()];
    target.retries = 0;
    let health = target.client()?.health().ready().await;
    Ok(match health {
        Ok(health) => ServerStatus { url: url.to_owned(), ok: true, version: Some(health.version), detail: None },
        Err(error) => {
            let error = CliError::from(error);
            ServerStatus {
                url: url.to_owned(),
                ok: false,
                version: None,
                detail: error.cause.clone().or_else(|| Some(error.what.clone())),
            }
        }
    })
}

fn sites_of<'a>(network: &'a Network, sites: &'a [Site]) -> impl Iterator<Item = &'a Site> {
    sites.iter().filter(|site| site.network_id == network.id)
}

fn count(network: &Network, sites: &[Site]) -> NetworkStatus {
    let in_state = |state| sites_of(network, sites).filter(|site| site.sync == state).count();
    NetworkStatus {
        name: network.spec.name.clone(),
        id: network.id,
        topology: word(&network.spec.topology),
        version: network.released_version,
        dirty: network.dirty,
        sites: sites_of(network, sites).count(),
        active: sites_of(network, sites).filter(|site| site.status == SiteStatus::Active).count(),
        synced: in_state(SyncState::Synced),
        behind: in_state(SyncState::Behind),
        failed: in_state(SyncState::Failed),
        pending: in_state(SyncState::Pending),
        unpublished: in_state(SyncState::Unpublished),
        warned: sites_of(network, sites).filter(|site| !site.warnings.is_empty()).count(),
    }
}

fn attention(network: &Network, site: &Site) -> Option<Attention> {
    let enrolled = site.enrolled_at.is_some();
    let silent = enrolled && site.status == SiteStatus::Inactive;
    let late = matches!(site.sync, SyncState::Behind | SyncState::Failed);
    let reason = site.last_outcome.as_ref().and_then(|outcome| outcome.reason.clone());
    let warned = !site.warnings.is_empty();
    (silent || late || warned || site.stands_still().is_some()).then(|| Attention {
        site: site.spec.name.clone(),
        network: network.spec.name.clone(),
        status: word(&site.status),
        sync: word(&site.sync),
        reason: site.stands_still().map(str::to_owned).or(reason.filter(|_| site.sync == SyncState::Failed)),
        warnings: site.warnings.clone(),
    })
}

fn heads<const N: usize>(names: [&'static str; N]) -> [Head; N] {
    names.map(Head::fixed)
}

fn page(status: &Status, out: &Output) -> String {
    let mut page =
        out.rows_text(&heads(["SERVER", "STATE", "VERSION"]), status.servers.iter().map(server_row).collect());
    let names = [
        "NETWORK", "TOPOLOGY", "VERSION", "DIRTY", "SITES", "ACTIVE", "SYNCED", "BEHIND", "FAILED", "PENDING", "WARNED",
    ];
    let networks = out.rows_text(&heads(names), status.networks.iter().map(network_row).collect());
    let networks =
        if networks.is_empty() { "no networks yet: patronusctl apply -f FILE\n".to_owned() } else { networks };
    page.push_str(&format!("\n{networks}"));
    for network in status.networks.iter().filter(|network| network.dirty && network.sites > 0) {
        let name = if status.networks.len() > 1 { format!(" --network {}", network.name) } else { String::new() };
        page.push_str(&format!(
            "\n{} has changes that are not published: patronusctl bundle publish{name}\n\
             (after a rollback, that brings back what was rolled back)\n",
            network.name
        ));
    }
    let rotations = out.rows_text(
        &heads(["KEYS OF", "NETWORK", "ROTATION", "VERSION", "SINCE", "HELD OPEN BY"]),
        status.rotations.iter().map(|it| rotation_row(it, out)).collect(),
    );
    if !rotations.is_empty() {
        page.push_str(&format!("\n{rotations}"));
    }
    let attention = out.rows_text(
        &heads(["SITE", "NETWORK", "STATUS", "SYNC", "REASON"]),
        status.attention.iter().map(attention_row).collect(),
    );
    if !attention.is_empty() {
        page.push_str(&format!("\n{attention}"));
    }
    page
}

fn server_row(server: &ServerStatus) -> Vec<Cell> {
    let state = match &server.detail {
        None => Cell::toned("ok", Tone::Good),
        Some(detail) => Cell::toned(detail, Tone::Bad),
    };
    vec![server.url.clone().into(), state, Cell::of(server.version.as_ref())]
}

fn network_row(it: &NetworkStatus) -> Vec<Cell> {
    let some = |count: usize, tone| if count == 0 { Cell::from("0") } else { Cell::toned(count.to_string(), tone) };
    vec![
        it.name.to_string().into(),
        it.topology.clone().into(),
        Cell::of(it.version),
        if it.dirty { Cell::toned("yes", Tone::Warn) } else { "no".into() },
        it.sites.to_string().into(),
        it.active.to_string().into(),
        some(it.synced, Tone::Good),
        some(it.behind, Tone::Warn),
        some(it.failed, Tone::Bad),
        (it.pending + it.unpublished).to_string().into(),
        some(it.warned, Tone::Warn),
    ]
}

fn rotation_row(RotationStatus { network, rotation }: &RotationStatus, out: &Output) -> Vec<Cell> {
    let named: Vec<String> = rotation.waiting.iter().take(NAMED).map(open).collect();
    let more = rotation.waiting.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    vec![
        rotation.site.to_string().into(),
        network.to_string().into(),
        words(rotation.phase).into(),
        Cell::of(rotation.version),
        out.time(rotation.started_at).into(),
        Cell::toned(format!("{}{more}", named.join("; ")), Tone::Warn),
    ]
}

/// The first warning, and how many more there are.
fn warned(warnings: &[String]) -> Option<String> {
    let first = warnings.first()?;
    let more = warnings.len() - 1;
    Some(if more > 0 { format!("warning: {first} (and {more} more)") } else { format!("warning: {first}") })
}

fn attention_row(it: &Attention) -> Vec<Cell> {
    vec![
        it.site.to_string().into(),
        it.network.to_string().into(),
        it.status.clone().into(),
        it.sync.clone().into(),
        Cell::of(it.reason.clone().or_else(|| warned(&it.warnings))),
    ]
}
