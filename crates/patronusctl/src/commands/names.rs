//! What is said of objects by their names, the same for sites and networks; did-you-mean for names on the server.

use patronus_client::{Client, Error};
use patronus_types::Name;
use patronus_types::api::error::ErrorCode;
use patronus_types::api::page::StatusFilter;

use crate::app::App;
use crate::error::CliError;
use crate::output::Format;
use patronus_types::words::nearest;

/// A kind whose names can be listed.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// Networks.
    Network,
    /// Sites.
    Site,
    /// Policies.
    Policy,
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Site => "site",
            Self::Policy => "policy",
        }
    }

    /// The names there are.
    pub async fn list(self, client: &Client) -> Result<Vec<String>, Error> {
        Ok(match self {
            Self::Network => {
                client.networks().list().all().await?.into_iter().map(|it| it.spec.name.to_string()).collect()
            }
            Self::Site => {
                let sites = client.sites().list(StatusFilter::All).all().await?;
                sites.into_iter().map(|it| it.spec.name.to_string()).collect()
            }
            Self::Policy => {
                client.policies().list().all().await?.into_iter().map(|it| it.spec.name.to_string()).collect()
            }
        })
    }
}

/// Says what to do where an object exists that was to be created.
pub fn explain_existing(kind: Named, name: &Name, error: Error) -> CliError {
    let exists = error.is(ErrorCode::Exists);
    let shown = CliError::from(error);
    match exists {
        true => shown.help(format!("patronusctl {} get {name}, or create it with --if-not-exists", kind.word())),
        false => shown,
    }
}

/// Tells what became of an object that was to be deleted; `outcome` holds its name and its id.
pub async fn tell_deleted(
    app: &App,
    client: &Client,
    (kind, wanted): (Named, &str),
    outcome: Result<(Name, String), Error>,
    ignore_not_found: bool,
) -> crate::error::Result {
    match outcome {
        Ok((name, id)) => {
            let shown = if app.out.view.format == Format::Id { &id } else { name.as_str() };
            app.out.outcome(kind.word(), shown, "deleted", app.mode.dry_run)
        }
        Err(error) if ignore_not_found && error.is(ErrorCode::NotFound) => {
            app.out.outcome(kind.word(), wanted, "not there", app.mode.dry_run)
        }
        Err(error) => Err(explain(client, kind, wanted, error).await),
    }
}

/// Says which object a failed call was about, and for one that is not there, which one may be meant.
pub async fn explain(client: &Client, kind: Named, wanted: &str, error: Error) -> CliError {
    let absent = error.is(ErrorCode::NotFound);
    let shown = CliError::from(error).about("object", format!("{}/{wanted}", kind.word()));
    if !absent {
        return shown;
    }
    let names = kind.list(client).await.unwrap_or_default();
    match nearest(wanted, names.iter().map(String::as_str)) {
        Some(near) => shown.help(format!("did you mean `{near}`?  patronusctl {} get {near}", kind.word())),
        None => shown.help(format!("patronusctl {} list", kind.word())),
    }
}
