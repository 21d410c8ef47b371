//! Sites.

use http::header::IF_MATCH;
use patronus_types::api::page::StatusFilter;
use patronus_types::api::rotation::{RotateRequest, Rotated};
use patronus_types::api::route::Op;
use patronus_types::api::standing::{ModeRequest, SiteMode};
use patronus_types::site::{Site, SiteInput};

use crate::call::Call;
use crate::{Client, Error, Pages, Tagged, Write};

/// See [`Client::sites`].
#[derive(Debug, Clone, Copy)]
pub struct Sites<'a>(pub(crate) &'a Client);

impl Sites<'_> {
    /// The sites of the scope's network, or of all networks of the tenant.
    pub fn list(&self, status: StatusFilter) -> Pages<Site> {
        let status = match status {
            StatusFilter::Active => Some("active"),
            StatusFilter::Inactive => Some("inactive"),
            StatusFilter::All => None,
        };
        let call = Call::new(Op::SiteList, &[]).scope(self.0).query("limit", Some(1000)).query("status", status);
        Pages::of(self.0, call)
    }

    /// One site, by name or id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, site: &str) -> Result<Tagged<Site>, Error> {
        self.0.send(Call::new(Op::SiteGet, &[site]).scope(self.0)).await?.tagged()
    }

    /// Creates a site.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn create(&self, site: &SiteInput, write: &Write) -> Result<Site, Error> {
        let call = Call::new(Op::SiteCreate, &[]).scope(self.0);
        self.0.send(call.json(site)?.write(write)?).await?.json()
    }

    /// Changes a site by a merge patch (RFC 7396), if it is still as the ETag says.
    ///
    /// # Errors
    /// [`Error::Api`] with code `precondition_failed` when it changed meanwhile.
    pub async fn update(
        &self,
        site: &str,
        etag: &str,
        patch: &serde_json::Value,
        write: &Write,
    ) -> Result<Site, Error> {
        let call = Call::new(Op::SiteUpdate, &[site]).scope(self.0).header(IF_MATCH, etag)?;
        self.0.send(call.json(patch)?.write(write)?).await?.json()
    }

    /// Sets what a site does with the version it should run.
    ///
    /// # Errors
    /// When it cannot be set.
    pub async fn set_mode(&self, site: &str, mode: SiteMode, write: &Write) -> Result<Site, Error> {
        let call = Call::new(Op::SiteMode, &[site]).scope(self.0);
        self.0.send(call.json(&ModeRequest { mode })?.write(write)?).await?.json()
    }

    /// Begins to replace a site's keys, or tells how far that is.
    ///
    /// # Errors
    /// [`Error::Api`] with code `conflict` when somebody could not follow, or another site's keys are being replaced.
    pub async fn rotate_key(&self, site: &str, request: &RotateRequest, write: &Write) -> Result<Rotated, Error> {
        let call = Call::new(Op::SiteRotateKey, &[site]).scope(self.0);
        self.0.send(call.json(request)?.write(write)?).await?.json()
    }

    /// Gives up replacing a site's keys.
    ///
    /// # Errors
    /// [`Error::Api`] with code `conflict` when they are not being replaced, or it has the new ones already.
    pub async fn keep_key(&self, site: &str, write: &Write) -> Result<(), Error> {
        let call = Call::new(Op::SiteKeepKey, &[site]).scope(self.0);
        self.0.send(call.write(write)?).await.map(drop)
    }

    /// Deletes a site, if it is still as the ETag says. Its agent's token ends with it.
    ///
    /// # Errors
    /// [`Error::Api`] with code `precondition_failed` when it changed meanwhile.
    pub async fn delete(&self, site: &str, etag: &str, write: &Write) -> Result<(), Error> {
        let call = Call::new(Op::SiteDelete, &[site]).scope(self.0).header(IF_MATCH, etag)?;
        self.0.send(call.write(write)?).await.map(drop)
    }
}
