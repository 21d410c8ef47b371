//! Sets of manifests.

use patronus_types::api::apply::{ApplyRequest, ApplyResponse};
use patronus_types::api::route::Op;
use patronus_types::manifest::Manifest;

use crate::call::Call;
use crate::{Client, Error, Write};

/// See [`Client::apply`].
#[derive(Debug, Clone, Copy)]
pub struct Apply<'a>(pub(crate) &'a Client);

impl Apply<'_> {
    /// Creates and changes networks and sites in one transaction.
    ///
    /// # Errors
    /// When one of them does not hold; then none is written.
    pub async fn documents(&self, documents: Vec<Manifest>, write: &Write) -> Result<ApplyResponse, Error> {
        let call = Call::new(Op::Apply, &[]).scope(self.0);
        self.0.send(call.json(&ApplyRequest { documents })?.write(write)?).await?.json()
    }
}
