//! How far a change has come, and how long each part of it took.

use patronus_core::apply::change::{Action, Ending, Phase, Record};
use patronus_types::api::agent::{Step, Timings};
use tokio::time::Instant;

use super::accept::millis;

/// Runs along with a change.
pub(super) struct Watch {
    pub(super) step: Step,
    pub(super) timings: Timings,
    since: Instant,
}

impl Watch {
    /// Begins; `timings` has what came before.
    pub(super) fn new(timings: Timings) -> Self {
        Self { step: Step::Applying, timings, since: Instant::now() }
    }

    /// An action begins, which ends what was waited for.
    pub(super) fn begins(&mut self, action: &Action) {
        match action {
            Action::Prove => self.step = Step::Proving,
            Action::Record(Record { phase: Phase::Proven | Phase::Reverting(_), .. })
                if self.step == Step::Proving && self.timings.proven_ms.is_none() =>
            {
                self.timings.proven_ms = Some(self.lap());
            }
            Action::Close(Ending::Committed) => {
                self.step = Step::Committed;
                self.timings.cleaned_ms = Some(self.lap());
            }
            Action::Close(Ending::Reverted { .. }) => self.timings.undone_ms = Some(self.lap()),
            Action::Close(Ending::NotBegun { .. }) => self.step = Step::Staged,
            _ => {}
        }
    }

    /// An action is done, or could not be.
    pub(super) fn ended(&mut self, action: &Action) {
        match action {
            Action::Record(Record { phase: Phase::Applying, .. }) => drop(self.lap()),
            Action::Measure => self.timings.measured_ms = Some(self.lap()),
            Action::Change => self.timings.changed_ms = Some(self.lap()),
            _ => {}
        }
    }

    /// Milliseconds since the last one.
    fn lap(&mut self) -> u64 {
        let now = Instant::now();
        let took = now - self.since;
        self.since = now;
        millis(took)
    }
}
