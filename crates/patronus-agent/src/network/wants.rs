//! What to do about what the server wants.

use patronus_types::api::agent::{Desired, Mode, Running};

use super::Network;
use crate::state::Condemned;
use crate::state::Refused;
use crate::verify::{self, VerifyError};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Todo {
    /// Nothing.
    Nothing,
    /// Download it.
    Fetch(Desired),
    /// It is on the disk: go on from there.
    Adopt(Desired),
    /// It can be refused unseen.
    Refuse(Desired, String),
}

impl Network {
    /// What to do about what the server wants, as last heard.
    pub fn wants(&self) -> Todo {
        let Some(state) = &self.known else { return Todo::Nothing };
        let Some(desired) = &state.desired else { return Todo::Nothing };
        let may = matches!(state.mode, Mode::Apply | Mode::Shadow);
        let settled = if self.is_shadow() { &self.shown } else { &self.refused };
        if !may || self.is_halted(desired.version) || self.runs(desired) || settled.as_ref() == Some(desired) {
            return Todo::Nothing;
        }
        match self.condemned.find(desired.digest) {
            // How that ended has been told.
            Some(condemned) if condemned.version == desired.version => return Todo::Nothing,
            Some(condemned) => return Todo::Refuse(desired.clone(), refusal(condemned)),
            None => {}
        }
        match verify::announced(&self.identity, &self.versions, desired) {
            Ok(()) => {}
            // Told of what runs by a server that lags behind: that is no attempt at anything.
            Err(VerifyError::Version(Refused::Older { .. })) if self.is_running_digest(desired) => {
                return Todo::Nothing;
            }
            // It has yet to hear of what was brought here as a file.
            Err(VerifyError::Version(Refused::Older { highest, .. })) if self.orders.by_hand == Some(highest) => {
                return Todo::Nothing;
            }
            Err(error) => return Todo::Refuse(desired.clone(), error.to_string()),
        }
        match self.home.load(desired.digest) {
            Ok(Some(_)) => Todo::Adopt(desired.clone()),
            _ => Todo::Fetch(desired.clone()),
        }
    }

    /// Whether the server wants nothing to be changed.
    pub fn is_shadow(&self) -> bool {
        self.known.as_ref().is_some_and(|state| state.mode == Mode::Shadow)
    }

    pub(super) fn runs(&self, desired: &Desired) -> bool {
        self.has(Running { version: desired.version, digest: desired.digest })
    }

    fn is_running_digest(&self, desired: &Desired) -> bool {
        self.running.as_ref().is_some_and(|bundle| bundle.release.digest == desired.digest)
    }
}

pub(super) fn refusal(condemned: &Condemned) -> String {
    let Condemned { version, reason, at, .. } = condemned;
    format!(
        "the same was tried here as version {version} at {at:.0} and undone: {reason}; publish something else, or run `patronus-agent retry` here"
    )
}
