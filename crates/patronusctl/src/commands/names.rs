//! Did-you-mean for names that live on the server.

use patronus_client::{Client, Error};
use patronus_types::api::error::ErrorCode;
use patronus_types::api::page::StatusFilter;

use crate::error::CliError;
use crate::suggest::nearest;

/// A kind whose names can be listed.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// Networks.
    Network,
    /// Sites.
    Site,
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Site => "site",
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
        })
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
