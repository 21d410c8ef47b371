//! A site as far as the replacing of keys has to do with it.

use std::collections::BTreeSet;

use patronus_types::rotation::{Phase, Waiting};
use patronus_types::{Name, SiteId, Timestamp};

use super::{Running, words};

/// Who runs a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// An agent.
    Runs,
    /// Nobody any more.
    Left,
    /// Somebody by hand, with a key that was declared.
    None,
}

impl Agent {
    pub(super) fn is_absent(self) -> bool {
        self != Self::Runs
    }
}

/// Who has stopped a site: it keeps what it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// An operator, from the server: it is held, or in shadow.
    Held,
    /// Somebody at the site.
    Paused,
}

/// A version that a site could not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub version: u64,
    /// Why, in the agent's words.
    pub reason: String,
}

/// A site whose keys are replaced, or that has tunnels with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its id.
    pub id: SiteId,
    /// Its name in the newest release.
    pub name: Name,
    /// Who runs it.
    pub agent: Agent,
    /// When its agent was last heard.
    pub last_seen_at: Option<Timestamp>,
    /// Who has stopped it, if anybody.
    pub stopped: Option<Stopped>,
    /// Whether it runs a bundle that an operator uploaded.
    pub uploaded: bool,
    /// The version it reported to run.
    pub running: Option<u64>,
    /// What it could not apply, if that was the last that it tried.
    pub failure: Option<Failure>,
    /// Peers whose traffic has yet to move there.
    pub waits_for: Vec<Name>,
    /// Whether it named a key for its spare tunnel.
    pub spare: bool,
    /// The number of the keys that it offers.
    pub offered: Option<u32>,
    /// Whether its agent has other keys than the server knows.
    pub other_keys: bool,
    /// Since when it has its keys.
    pub keys_since: Option<Timestamp>,
}

impl View {
    pub(super) fn waiting(&self, reason: String) -> Waiting {
        Waiting { site: self.name.clone(), reason }
    }

    /// Why it cannot follow, whatever it reports.
    pub(super) fn obstacle(&self) -> Option<String> {
        match self.agent {
            Agent::Left => None,
            Agent::None => Some(words::BY_HAND.to_owned()),
            Agent::Runs => self.uploaded.then(|| words::UPLOADED.to_owned()),
        }
    }

    /// What it has not done of what the phase asks of it.
    pub(super) fn missing(&self, running: &Running, now: Timestamp) -> Option<String> {
        self.obstacle().or_else(|| self.keyless(running, now)).or_else(|| match running.phase {
            Phase::Keys => {
                (!self.spare).then(|| format!("{}{}", words::SPARELESS, words::heard(self.last_seen_at, now)))
            }
            Phase::Spare | Phase::Rekey | Phase::Back => self.behind(running, now),
        })
    }

    /// That it is the site and does not offer the keys that are still to come.
    pub(super) fn keyless(&self, running: &Running, now: Timestamp) -> Option<String> {
        let to_come = self.id == running.site && matches!(running.phase, Phase::Keys | Phase::Spare);
        let missing = to_come && self.offered != Some(running.number);
        missing.then(|| format!("has not made its new keys yet{}", words::heard(self.last_seen_at, now)))
    }

    /// What it has not done for the next release.
    fn behind(&self, running: &Running, now: Timestamp) -> Option<String> {
        // Without a release nobody can have reported it.
        let Some(version) = running.version else { return Some(words::UNRELEASED.to_owned()) };
        if self.runs(running) {
            return None;
        }
        let failure = self.failure.as_ref().filter(|failure| failure.version >= version);
        Some(match (self.stopped, failure) {
            (Some(Stopped::Held), _) => format!("is held: run `patronusctl site unhold {}`", self.name),
            (Some(Stopped::Paused), _) => "was paused there: run `patronus-agent resume` on the site".to_owned(),
            (None, Some(Failure { version, reason })) => format!("could not apply version {version}: {reason}"),
            (None, None) => format!("has not reported version {version} yet{}", words::heard(self.last_seen_at, now)),
        })
    }

    /// With whom of some it has no session yet, if it runs what it should.
    pub(super) fn sessionless(&self, running: &Running, names: &BTreeSet<&Name>) -> Option<String> {
        if running.phase == Phase::Keys || !self.runs(running) || self.obstacle().is_some() {
            return None;
        }
        let waits: Vec<&str> =
            self.waits_for.iter().filter(|name| names.contains(name)).map(|name| name.as_str()).collect();
        let what = match running.phase {
            Phase::Keys | Phase::Spare => "the spare tunnel",
            Phase::Rekey => "the new keys",
            Phase::Back => "the ordinary tunnels",
        };
        (!waits.is_empty()).then(|| format!("has no session over {what} yet with: {}", waits.join(", ")))
    }

    /// Whether it runs the phase's release, or a later one.
    fn runs(&self, running: &Running) -> bool {
        running.version.is_some_and(|version| self.running.is_some_and(|runs| runs >= version))
    }

    /// Whether its agent is there, and nobody has stopped it.
    pub(super) fn follows(&self, now: Timestamp) -> bool {
        self.stopped.is_none() && self.last_seen_at.is_some_and(|at| now.duration_since(at) < words::SILENT)
    }
}
