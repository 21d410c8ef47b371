//! What an agent does for its site.

use std::time::Duration;

use http::HeaderName;
use http::StatusCode;
use http::header::IF_NONE_MATCH;
use patronus_types::Digest;
use patronus_types::api::MAX_WAIT_S;
use patronus_types::api::agent::{EnrolRequest, EnrolResponse, Report, State};
use patronus_types::api::paths::PathReport;
use patronus_types::api::route::Op;

use crate::call::Call;
use crate::download::{Limit, Progress, Sink};
use crate::{Client, Error, Tagged};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// See [`Client::agent`].
#[derive(Debug, Clone, Copy)]
pub struct Agent<'a>(pub(crate) &'a Client);

impl Agent<'_> {
    /// Brings the site in. A repeat with the same token, keys and nonce is answered the same for an hour.
    ///
    /// # Errors
    /// [`Error::Api`] when the token is used, expired or unknown, or a key is another site's.
    pub async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, Error> {
        self.0.send(Call::new(Op::AgentEnrol, &[]).json(request)?.harmless()).await?.json()
    }

    /// Asks for the version to run. `None` means that nothing changed since the ETag, after up to `wait_s` seconds (at
    /// most [`MAX_WAIT_S`]; 0 answers at once).
    ///
    /// # Errors
    /// When no server answers.
    pub async fn state(&self, etag: Option<&str>, wait_s: u32) -> Result<Option<Tagged<State>>, Error> {
        let mut call = Call::new(Op::AgentState, &[]);
        if let Some(etag) = etag {
            call = call.header(IF_NONE_MATCH, etag)?;
        }
        let wait_s = wait_s.min(MAX_WAIT_S);
        if wait_s > 0 {
            call = call.header(PREFER, &format!("wait={wait_s}"))?.waiting(Duration::from_secs(wait_s.into()));
        }
        let answer = self.0.send(call).await?;
        if answer.status == StatusCode::NOT_MODIFIED { Ok(None) } else { answer.tagged().map(Some) }
    }

    /// Downloads a bundle as a tar.gz, going on where the sink ends and where a connection breaks off.
    ///
    /// # Errors
    /// When it cannot be read to its end, or is larger than `limit` bytes ([`Error::Sink`]).
    pub async fn bundle(
        &self,
        digest: &Digest,
        into: &mut dyn Sink,
        limit: u64,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let digest = digest.to_string();
        let call = || Ok(Call::new(Op::AgentBundle, &[&digest]));
        self.0.download(&call, into, Limit(limit), progress).await
    }

    /// Tells what a site's paths are like.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn paths(&self, report: &PathReport) -> Result<(), Error> {
        self.0.send(Call::new(Op::AgentPaths, &[]).json(report)?).await.map(drop)
    }

    /// Reports what runs. The sequence number makes a repeat harmless.
    ///
    /// # Errors
    /// When no server takes it.
    pub async fn report(&self, report: &Report) -> Result<(), Error> {
        self.0.send(Call::new(Op::AgentReport, &[]).json(report)?.harmless()).await.map(drop)
    }

    /// Leaves the network: ends the agent's token.
    ///
    /// # Errors
    /// When no server takes it.
    pub async fn leave(&self) -> Result<(), Error> {
        self.0.send(Call::new(Op::AgentLeave, &[]).harmless()).await.map(drop)
    }
}
