//! Whether a change has proven itself, by evidence that began after its last step.
//!
//! Held are: the server, if it answered before; the share of the peers that were alive before; and of the probes that
//! passed before as many as are required. An old handshake or a connection that was kept is no evidence, so whoever gathers
//! it opens new ones; this machine only weighs. Time is a monotonic count from an arbitrary start: clocks that jump do not
//! matter.

mod doubt;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use patronus_types::Name;
use patronus_types::confirm::Confirm;

pub use doubt::{Doubt, Unpassed};

/// What held right before a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    /// Whether the server answered.
    pub server: bool,
    /// The peers that were alive and are still wanted.
    pub alive: BTreeSet<Name>,
    /// How long the slowest of them may take to be heard.
    pub patience: Duration,
    /// The declared probes that passed.
    pub probes: BTreeSet<Name>,
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
    /// Why each has not passed, until it has.
    probes: BTreeMap<Name, Result<(), String>>,
    /// How many of them must.
    required: usize,
}

impl Proof {
    /// Begins at `now`, when the last step was done.
    pub fn begin(terms: &Confirm, baseline: Baseline, now: Duration) -> Self {
        let timeout = Duration::from_secs(terms.timeout_s.into()).max(baseline.patience);
        let passed = baseline.probes.len();
        let required = terms.probes_required.map_or(passed, |required| passed.min(required.into()));
        Self { percent: terms.peers_percent.min(100), required, ..Self::until(baseline, timeout, now) }
    }

    /// The same for everything that is named, within some time.
    pub(super) fn until(baseline: Baseline, timeout: Duration, now: Duration) -> Self {
        Self {
            timeout,
            deadline: now.saturating_add(timeout),
            server: baseline.server.then(|| Err("no answer".to_owned())),
            peers: baseline.alive.into_iter().map(|peer| (peer, false)).collect(),
            percent: 100,
            required: baseline.probes.len(),
            probes: baseline.probes.into_iter().map(|probe| (probe, Err("no answer".to_owned()))).collect(),
        }
    }

    /// Whether anything that is named was heard at all.
    pub(super) fn has_any(&self) -> bool {
        matches!(self.server, Some(Ok(()))) || self.peers.values().any(|heard| *heard) || self.passed() > 0
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

    /// A probe that was begun after the last step passed, or why it did not. Passing once is enough.
    pub fn handle_probe(&mut self, probe: &Name, answer: Result<(), String>) {
        if let Some(known @ Err(_)) = self.probes.get_mut(probe) {
            *known = answer;
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

    /// The probes that have still to pass.
    pub fn wants_probes(&self) -> impl Iterator<Item = &Name> {
        self.probes.iter().filter(|(_, answer)| answer.is_err()).map(|(probe, _)| probe)
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
        Doubt {
            after: self.timeout,
            server: self.server.clone().and_then(Result::err),
            alive_before: self.peers.len(),
            silent: if few { silent } else { Vec::new() },
            probes: (self.passed() < self.required).then(|| self.probes()),
        }
    }

    fn passed(&self) -> usize {
        self.probes.values().filter(|answer| answer.is_ok()).count()
    }

    fn probes(&self) -> Unpassed {
        let failed = |(probe, answer): (&Name, &Result<(), String>)| Some((probe.clone(), answer.clone().err()?));
        Unpassed {
            failed: self.probes.iter().filter_map(failed).collect(),
            passed: self.passed(),
            required: self.required,
        }
    }

    /// How many peers must be alive again.
    fn needed(&self) -> usize {
        (self.peers.len() * usize::from(self.percent)).div_ceil(100)
    }
}

#[cfg(test)]
mod tests;
