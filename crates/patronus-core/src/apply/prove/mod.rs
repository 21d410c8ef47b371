//! Whether a change has proven itself, by evidence that began after its last step.
//!
//! Held are: the server, if it answered before; the share of the peers that were alive before; and the bundle's own
//! probes. An old handshake or a connection that was kept is no evidence, so whoever gathers it opens new ones; this
//! machine only weighs. Time is a monotonic count from an arbitrary start: clocks that jump do not matter.

mod doubt;

use std::collections::BTreeMap;
use std::time::Duration;

use patronus_types::Name;
use patronus_types::confirm::{Confirm, Probe};

pub use doubt::{Doubt, ProbeDoubt};

/// What held right before a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    /// Whether the server answered.
    pub server: bool,
    /// The peers that were alive and are still wanted.
    pub alive: std::collections::BTreeSet<Name>,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Evidence is missing, and there is time.
    Open,
    /// Everything held.
    Held,
    /// Time is up and something is missing.
    Failed(Doubt),
}

/// The evidence for one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    timeout: Duration,
    deadline: Duration,
    /// None where the server does not count.
    server: Option<Result<(), String>>,
    peers: BTreeMap<Name, bool>,
    percent: u8,
    probes: Vec<Trial>,
}

/// One probe's targets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trial {
    probe: Probe,
    /// By target: none where it answered, else what it said last.
    missing: Vec<Option<String>>,
}

impl Proof {
    /// Begins at `now`, when the last step was done.
    pub fn begin(terms: &Confirm, baseline: Baseline, now: Duration) -> Self {
        let timeout = Duration::from_secs(terms.timeout_s.into());
        let trial = |probe: &Probe| Trial {
            probe: probe.clone(),
            missing: vec![Some("no answer".to_owned()); probe.targets.len()],
        };
        Self {
            timeout,
            deadline: now.saturating_add(timeout),
            server: baseline.server.then(|| Err("no answer".to_owned())),
            peers: baseline.alive.into_iter().map(|peer| (peer, false)).collect(),
            percent: terms.peers_percent.min(100),
            probes: terms.probes.iter().map(trial).collect(),
        }
    }

    /// Begins anew at `now`, with what held before.
    pub(super) fn restart(&mut self, now: Duration) {
        self.deadline = now.saturating_add(self.timeout);
    }

    /// The server answered over a new connection, or why it did not. One answer is enough.
    pub fn handle_server(&mut self, answer: Result<(), String>) {
        if let Some(server @ Err(_)) = &mut self.server {
            *server = answer;
        }
    }

    /// A peer was heard: by an answer to what was sent after the last step, or by authenticated bytes.
    pub fn handle_peer(&mut self, peer: &Name) {
        if let Some(heard) = self.peers.get_mut(peer) {
            *heard = true;
        }
    }

    /// A target of a probe answered, or why it did not; both counted from 0. One answer is enough.
    pub fn handle_probe(&mut self, (probe, target): (usize, usize), answer: Result<(), String>) {
        let missing = self.probes.get_mut(probe).and_then(|trial| trial.missing.get_mut(target));
        if let Some(missing) = missing
            && missing.is_some()
        {
            *missing = answer.err();
        }
    }

    /// When the time is up.
    pub fn poll_timeout(&self) -> Duration {
        self.deadline
    }

    /// Whether the server is still to answer.
    pub fn wants_server(&self) -> bool {
        matches!(self.server, Some(Err(_)))
    }

    /// The peers that are still to be heard.
    pub fn wants_peers(&self) -> impl Iterator<Item = &Name> {
        self.peers.iter().filter(|(_, heard)| !**heard).map(|(peer, _)| peer)
    }

    /// The probes and their targets that are still to answer.
    pub fn wants_probes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let open = self.probes.iter().enumerate().filter(|(_, trial)| !trial.held());
        open.flat_map(|(index, trial)| {
            let missing = trial.missing.iter().enumerate().filter(|(_, missing)| missing.is_some());
            missing.map(move |(target, _)| (index, target))
        })
    }

    /// How it stands at `now`.
    pub fn verdict(&self, now: Duration) -> Verdict {
        let doubt = self.doubt();
        match (doubt.is_none(), now >= self.deadline) {
            (true, _) => Verdict::Held,
            (false, false) => Verdict::Open,
            (false, true) => Verdict::Failed(doubt),
        }
    }

    /// What is missing now.
    fn doubt(&self) -> Doubt {
        let silent: Vec<Name> = self.wants_peers().cloned().collect();
        let few = self.peers.len() - silent.len() < self.needed();
        let probes = self.probes.iter().filter(|trial| !trial.held()).map(Trial::doubt);
        Doubt {
            after: self.timeout,
            server: self.server.clone().and_then(Result::err),
            alive_before: self.peers.len(),
            silent: if few { silent } else { Vec::new() },
            probes: probes.collect(),
        }
    }

    /// How many peers must be alive again.
    fn needed(&self) -> usize {
        (self.peers.len() * usize::from(self.percent)).div_ceil(100)
    }
}

impl Trial {
    fn passed(&self) -> usize {
        self.missing.iter().filter(|missing| missing.is_none()).count()
    }

    fn held(&self) -> bool {
        self.passed() >= self.probe.needed()
    }

    fn doubt(&self) -> ProbeDoubt {
        let failed = self.probe.targets.iter().zip(&self.missing);
        ProbeDoubt {
            name: self.probe.name.clone(),
            passed: self.passed(),
            needed: self.probe.needed(),
            failed: failed.filter_map(|(target, why)| Some(format!("{target}: {}", why.as_ref()?))).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
