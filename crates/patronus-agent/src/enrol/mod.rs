//! `enrol`: joins one network with an invitation.
//!
//! Keys and nonce are on the disk before the first request, and the membership appears in one instant after the answer. So
//! wherever it is cut short, doing it again ends the same, and no key is ever lost or used twice. Nothing is trusted on
//! first use: the invitation says by digest which CA and which signing key to believe.

mod invitation;
mod numbers;
mod request;

use std::path::Path;
use std::time::Duration;

use patronus_core::signature::VerifyingKey;
use patronus_types::Digest;
use patronus_types::api::agent::EnrolResponse;
use patronus_types::api::tokens::Invitation;

use crate::clock::Clock;
use crate::control::Dial;
use crate::failure::{Exit, Failure};
use crate::host::Host;
use crate::state::{FORMAT, Identity, Joining, KeyPairs, Keyring, StateDir};
use crate::{failpoint, local, output};

pub use invitation::read as read_invitation;
use numbers::Numbers;

/// What enrolling needs of the world.
pub struct Means<'a> {
    /// How servers are reached.
    pub dial: &'a dyn Dial,
    /// Time and chance.
    pub clock: &'a dyn Clock,
    /// What is free on this host.
    pub host: &'a dyn Host,
    /// How long to try while no server answers.
    pub patience: Duration,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This host is a site of the network now.
    Joined(Box<Identity>),
    /// It was already, by this very invitation.
    Already(Box<Identity>),
}

/// Joins the network of an invitation.
pub async fn enrol(
    folder: &Path,
    invitation: &Invitation,
    servers: Vec<String>,
    means: &Means<'_>,
) -> Result<Outcome, Failure> {
    let state = StateDir::create(folder)?;
    let _members = state.lock_members()?;
    let digest = patronus_core::digest::sha256(invitation.token.expose().as_bytes());
    if let Some(identity) = earlier_membership(&state, invitation, digest)? {
        return Ok(Outcome::Already(Box::new(identity)));
    }
    if let Some(identity) = Joining::answered(&state, digest)? {
        Joining::resume(&state, &identity)?;
        return Ok(Outcome::Joined(Box::new(identity)));
    }
    let joining = match Joining::earlier(&state, digest)? {
        Some(joining) => joining,
        None => choose(&state, (digest, invitation), means)?,
    };
    failpoint::hit("keys-kept");
    let servers = if servers.is_empty() { invitation.servers.clone() } else { servers };
    let response = match request::send(invitation, &servers, &joining, means).await {
        Ok(response) => response,
        Err(error) => {
            if error.useless {
                joining.forget(&state)?;
            }
            return Err(error.failure);
        }
    };
    failpoint::hit("answered");
    let identity = identity(invitation, servers, &joining, response, means)?;
    if state.home(identity.network.id).path().exists() {
        return Err(member(&identity));
    }
    joining.finish(&state, &identity)?;
    Ok(Outcome::Joined(Box::new(identity)))
}

/// Runs the command.
pub async fn command(folder: &Path, token_file: &Path, servers: Vec<String>, means: &Means<'_>) -> Result<(), Failure> {
    let invitation = read_invitation(token_file)?;
    match enrol(folder, &invitation, servers, means).await? {
        Outcome::Joined(identity) => {
            let Identity { site, network, .. } = &*identity;
            output::say(format_args!("enrolled as site {} in network {}", site.name, network.name));
        }
        Outcome::Already(identity) => {
            let Identity { site, network, .. } = &*identity;
            output::say(format_args!(
                "nothing to do: this invitation made site {} in network {}",
                site.name, network.name
            ));
        }
    }
    match local::Client::new(&StateDir::at(folder)).rescan().await {
        Ok(()) => output::say("the running agent takes it up"),
        Err(local::LocalError::NotRunning) => {
            output::say(format_args!("start the agent: patronus-agent run --state {}", folder.display()));
        }
        Err(error) => output::say(format_args!("{error}; it looks by itself within a minute")),
    }
    Ok(())
}

/// The membership that stands against another one: of the same invitation, or in the same network.
fn earlier_membership(state: &StateDir, invitation: &Invitation, digest: Digest) -> Result<Option<Identity>, Failure> {
    for entry in state.entries()? {
        let Ok(identity) = entry.identity else { continue };
        if identity.invitation == digest {
            return Ok(Some(identity));
        }
        let signer = identity.verifying_keys().first().map(VerifyingKey::fingerprint);
        if identity.network.name == invitation.network && signer == Some(invitation.signing_key_sha256) {
            return Err(member(&identity));
        }
    }
    Ok(None)
}

fn member(identity: &Identity) -> Failure {
    let Identity { site, network, .. } = identity;
    Failure::new(Exit::Failed, format_args!("this host is already in network {} as site {}", network.name, site.name))
        .help(format_args!("to enrol it anew, first run: patronus-agent leave --network {}", network.name))
}

/// Makes keys and nonce, chooses numbers, and keeps them.
fn choose(
    state: &StateDir,
    (digest, invitation): (Digest, &Invitation),
    means: &Means<'_>,
) -> Result<Joining, Failure> {
    let joins = Some((invitation.network.clone(), invitation.site.clone()));
    // An earlier invitation of the same site is no good any more, and its numbers are free.
    for earlier in state.joining()?.iter().filter(|earlier| earlier.joins == joins) {
        earlier.forget(state)?;
    }
    let Numbers { index, port_base } = numbers::choose(&numbers::taken(state)?, means.host)?;
    let keys = (0..4).map(|_| means.clock.secret().map(crate::effects::model::PrivateKey::new));
    let keys: Vec<_> = keys.collect::<Result<_, _>>().map_err(no_randomness)?;
    let nonce = request::base64(&means.clock.secret().map_err(no_randomness)?);
    let joining = Joining { invitation: digest, joins, keys: KeyPairs::new(keys), nonce, index, port_base };
    joining.save(state)?;
    Ok(joining)
}

fn no_randomness(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format_args!("the system gives no random numbers: {error}"))
}

/// Checks the answer against the invitation and makes it an identity.
fn identity(
    invitation: &Invitation,
    servers: Vec<String>,
    joining: &Joining,
    response: EnrolResponse,
    means: &Means<'_>,
) -> Result<Identity, Failure> {
    let wanted = invitation.signing_key_sha256;
    // Only the key that the invitation vouches for: whatever else the server names, nobody has vouched for.
    let pinned = response
        .signing_keys
        .iter()
        .find(|text| VerifyingKey::parse(text).is_ok_and(|key| key.fingerprint() == wanted));
    let Some(pinned) = pinned else {
        return Err(Failure::new(
            Exit::Unreachable,
            format_args!("the server's signing key is not the one the invitation names (SHA-256 {wanted})"),
        )
        .help(format_args!(
            "this host joined nothing, but the server may count site {site} as joined now, by keys that were thrown away, and \
             an agent that ran there is shut out; somebody may stand between: ask who runs the server, then make a new \
             invitation: patronusctl token create --kind enrol --site {site}",
            site = invitation.site
        )));
    };
    Ok(Identity {
        format: FORMAT,
        network: response.network,
        site: response.site,
        index: joining.index,
        port_base: joining.port_base,
        keys: joining.keys.clone(),
        keyring: Keyring::default(),
        token: response.agent_token,
        servers,
        ca_sha256: invitation.ca_sha256,
        signing_keys: vec![pinned.clone()],
        invitation: joining.invitation,
        poll_interval_s: response.poll_interval_s,
        enrolled_at: means.clock.now(),
    })
}

#[cfg(test)]
mod tests;
