//! What the agent asks of a server, and what can become of that.
//!
//! A [`Control`] is one server; [`Dial`] makes one. Which server is asked, and when again, is decided in [`crate::poll`].

mod http;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use patronus_types::Digest;
use patronus_types::api::agent::{EnrolRequest, EnrolResponse, Report, State};
use patronus_types::api::error::ErrorCode;
use patronus_types::api::paths::PathReport;
use patronus_types::token::Secret;

pub use http::Https;
pub use patronus_client::Sink;

/// A server, and how to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its URL.
    pub url: String,
    /// SHA-256 of the CA that signs its certificate; none for plain HTTP on loopback.
    pub ca_sha256: Option<Digest>,
}

/// One server.
#[async_trait]
pub trait Control: Send + Sync {
    /// Brings this site in.
    async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, ControlError>;

    /// Asks for the version to run. With `wait_s` the server may hold the request that long.
    async fn state(&self, etag: Option<&str>, wait_s: Option<u32>) -> Result<Answer, ControlError>;

    /// Downloads a bundle's archive, going on where the sink ends.
    async fn bundle(&self, digest: Digest, into: &mut dyn Sink) -> Result<(), ControlError>;

    /// Reports what runs.
    async fn report(&self, report: &Report) -> Result<(), ControlError>;

    /// Tells what paths are like.
    async fn paths(&self, report: &PathReport) -> Result<(), ControlError>;

    /// Ends the membership.
    async fn leave(&self) -> Result<(), ControlError>;
}

/// What asking for the version to run answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What was known already.
    Unchanged,
    /// Something else.
    Changed {
        /// Names this answer.
        etag: String,
        /// What is wanted.
        state: State,
    },
}

/// Makes connections to servers.
pub trait Dial: Send + Sync {
    /// A server, asked as the one who has this token. Nothing is sent yet.
    fn dial(&self, server: &Server, token: Option<&Secret>) -> Result<Arc<dyn Control>, ControlError>;
}

/// Why a server did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It could not be reached, or stopped in the middle.
    #[error("{0}")]
    Unreachable(String),
    /// It is not the server that the invitation promised.
    #[error("{0}")]
    Untrusted(String),
    /// It said no.
    #[error("the server refused: {detail}")]
    Refused {
        /// The code.
        code: ErrorCode,
        /// Its words.
        detail: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It said something that makes no sense.
    #[error("{0}")]
    Rubbish(String),
    /// What it sent could not be kept here.
    #[error("{0}")]
    Kept(String),
}

impl ControlError {
    /// Whether the server does not know this agent: its site was deleted, enrolled anew, or has left.
    pub fn is_stranger(&self) -> bool {
        matches!(self, Self::Refused { code: ErrorCode::Unauthenticated | ErrorCode::Forbidden, .. })
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Rubbish(_) | Self::Kept(_) => true,
            Self::Untrusted(_) => false,
            Self::Refused { code, .. } => matches!(
                code,
                ErrorCode::RateLimited
                    | ErrorCode::Internal
                    | ErrorCode::Unavailable
                    | ErrorCode::StorageFull
                    | ErrorCode::Unknown
            ),
        }
    }
}
