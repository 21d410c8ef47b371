//! What a call can end in. Each message says what happened in words; what to do next is for the program that asks.

use std::time::Duration;

pub use patronus_types::api::error::Problem;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The server refused, and said why.
    #[error("{}", .problem.detail)]
    Api {
        /// What it said.
        problem: Box<Problem>,
        /// Which server.
        server: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No server could be reached.
    #[error("cannot reach {server}: {cause}")]
    Unreachable {
        /// The server that was tried last.
        server: String,
        /// Why, in words.
        cause: String,
        /// What a person can look at.
        obstacle: Obstacle,
    },
    /// A server was reached, but it is not the one that is trusted.
    #[error("cannot trust {server}: {cause}")]
    Tls {
        /// The server.
        server: String,
        /// Why, in words.
        cause: String,
        /// What would mend it.
        mistrust: Mistrust,
    },
    /// A read did not end in time.
    #[error("{server} did not answer within {after:?}")]
    Timeout {
        /// The server that was tried last.
        server: String,
        /// How long was waited in all.
        after: Duration,
    },
    /// A write was sent and its answer never came: it may have happened. A repeat with the same key is safe.
    #[error("the outcome is unknown: {cause}")]
    OutcomeUnknown {
        /// The server that was tried last.
        server: String,
        /// The idempotency key that it was sent with.
        key: String,
        /// Why there was no answer, in words.
        cause: String,
    },
    /// A server answered something that is not of this contract.
    #[error("{server} gave an answer that is not Patronus': {what}")]
    Rubbish {
        /// The server.
        server: String,
        /// What was wrong with it.
        what: String,
    },
    /// There is no usable credential.
    #[error("{what}")]
    Credential {
        /// Why.
        what: String,
        /// Whether logging in again mends it (else the place where it is kept is at fault).
        login: bool,
    },
    /// The client was set up with something that cannot work.
    #[error("{0}")]
    Setup(String),
    /// What was downloaded could not be kept, or is more than it may be.
    #[error("{0}")]
    Sink(String),
}

/// What stands between the client and a server, as far as a person can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Nothing listens on the port.
    Refused,
    /// The host's name is not known.
    UnknownHost,
    /// It was called by `http://` and does not speak that: perhaps it speaks TLS.
    NotHttp,
    /// It was called by `https://` and does not speak TLS: perhaps it speaks plain HTTP.
    NotTls,
    /// Time ran out, or the connection broke off.
    Other,
}

/// Why a server is not trusted, as far as a person can do something about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistrust {
    /// The authority of its certificate is not known here.
    UnknownIssuer,
    /// Its certificate is for these names and addresses.
    OtherName(Vec<String>),
    /// It does not speak TLS.
    NotTls,
    /// Its certificate is not valid at this time.
    Expired,
    /// Anything else.
    Other,
}

impl Error {
    /// The problem, if the server refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Api { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Whether the server refused with this code.
    pub fn is(&self, code: patronus_types::api::error::ErrorCode) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }

    /// Whether another try, later, may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Api { problem, .. } => crate::retry::is_transient(problem.status),
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::OutcomeUnknown { .. } => true,
            _ => false,
        }
    }
}
