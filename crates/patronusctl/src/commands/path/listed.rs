//! A path with the names of its sites.

use std::collections::BTreeMap;

use patronus_client::Client;
use patronus_types::SiteId;
use patronus_types::api::page::StatusFilter;
use patronus_types::path::{Path, PathStatus};
use serde::Serialize;

use super::Wanted;
use crate::cli::reference;
use crate::error::{CliError, Exit, Result};
use crate::output::{Cell, Column, Object, Tone};

/// One path.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// The path.
    #[serde(flatten)]
    pub path: Path,
    /// The name of the site from which it leads.
    pub source_site: String,
    /// The name of the site to which it leads.
    pub dest_site: String,
}

/// The names of sites.
pub struct Names(BTreeMap<SiteId, String>);

impl Names {
    /// All of them.
    pub async fn read(client: &Client) -> Result<Self> {
        let sites = client.sites().list(StatusFilter::All).all().await?;
        Ok(Self(sites.into_iter().map(|site| (site.id, site.spec.name.to_string())).collect()))
    }

    /// A path with its names; of a site that is gone meanwhile, the id.
    pub fn named(&self, path: Path) -> Listed {
        let name = |id: SiteId| self.0.get(&id).cloned().unwrap_or_else(|| id.to_string());
        let (source_site, dest_site) = (name(path.source_site_id), name(path.dest_site_id));
        Listed { path, source_site, dest_site }
    }
}

/// All that are wanted.
pub async fn all(client: &Client, wanted: &Wanted) -> Result<Vec<Listed>> {
    let site = wanted.site.as_deref().map(|site| reference("site", site)).transpose().map_err(CliError::usage)?;
    let names = Names::read(client).await?;
    let paths = client.paths().list(site.as_ref(), wanted.status()).all().await?;
    Ok(paths.into_iter().map(|path| names.named(path)).collect())
}

/// One, by its id or by its sites and uplinks.
pub async fn one(client: &Client, typed: &str) -> Result<Listed> {
    let typed = typed.strip_prefix("path/").unwrap_or(typed);
    if !typed.contains("..") {
        let path = client.paths().get(typed).await.map_err(|error| {
            CliError::from(error).help("patronusctl path list shows all, by ids with -o id and by names with -o name")
        })?;
        return Ok(Names::read(client).await?.named(path));
    }
    let all = all(client, &Wanted { site: None, status: None }).await?;
    all.into_iter().find(|path| path.name() == typed).ok_or_else(|| {
        let error = CliError::new(Exit::NotFound, format!("no path `{typed}`"));
        error.help("write it as SITE/UPLINK..SITE/UPLINK: patronusctl path list -o name")
    })
}

impl Object for Listed {
    const KIND: &'static str = "path";

    fn name(&self) -> String {
        let Self { path, source_site, dest_site } = self;
        format!("{source_site}/{}..{dest_site}/{}", path.source_uplink, path.dest_uplink)
    }

    fn id(&self) -> String {
        self.path.id.to_string()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("FROM", |it, _| it.source_site.clone().into()),
            Column::fixed("UPLINK", |it, _| it.path.source_uplink.to_string().into()),
            Column::fixed("TO", |it, _| it.dest_site.clone().into()),
            Column::fixed("UPLINK", |it, _| it.path.dest_uplink.to_string().into()),
            Column::fixed("STATUS", |it, _| status(&it.path)),
            Column::fixed("USED", |it, _| used(&it.path).into()),
            Column::fixed("LATENCY", |it, _| Cell::of(it.path.state.latency_ms.map(|it| format!("{it} ms")))),
            Column::ranked(1, "LOSS", |it, _| Cell::of(it.path.state.packet_loss_pct.map(|it| format!("{it} %")))),
            Column::ranked(2, "JITTER", |it, _| Cell::of(it.path.state.jitter_ms.map(|it| format!("{it} ms")))),
            Column::ranked(3, "SCORE", |it, _| Cell::of(it.path.state.health_score)),
            Column::ranked(4, "HEARD", |it, out| Cell::of(it.path.last_heard_at.map(|at| out.time(at)))),
            Column::text(5, "REASON", |it, _| Cell::of(it.path.state.reason.as_ref())),
            Column::wide("REPORTED", |it, out| Cell::of(it.path.updated_at.map(|at| out.time(at)))),
            Column::wide("ID", |it, _| it.id().into()),
        ]
    }
}

/// How a path does; with a question mark where that was long ago.
pub fn status(path: &Path) -> Cell {
    let (word, tone) = match path.state.status {
        PathStatus::Up => ("up", Tone::Good),
        PathStatus::Degraded => ("degraded", Tone::Warn),
        PathStatus::Down => ("down", Tone::Bad),
    };
    Cell::toned(if path.stale { format!("{word}?") } else { word.to_owned() }, tone)
}

/// What goes by a path, in words.
pub fn used(path: &Path) -> String {
    let classes = path.classes.iter().filter(|class| class.used);
    let words = classes.map(|class| match class.policies.as_slice() {
        [] => "yes".to_owned(),
        policies => policies.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(","),
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { "no".to_owned() } else { words.join(",") }
}
