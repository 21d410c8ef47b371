//! What authenticates a call.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Error;

/// Gives a token for each call, and a new one when the server no longer takes the last. See [`crate::Session`] for logins.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token for the next call. `rejected` is the one that a server has just refused, if that is why it is asked for.
    ///
    /// # Errors
    /// [`Error::Credential`] when there is none.
    async fn token(&self, rejected: Option<&str>) -> Result<String, Error>;
}

/// What authenticates the calls of a client.
#[derive(Clone, Default)]
pub enum Credential {
    /// Nothing: only public routes answer.
    #[default]
    None,
    /// A token that does not change: an API token, an agent's token.
    Token(String),
    /// A token that is asked for.
    Source(Arc<dyn TokenSource>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token(…)",
            Self::Source(_) => "Source(…)",
        })
    }
}

impl Credential {
    pub(crate) async fn token(&self, rejected: Option<&str>) -> Result<Option<String>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Token(token) => Ok(Some(token.clone())),
            Self::Source(source) => source.token(rejected).await.map(Some),
        }
    }

    /// Whether asking again after a refusal may bring another token.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self, Self::Source(_))
    }
}
