//! What releases hold for single sites.

use bytes::Bytes;
use patronus_types::Ref;
use patronus_types::api::GZIP;
use patronus_types::api::releases::Published;
use patronus_types::api::route::Op;
use patronus_types::bundle::Bundle;
use patronus_types::release::Terms;

use crate::call::Call;
use crate::download::{Limit, Progress, Sink};
use crate::{Client, Error, Pages, Write};

/// See [`Client::bundles`].
#[derive(Debug, Clone, Copy)]
pub struct Bundles<'a>(pub(crate) &'a Client);

/// An upload's destination, reason and terms.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The one site that the archive is for; without it, the archive has a folder per site.
    pub site: Option<Ref>,
    /// Why.
    pub message: String,
    /// What holds for the release alone.
    pub terms: Terms,
}

impl Bundles<'_> {
    /// The bundles of a release.
    pub fn list(&self, version: &str) -> Pages<Bundle> {
        Pages::of(self.0, Call::new(Op::BundleList, &[version]).scope(self.0).query("limit", Some(1000)))
    }

    /// What a release holds for a site.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, version: &str, site: &str) -> Result<Bundle, Error> {
        self.0.send(Call::new(Op::BundleGet, &[version, site]).scope(self.0)).await?.json()
    }

    /// Downloads a site's bundle as a tar.gz, going on where the sink ends and where a connection breaks off.
    ///
    /// # Errors
    /// When it cannot be read to its end, or is larger than the limit.
    pub async fn download(
        &self,
        version: &str,
        site: &str,
        into: &mut dyn Sink,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let call = || Ok(Call::new(Op::BundleDownload, &[version, site]).scope(self.0));
        self.0.download(&call, into, Limit::default(), progress).await
    }

    /// Publishes WireGuard configurations of one's own, as a tar.gz.
    ///
    /// # Errors
    /// [`Error::Api`] with code `invalid` when they are refused, with a fault for each reason.
    pub async fn upload(&self, archive: Bytes, upload: &Upload, write: &Write) -> Result<Published, Error> {
        let message = Some(&upload.message).filter(|message| !message.is_empty());
        let codes: Vec<&str> = upload.terms.accept_risks.iter().map(|risk| risk.code()).collect();
        let call = Call::new(Op::BundleUpload, &[])
            .scope(self.0)
            .query("site", upload.site.as_ref())
            .query("message", message)
            .query("confirm_timeout_s", upload.terms.confirm_timeout_s)
            .query("accept_risks", Some(codes.join(",")).filter(|codes| !codes.is_empty()));
        self.0.send(call.body(GZIP, archive).write(write)?).await?.json()
    }
}
