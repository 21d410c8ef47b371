//! The one request of an enrolment, repeated while no server answers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::backoff::Backoff;
use patronus_types::api::agent::{EnrolRequest, EnrolResponse};
use patronus_types::api::error::ErrorCode;
use patronus_types::api::tokens::Invitation;
use tokio::time::Instant;

use super::Means;
use crate::control::{ControlError, Server};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::state::Joining;

/// A request that was not answered with a site.
pub struct NotEnrolled {
    /// What to tell.
    pub failure: Failure,
    /// Whether the invitation can never be used again, so that its keys need not be kept.
    pub useless: bool,
}

/// Asks the servers one after the other, again and again while none answers.
pub async fn send(
    invitation: &Invitation,
    servers: &[String],
    joining: &Joining,
    means: &Means<'_>,
) -> Result<EnrolResponse, NotEnrolled> {
    let request = request(invitation, joining);
    let deadline = Instant::now() + means.patience;
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    loop {
        let error = match round(invitation, servers, &request, means).await {
            Ok(response) => return Ok(response),
            Err(error) if error.passes() => error,
            Err(error) => return Err(explain(invitation, &error)),
        };
        let wait = match &error {
            ControlError::Refused { retry_after: Some(after), .. } => backoff.fail_after(*after, means.clock.random()),
            _ => backoff.fail(means.clock.random()),
        };
        if Instant::now() + wait >= deadline {
            return Err(explain(invitation, &error));
        }
        output::say(format_args!("{error}; trying again in {:.1} s", wait.as_secs_f64()));
        tokio::time::sleep(wait).await;
    }
}

/// Asks each server once; the last error where all fail.
async fn round(
    invitation: &Invitation,
    servers: &[String],
    request: &EnrolRequest,
    means: &Means<'_>,
) -> Result<EnrolResponse, ControlError> {
    let mut last = ControlError::Unreachable("the invitation names no server".to_owned());
    for url in servers {
        let server = Server { url: url.clone(), ca_sha256: invitation.ca_sha256 };
        let answer = match means.dial.dial(&server, None) {
            Ok(control) => control.enrol(request).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(response) => return Ok(response),
            Err(error @ ControlError::Refused { .. }) if !error.passes() => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn request(invitation: &Invitation, joining: &Joining) -> EnrolRequest {
    EnrolRequest {
        token: invitation.token.clone(),
        signing_key_sha256: invitation.signing_key_sha256,
        public_keys: joining.keys.public(),
        port_base: joining.port_base,
        nonce: joining.nonce.clone(),
        agent_version: crate::VERSION.to_owned(),
        hostname: crate::hostname(),
    }
}

fn explain(invitation: &Invitation, error: &ControlError) -> NotEnrolled {
    let site = &invitation.site;
    let anew = format!("make a new invitation: patronusctl token create --kind enrol --site {site}");
    let (exit, help, useless) = match error {
        ControlError::Refused { code: ErrorCode::Unauthenticated | ErrorCode::Forbidden, .. } => {
            let failure = Failure::new(Exit::Failed, "the invitation was used already, has expired or was revoked");
            return NotEnrolled { failure: failure.help(anew), useless: true };
        }
        ControlError::Refused { .. } => (Exit::Failed, anew, false),
        ControlError::Untrusted(_) => (
            Exit::Unreachable,
            "the server is not the one the invitation names; check its address with --server, or make a new invitation"
                .to_owned(),
            false,
        ),
        ControlError::Unreachable(_) | ControlError::Rubbish(_) | ControlError::Kept(_) => (
            Exit::Unreachable,
            "run the same command again when the server is there; the invitation stays good until it expires"
                .to_owned(),
            false,
        ),
    };
    NotEnrolled { failure: Failure::new(exit, error).help(help), useless }
}

/// Bytes as text.
pub fn base64(bytes: &[u8; 32]) -> String {
    STANDARD.encode(bytes)
}
