//! Whether servers are well.

use patronus_types::api::health::Health;
use patronus_types::api::route::Op;

use crate::call::Call;
use crate::{Client, Error};

/// See [`Client::health`].
#[derive(Debug, Clone, Copy)]
pub struct HealthCalls<'a>(pub(crate) &'a Client);

impl HealthCalls<'_> {
    /// Whether the process runs, and its version.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn live(&self) -> Result<Health, Error> {
        self.0.send(Call::new(Op::HealthLive, &[])).await?.json()
    }

    /// Whether the server can do its work.
    ///
    /// # Errors
    /// [`Error::Api`] with status 503 when it cannot.
    pub async fn ready(&self) -> Result<Health, Error> {
        self.0.send(Call::new(Op::HealthReady, &[])).await?.json()
    }
}
