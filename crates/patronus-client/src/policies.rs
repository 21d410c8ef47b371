//! Policies.

use http::header::IF_MATCH;
use patronus_types::api::policies::{AppList, TestRequest, TestResponse, Written};
use patronus_types::api::route::Op;
use patronus_types::policy::{Policy, PolicyInput};

use crate::call::Call;
use crate::{Client, Error, Pages, Tagged, Write};

/// See [`Client::policies`].
#[derive(Debug, Clone, Copy)]
pub struct Policies<'a>(pub(crate) &'a Client);

impl Policies<'_> {
    /// The policies of the scope's network, or of all networks of the tenant.
    pub fn list(&self) -> Pages<Policy> {
        Pages::of(self.0, Call::new(Op::PolicyList, &[]).scope(self.0).query("limit", Some(1000)))
    }

    /// One policy, by name or id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, policy: &str) -> Result<Tagged<Policy>, Error> {
        self.0.send(Call::new(Op::PolicyGet, &[policy]).scope(self.0)).await?.tagged()
    }

    /// Creates a policy.
    ///
    /// # Errors
    /// When it cannot be created, or something that policies expect would not be true with it.
    pub async fn create(&self, policy: &PolicyInput, write: &Write) -> Result<Written, Error> {
        let call = Call::new(Op::PolicyCreate, &[]).scope(self.0);
        self.0.send(call.json(policy)?.write(write)?).await?.json()
    }

    /// Changes a policy by a merge patch (RFC 7396), if it is still as the ETag says.
    ///
    /// # Errors
    /// [`Error::Api`] with code `precondition_failed` when it changed meanwhile.
    pub async fn update(
        &self,
        policy: &str,
        etag: &str,
        patch: &serde_json::Value,
        write: &Write,
    ) -> Result<Written, Error> {
        let call = Call::new(Op::PolicyUpdate, &[policy]).scope(self.0).header(IF_MATCH, etag)?;
        self.0.send(call.json(patch)?.write(write)?).await?.json()
    }

    /// Deletes a policy, if it is still as the ETag says.
    ///
    /// # Errors
    /// [`Error::Api`] with code `precondition_failed` when it changed meanwhile.
    pub async fn delete(&self, policy: &str, etag: &str, write: &Write) -> Result<(), Error> {
        let call = Call::new(Op::PolicyDelete, &[policy]).scope(self.0).header(IF_MATCH, etag)?;
        self.0.send(call.write(write)?).await.map(drop)
    }

    /// The applications that policies of the scope's network can name.
    ///
    /// # Errors
    /// When there is no such network.
    pub async fn apps(&self) -> Result<AppList, Error> {
        self.0.send(Call::new(Op::AppList, &[]).scope(self.0)).await?.json()
    }

    /// Asks what becomes of packets, or whether what policies expect is true.
    ///
    /// # Errors
    /// When an end is not there.
    pub async fn test(&self, request: &TestRequest) -> Result<TestResponse, Error> {
        self.0.send(Call::new(Op::PolicyTest, &[]).scope(self.0).json(request)?).await?.json()
    }
}
