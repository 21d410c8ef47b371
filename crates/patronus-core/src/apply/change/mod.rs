//! One change of a site: it proves itself, or is undone.
//!
//! ```text
//! record applying → measure → change → prove ─┬─ record proven → adopt → clean ───────────────┬─ close
//!                                             └─ record reverting → restore (→ ask) (→ condemn) ┘
//! ```
//!
//! Whoever drives it carries out one [`Action`] after the other, and tells how each ended. Every record is on the disk before
//! the next action, so that after a crash at any point [`Change::resume`] goes on to one of the two ends: forward where
//! the proof had been written, back in every other case. Every action may be carried out twice.

mod record;

use std::time::Duration;

use patronus_types::confirm::Confirm;

use super::prove::{Baseline, Doubt, Proof, Verdict};

pub use record::{Blame, Phase, Record, Undo};

/// How often a change is begun that ends the agent each time.
pub const MAX_ATTEMPTS: u32 = 3;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Put this into the journal, on the disk.
    Record(Record),
    /// Find out what holds now.
    Measure,
    /// Carry out the plan up to where nothing has been taken away.
    Change,
    /// Gather evidence until [`Change::poll_action`] says something else.
    Prove,
    /// Make the new bundle the current one.
    Adopt,
    /// Take away what is no longer wanted.
    Clean,
    /// Bring back exactly what was there.
    Restore,
    /// Ask the server once, over a new connection.
    AskServer,
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
    terms: Confirm,
    /// None when it is over.
    next: Option<Action>,
    proof: Option<Proof>,
    undo: Option<Undo>,
}

impl Change {
    /// Begins one. `attempts` counts this one too.
    pub fn begin(attempts: u32, terms: Confirm) -> Self {
        let next = Some(Action::Record(Record { attempts, phase: Phase::Applying }));
        Self { attempts, terms, next, proof: None, undo: None }
    }

    /// Goes on with one that was cut short.
    pub fn resume(record: Record) -> Self {
        let attempts = record.attempts;
        let mut this = Self { attempts, terms: Confirm::default(), next: None, proof: None, undo: None };
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

    /// When [`Change::handle_timeout`] has something to say.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.proof.as_ref().filter(|_| self.next == Some(Action::Prove)).map(Proof::poll_timeout)
    }

    /// The proof, while it is gathered.
    pub fn proof(&self) -> Option<&Proof> {
        self.proof.as_ref().filter(|_| self.next == Some(Action::Prove))
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
            self.next = Some(Action::Change);
        }
    }

    /// Adds evidence and weighs it.
    pub fn handle_evidence(&mut self, now: Duration, add: impl FnOnce(&mut Proof)) {
        if self.next == Some(Action::Prove)
            && let Some(proof) = &mut self.proof
        {
            add(proof);
            self.weigh(now);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.next == Some(Action::Prove) {
            self.weigh(now);
        }
    }

    /// [`Action::AskServer`] is done.
    pub fn handle_server(&mut self, answers: bool) {
        if self.next != Some(Action::AskServer) {
            return;
        }
        if let Some(undo) = &mut self.undo {
            // It answers as soon as the change is undone: so it was the change.
            undo.blame = if answers { Blame::Bundle } else { Blame::Nobody };
        }
        self.judge();
    }

    /// Somebody on the site wants it undone. True if it is; a change that has proven itself is no longer this machine's.
    pub fn abort(&mut self, reason: String) -> bool {
        let open = matches!(self.next, Some(Action::Measure | Action::Change | Action::Prove));
        if open {
            self.revert(reason, Blame::Bundle);
        }
        open
    }

    /// Any other action is done, or why it could not be.
    pub fn handle_done(&mut self, result: Result<(), String>, now: Duration) {
        let Some(action) = self.next.take() else { return };
        self.next = match (action, result) {
            (Action::Record(Record { phase: Phase::Applying, .. }), Err(reason)) => {
                Some(Action::Close(Ending::NotBegun { reason }))
            }
            (Action::Record(Record { phase: Phase::Applying, .. }), Ok(())) => Some(Action::Measure),
            (Action::Change | Action::Record(Record { phase: Phase::Proven, .. }) | Action::Adopt, Err(reason)) => {
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
            (Action::Record(Record { phase: Phase::Reverting(_), .. }), _) => Some(Action::Restore),
            (Action::Restore, result) => {
                if let (Some(undo), Err(why)) = (&mut self.undo, result) {
                    undo.reason = format!("{}; and what ran before could not be restored whole: {why}", undo.reason);
                }
                return self.judge();
            }
            (Action::Condemn, _) => self.ending().map(Action::Close),
            (Action::Close(_), _) => None,
            (waits @ (Action::Measure | Action::Prove | Action::AskServer), _) => Some(waits),
        };
    }

    fn weigh(&mut self, now: Duration) {
        match self.proof.as_ref().map(|proof| proof.verdict(now)) {
            Some(Verdict::Held) => {
                self.next = Some(Action::Record(Record { attempts: self.attempts, phase: Phase::Proven }));
            }
            Some(Verdict::Failed(doubt)) => self.revert(doubt.to_string(), blame(&doubt)),
            Some(Verdict::Open) | None => {}
        }
    }

    fn revert(&mut self, reason: String, blame: Blame) {
        let undo = Undo { reason, blame };
        self.undo = Some(undo.clone());
        self.next = Some(Action::Record(Record { attempts: self.attempts, phase: Phase::Reverting(undo) }));
    }

    /// After what ran before runs again.
    fn judge(&mut self) {
        self.next = match self.undo.as_ref().map(|undo| undo.blame) {
            Some(Blame::ServerOrBundle) => Some(Action::AskServer),
            Some(Blame::Bundle) => Some(Action::Condemn),
            Some(Blame::Nobody) | None => self.ending().map(Action::Close),
        };
    }

    fn ending(&self) -> Option<Ending> {
        let Undo { reason, blame } = self.undo.clone()?;
        Some(Ending::Reverted { reason, conclusive: blame == Blame::Bundle })
    }
}

fn blame(doubt: &Doubt) -> Blame {
    if doubt.is_server_alone() { Blame::ServerOrBundle } else { Blame::Bundle }
}

#[cfg(test)]
mod tests;
