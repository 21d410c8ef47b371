//! Releases. A version is a number or `latest`.

use patronus_types::api::releases::{PublishRequest, Published, ReleaseDiff, RollbackRequest};
use patronus_types::api::route::Op;
use patronus_types::release::Release;

use crate::call::Call;
use crate::{Client, Error, Pages, Write};

/// See [`Client::releases`].
#[derive(Debug, Clone, Copy)]
pub struct Releases<'a>(pub(crate) &'a Client);

impl Releases<'_> {
    /// The releases of the scope's network, newest first.
    pub fn list(&self) -> Pages<Release> {
        Pages::of(self.0, Call::new(Op::ReleaseList, &[]).scope(self.0))
    }

    /// One release.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, version: &str) -> Result<Release, Error> {
        self.0.send(Call::new(Op::ReleaseGet, &[version]).scope(self.0)).await?.json()
    }

    /// Compiles the declared state, signs it and makes it the newest version.
    ///
    /// # Errors
    /// [`Error::Api`] with code `lint` when it cannot be compiled.
    pub async fn publish(&self, request: &PublishRequest, write: &Write) -> Result<Published, Error> {
        let call = Call::new(Op::ReleasePublish, &[]).scope(self.0);
        self.0.send(call.json(request)?.write(write)?).await?.json()
    }

    /// Publishes an older release's declared state again.
    ///
    /// # Errors
    /// When it cannot be compiled.
    pub async fn rollback(&self, version: &str, request: &RollbackRequest, write: &Write) -> Result<Published, Error> {
        let call = Call::new(Op::ReleaseRollback, &[version]).scope(self.0);
        self.0.send(call.json(request)?.write(write)?).await?.json()
    }

    /// What differs from an older version; from the one before without `from`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn diff(&self, version: &str, from: Option<u64>) -> Result<ReleaseDiff, Error> {
        self.0.send(Call::new(Op::ReleaseDiff, &[version]).scope(self.0).query("from", from)).await?.json()
    }
}
