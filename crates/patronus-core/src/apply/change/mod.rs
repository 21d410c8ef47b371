//! One change of a site: it proves itself, or is undone.
//!
//! ```text
//! record applying → measure → change → prove ─┬─ record proven → adopt → clean ───────────────┬─ close
//!                                             └─ record reverting → restore (→ ask) (→ condemn) ┘
//! ```
//!
//! Before a change, and before what was there is restored, comes `depart → linger` where a tunnel ends by it that carries
//! traffic now (see [`Departs`]).
//!
//! Whoever drives it carries out one [`Action`] after the other, and tells how each ended. Every record is on the disk before
//! the next action, so that after a crash at any point [`Change::resume`] goes on to one of the two ends: forward where
//! the proof had been written, back in every other case. Every action may be carried out twice.

mod record;

use std::time::Duration;

use patronus_types::confirm::Confirm;

use super::prove::{Baseline, Doubt, Proof, Verdict};

pub use record::{Blame, Missing, Phase, Record, Undo};

/// How often a change is begun that ends the agent each time.
pub const MAX_ATTEMPTS: u32 = 3;
/// How long what was missing may take to be back: a handshake that is repeated twice, and a keepalive.
const BACK: Duration = Duration::from_secs(12);
/// How long far ends may take to leave a tunnel: each asks once a second, and takes the answer a second later.
const LINGER: Duration = Duration::from_secs(4);

/// Whether tunnels that carry traffic end by a change, or when it is undone, so that both ends have to leave them before;
/// [`departs`](super::departs()) knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Departs {
    /// By the change.
    pub forth: bool,
    /// When it is undone.
    pub back: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Put this into the journal, on the disk.
    Record(Record),
    /// Find out what holds now.
    Measure,
    /// Move traffic off the tunnels that the next step ends, and have the far ends told.
    Depart,
    /// Nothing, until [`Change::poll_action`] says something else: the far ends leave them too.
    Linger,
    /// Carry out the plan up to where no session has been taken away.
    Change,
    /// Gather evidence until [`Change::poll_action`] says something else.
    Prove,
    /// Make the new bundle the current one.
    Adopt,
    /// Take away what is no longer wanted.
    Clean,
    /// Bring back exactly what was there.
    Restore,
    /// Gather evidence until [`Change::poll_action`] says something else: is anything of what was missing back?
    Ask,
    /// Remember not to try this digest again.
    Condemn,
    /// Note how it ended, and remove the journal.
    Close(Ending),
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The new bundle runs.
    Committed,
    /// What ran before runs again.
    Reverted {
        /// Why.
        reason: String,
        /// Whether the bundle is at fault, so that it is not tried again.
        conclusive: bool,
    },
    /// It could not be begun, and nothing was touched.
    NotBegun {
        /// Why.
        reason: String,
    },
}

/// A change under way.
#[derive(Debug, Clone)]
pub struct Change {
    attempts: u32,
    interrupted: bool,
    terms: Confirm,
    /// None when it is over.
    next: Option<Action>,
    proof: Option<Proof>,
    undo: Option<Undo>,
    departs: Departs,
    /// How long far ends are waited for.
    lingers_until: Duration,
}

impl Change {
    /// Begins one. `attempts` counts this one too.
    pub fn begin(attempts: u32, terms: Confirm, departs: Departs) -> Self {
        let next = Some(Action::Record(Record { attempts, phase: Phase::Applying }));
        Self { next, departs, ..Self::new(attempts, terms) }
    }

    fn new(attempts: u32, terms: Confirm) -> Self {
        let (departs, lingers_until) = (Departs::default(), Duration::ZERO);
        Self { attempts, interrupted: false, terms, next: None, proof: None, undo: None, departs, lingers_until }
    }

    /// Goes on with one that was cut short.
    pub fn resume(record: Record) -> Self {
        let attempts = record.attempts;
        let interrupted = record.phase == Phase::Applying;
        let mut this = Self { interrupted, ..Self::new(attempts, Confirm::default()) };
        match record.phase {
            Phase::Proven => this.next = Some(Action::Adopt),
            Phase::Reverting(undo) => {
                this.undo = Some(undo);
                this.next = Some(Action::Restore);
            }
            Phase::Applying => {
                let given_up = attempts >= MAX_ATTEMPTS;
                let often = if attempts > 1 { format!(", {attempts} times") } else { String::new() };
                let reason = format!("the agent or its host ended before the change had proven itself{often}");
                this.revert(reason, if given_up { Blame::Bundle } else { Blame::Nobody });
            }
        }
        this
    }

    /// What to do now; none when it is over.
    pub fn poll_action(&self) -> Option<&Action> {
        self.next.as_ref()
    }

    /// Whether nothing is to be done but to wait, for evidence or for time.
    pub fn is_waiting(&self) -> bool {
        self.is_gathering() || self.next == Some(Action::Linger)
    }

    fn is_gathering(&self) -> bool {
        matches!(self.next, Some(Action::Prove | Action::Ask))
    }

    /// When [`Change::handle_timeout`] has something to say.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.next {
            Some(Action::Linger) => Some(self.lingers_until),
            _ => self.proof().map(Proof::poll_timeout),
        }
    }

    /// The evidence, while it is gathered.
    pub fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref().filter(|_| self.is_gathering())
    }

    /// Whether an agent or a host ended in the middle of it.
    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// How often it was begun, this time too.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it is undone, once it is.
    pub fn undo(&self) -> Option<&Undo> {
        self.undo.as_ref()
    }

    /// [`Action::Measure`] is done.
    pub fn handle_measured(&mut self, baseline: Baseline) {
        if self.next == Some(Action::Measure) {
            // It begins when the last step is done; until then it only keeps what held.
            self.proof = Some(Proof::begin(&self.terms, baseline, Duration::ZERO));
            self.next = Some(if self.departs.forth { Action::Depart } else { Action::Change });
        }
    }

    /// Adds evidence and weighs it.
    pub fn handle_evidence(&mut self, now: Duration, add: impl FnOnce(&mut Proof)) {
        if self.is_gathering()
            && let Some(proof) = &mut self.proof
        {
            add(proof);
            self.weigh(now);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.is_gathering() {
            self.weigh(now);
        } else if self.next == Some(Action::Linger) && now >= self.lingers_until {
            self.next = Some(self.after_linger());
        }
    }

    /// It may not go on, for a reason that is not its own: what has not proven itself is undone, and who is to blame is
    /// not asked any longer. A change that has proven itself is finished. Far ends are still waited for; a second time, not.
    pub fn abort(&mut self, reason: String) {
        match (&self.next, &self.undo) {
            (Some(Action::Depart | Action::Linger), Some(_)) => self.next = Some(Action::Restore),
            (Some(Action::Measure | Action::Depart | Action::Linger | Action::Change), None) => {
                // The new bundle is not there yet, so nothing can depart by it.
                self.departs.back = false;
                self.revert(reason, Blame::Nobody);
            }
            (Some(Action::Prove), _) => self.revert(reason, Blame::Nobody),
            (Some(Action::Ask), _) => self.blame(Blame::Nobody),
            _ => {}
        }
    }

    /// What both ends have left the tunnels for.
    fn after_linger(&self) -> Action {
        if self.undo.is_some() { Action::Restore } else { Action::Change }
    }

    /// Any other action is done, or why it could not be.
    pub fn handle_done(&mut self, result: Result<(), String>, now: Duration) {
        let Some(action) = self.next.take() else { return };
        self.next = match (action, result) {
            (Action::Record(Record { phase: Phase::Applying, .. }), Err(reason)) => {
                Some(Action::Close(Ending::NotBegun { reason }))
            }
            (Action::Record(Record { phase: Phase::Applying, .. }), Ok(())) => Some(Action::Measure),
            (Action::Depart, Ok(())) => {
                self.lingers_until = now.saturating_add(LINGER);
                Some(Action::Linger)
            }
            // Some packets less, and that is all.
            (Action::Depart, Err(_)) => Some(self.after_linger()),
            (Action::Change | Action::Record(Record { phase: Phase::Proven, .. }) | Action::Adopt, Err(reason)) => {
                self.departs.back = false;
                return self.revert(reason, Blame::Nobody);
            }
            (Action::Change, Ok(())) => {
                self.next = Some(Action::Prove);
                self.proof.iter_mut().for_each(|proof| proof.restart(now));
                return self.weigh(now);
            }
            (Action::Record(Record { phase: Phase::Proven, .. }), Ok(())) => Some(Action::Adopt),
            (Action::Adopt, Ok(())) => Some(Action::Clean),
            // What is left over goes later: the new state is there.
            (Action::Clean, _) => Some(Action::Close(Ending::Committed)),
            // What cannot be recorded is undone all the same.
            (Action::Record(Record { phase: Phase::Reverting(_), .. }), _) => {
                Some(if self.departs.back { Action::Depart } else { Action::Restore })
            }
            (Action::Restore, result) => {
                if let (Some(undo), Err(why)) = (&mut self.undo, result) {
                    undo.reason = format!("{}; and what ran before could not be restored whole: {why}", undo.reason);
                }
                return self.judge(now);
            }
            (Action::Condemn, _) => self.ending().map(Action::Close),
            (Action::Close(_), _) => None,
            (waits @ (Action::Measure | Action::Linger | Action::Prove | Action::Ask), _) => Some(waits),
        };
    }

    fn weigh(&mut self, now: Duration) {
        let Some(proof) = &self.proof else { return };
        if self.next == Some(Action::Ask) {
            // Back as soon as the change is undone: so it was the change.
            match (proof.has_any(), now >= proof.poll_timeout()) {
                (true, _) => self.blame(Blame::Bundle),
                (false, true) => self.blame(Blame::Nobody),
                (false, false) => {}
            }
            return;
        }
        match proof.verdict(now) {
            Verdict::Held => {
                self.next = Some(Action::Record(Record { attempts: self.attempts, phase: Phase::Proven }));
            }
            Verdict::Failed(doubt) => {
                let Doubt { server, silent, probes, .. } = &doubt;
                let failed = probes.iter().flat_map(|probes| &probes.failed);
                let missing = Missing {
                    server: server.is_some(),
                    peers: silent.iter().cloned().collect(),
                    probes: failed.map(|(probe, _)| probe.clone()).collect(),
                };
                self.revert(doubt.to_string(), Blame::Unclear(missing));
            }
            Verdict::Open => {}
        }
    }

    fn revert(&mut self, reason: String, blame: Blame) {
        let undo = Undo { reason, blame };
        self.undo = Some(undo.clone());
        self.next = Some(Action::Record(Record { attempts: self.attempts, phase: Phase::Reverting(undo) }));
    }

    /// After what ran before runs again.
    fn judge(&mut self, now: Duration) {
        match self.undo.as_ref().map(|undo| undo.blame.clone()) {
            Some(Blame::Unclear(missing)) => {
                let Missing { server, peers: alive, probes } = missing;
                let baseline = Baseline { server, alive, probes, ..Baseline::default() };
                self.proof = Some(Proof::until(baseline, BACK, now));
                self.next = Some(Action::Ask);
            }
            Some(blame) => self.blame(blame),
            None => self.next = None,
        }
    }

    fn blame(&mut self, blame: Blame) {
        let Some(undo) = &mut self.undo else { return };
        undo.blame = blame;
        self.next = match undo.blame {
            Blame::Bundle => Some(Action::Condemn),
            _ => self.ending().map(Action::Close),
        };
    }

    fn ending(&self) -> Option<Ending> {
        let Undo { reason, blame } = self.undo.clone()?;
        Some(Ending::Reverted { reason, conclusive: blame == Blame::Bundle })
    }
}

#[cfg(test)]
mod tests;
