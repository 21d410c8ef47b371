//! Holding sites, letting them only look, and letting them go on.

use clap_complete::engine::ArgValueCompleter;
use patronus_types::api::standing::SiteMode;

use super::Listed;
use crate::app::App;
use crate::commands::names::{Named, explain};
use crate::commands::{each, references};
use crate::complete;
use crate::error::Result;
use crate::output::Object;

/// Which sites.
#[derive(Debug, clap::Args)]
pub struct Sites {
    /// Names or ids; - reads them from stdin
    #[arg(required = true, value_name = "SITE", add = ArgValueCompleter::new(complete::sites))]
    sites: Vec<String>,
}

/// Sets the mode of each.
pub fn set(app: &App, Sites { sites }: &Sites, mode: SiteMode) -> Result {
    let (wanted, _) = references(Listed::KIND, sites)?;
    let client = app.client()?;
    each(app, &wanted, async |name| {
        let set = client.sites().set_mode(name, mode, &app.mode.write_of(name)).await;
        let site = match set {
            Ok(site) => site,
            Err(error) => return Err(explain(&client, Named::Site, name, error).await),
        };
        let done = match mode {
            SiteMode::Apply => "applies what is published",
            SiteMode::Hold => "held",
            SiteMode::Shadow => "in shadow",
        };
        app.out.done(&Listed::called(site, name), done, app.mode.dry_run)
    })
}
