//! Networks.

use http::header::IF_MATCH;
use patronus_types::api::releases::SigningKey;
use patronus_types::api::route::Op;
use patronus_types::network::{Network, NetworkSpec};

use crate::call::Call;
use crate::{Client, Error, Pages, Tagged, Write};

/// See [`Client::networks`].
#[derive(Debug, Clone, Copy)]
pub struct Networks<'a>(pub(crate) &'a Client);

impl Networks<'_> {
    /// All networks of the tenant.
    pub fn list(&self) -> Pages<Network> {
        let call = Call::new(Op::NetworkList, &[]).query("tenant", self.0.scope.tenant.as_ref());
        Pages::of(self.0, call)
    }

    /// One network, by name or id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, network: &str) -> Result<Tagged<Network>, Error> {
        self.0.send(self.call(Op::NetworkGet, network)).await?.tagged()
    }

    /// Creates a network.
    ///
    /// # Errors
    /// When it cannot be created.
    pub async fn create(&self, spec: &NetworkSpec, write: &Write) -> Result<Network, Error> {
        let call = Call::new(Op::NetworkCreate, &[]).query("tenant", self.0.scope.tenant.as_ref());
        self.0.send(call.json(spec)?.write(write)?).await?.json()
    }

    /// Changes a network by a merge patch (RFC 7396), if it is still as the ETag says.
    ///
    /// # Errors
    /// [`Error::Api`] with code `precondition_failed` when it changed meanwhile.
    pub async fn update(
        &self,
        network: &str,
        etag: &str,
        patch: &serde_json::Value,
        write: &Write,
    ) -> Result<Network, Error> {
        let call = self.call(Op::NetworkUpdate, network).header(IF_MATCH, etag)?;
        self.0.send(call.json(patch)?.write(write)?).await?.json()
    }

    /// Deletes a network without sites, if it is still as the ETag says.
    ///
    /// # Errors
    /// [`Error::Api`] with code `precondition_failed` when it changed meanwhile.
    pub async fn delete(&self, network: &str, etag: &str, write: &Write) -> Result<(), Error> {
        let call = self.call(Op::NetworkDelete, network).header(IF_MATCH, etag)?;
        self.0.send(call.write(write)?).await.map(drop)
    }

    /// The key that verifies a network's bundles.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn signing_key(&self, network: &str) -> Result<SigningKey, Error> {
        self.0.send(self.call(Op::NetworkSigningKey, network)).await?.json()
    }

    fn call(&self, op: Op, network: &str) -> Call {
        Call::new(op, &[network]).query("tenant", self.0.scope.tenant.as_ref())
    }
}
