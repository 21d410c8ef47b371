//! Sites among their neighbours: one name may stand for a site in each of several networks.

use std::collections::BTreeSet;

use patronus_client::Client;
use patronus_types::api::page::StatusFilter;
use patronus_types::site::Site;
use patronus_types::{Name, NetworkId};
use serde::Serialize;

use crate::app::App;
use crate::error::Result;
use crate::output::Format;

/// A site, and what a reader without a network in mind has to know of it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Listed {
    /// The site.
    pub site: Site,
    /// Its network's name, where there are several and none was chosen.
    #[serde(skip)]
    pub network: Option<Name>,
    /// Whether its name alone means several sites.
    #[serde(skip)]
    pub ambiguous: bool,
}

impl Listed {
    /// Looks around for each of the sites, as far as the answer's form tells of it.
    pub async fn all(app: &App, client: &Client, sites: Vec<Site>) -> Result<Vec<Self>> {
        let view = &app.out.view;
        let chosen = app.target()?.scope.network.is_some();
        let (mut names, mut twins) = (Vec::new(), BTreeSet::new());
        if !chosen && view.format.is_human() && view.fields.is_empty() {
            names = network_names(client).await;
        }
        if !chosen && view.format == Format::Name {
            twins = ambiguous_names(client).await?;
        }
        let listed = sites.into_iter().map(|site| Self {
            network: names.iter().find(|(id, _)| *id == site.network_id).map(|(_, name)| name.clone()),
            ambiguous: twins.contains(&site.spec.name),
            site,
        });
        Ok(listed.collect())
    }

    /// A site that was just written, called as it was called: by its name or by its id.
    pub fn called(site: Site, reference: &str) -> Self {
        Self { ambiguous: reference == site.id.to_string(), site, network: None }
    }
}

/// The networks by id; nothing where there is but one, or where the caller may not see them: sites are shown all the same.
async fn network_names(client: &Client) -> Vec<(NetworkId, Name)> {
    let networks = client.networks().list().all().await.unwrap_or_default();
    let several = networks.len() > 1;
    networks.into_iter().filter(|_| several).map(|network| (network.id, network.spec.name)).collect()
}

/// The names that several sites have. Only the whole list tells: a twin may be on no page, or of another status.
async fn ambiguous_names(client: &Client) -> Result<BTreeSet<Name>> {
    let mut seen = BTreeSet::new();
    let sites = client.sites().list(StatusFilter::All).all().await?;
    Ok(sites.into_iter().map(|site| site.spec.name).filter(|name| !seen.insert(name.clone())).collect())
}
