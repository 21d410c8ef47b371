//! What somebody who asked for a change here is told while it goes on.

use std::sync::Arc;

use patronus_core::apply::change::{Action, Phase, Record};
use patronus_types::Name;
use patronus_types::api::agent::{Outcome, OutcomeKind, Steps};

use super::Network;
use super::change::Flight;

/// Takes a line at each step of a change.
pub type Teller = Arc<dyn Fn(String) + Send + Sync>;

impl Network {
    /// Says what comes next in a change that somebody here asked for.
    pub(super) fn tell_action(&self, flight: &Flight, action: &Action) {
        if let (Some(tell), Some(line)) = (&self.teller, line(flight, action)) {
            tell(line);
        }
    }

    /// How the change to a version ended: what can be said of it, or why it does not run.
    pub(super) fn ending(&self, version: u64) -> Result<String, String> {
        match &self.progress.outcome {
            Some(outcome) if outcome.version == version => say(outcome).map(|said| self.say_held(said)),
            _ => Err(format!("version {version} was given up for another one before it had proven itself")),
        }
    }
}

fn line(flight: &Flight, action: &Action) -> Option<String> {
    let line = match action {
        Action::Record(Record { phase: Phase::Applying, .. }) => "staged".to_owned(),
        Action::Measure => "measures what works now".to_owned(),
        Action::Depart => "has the far ends leave the tunnels that end by this".to_owned(),
        Action::Change => "changes".to_owned(),
        Action::Prove => {
            format!("proves it, for at most {} s: {}", flight.bundle.content.confirm.timeout_s, wants(flight))
        }
        Action::Record(Record { phase: Phase::Proven, .. }) => "proven".to_owned(),
        Action::Adopt => "keeps it".to_owned(),
        Action::Record(Record { phase: Phase::Reverting(undo), .. }) => format!("undoes it: {}", undo.reason),
        Action::Ask => "looks whether what was missing is back".to_owned(),
        Action::Linger | Action::Clean | Action::Restore | Action::Condemn | Action::Close(_) => return None,
    };
    Some(line)
}

/// Who has to answer.
fn wants(flight: &Flight) -> String {
    let Some(proof) = flight.change.proof() else { return String::new() };
    let server = proof.wants_server().then(|| "the server".to_owned());
    let peers: Vec<&Name> = proof.wants_peers().collect();
    let peers = match peers.as_slice() {
        [] => None,
        [one] => Some(one.to_string()),
        many => Some(format!("{} peers", many.len())),
    };
    let all: Vec<String> = server.into_iter().chain(peers).collect();
    if all.is_empty() { "nothing was there before".to_owned() } else { format!("waits for {}", all.join(" and ")) }
}

fn say(outcome: &Outcome) -> Result<String, String> {
    let version = outcome.version;
    let reason = outcome.reason.as_deref().unwrap_or("no reason is known");
    match outcome.result {
        OutcomeKind::Applied => {
            let Steps { kept, changed, restarted, created, removed } = outcome.steps;
            Ok(format!(
                "version {version} runs: {kept} kept, {changed} changed, {restarted} restarted, {created} created, {removed} removed"
            ))
        }
        OutcomeKind::Refused => Err(format!("version {version} is refused: {reason}")),
        OutcomeKind::Failed => {
            Err(format!("version {version} could not be applied, and nothing of it is left: {reason}"))
        }
        OutcomeKind::Reverted => Err(format!("version {version} was undone, and what ran before runs again: {reason}")),
    }
}
