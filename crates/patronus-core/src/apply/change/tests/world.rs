//! A disk and a kernel, as far as a change is concerned, and what can be found there at a start.

use proptest::prelude::*;

use super::super::*;

/// What is in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// What ran before, and nothing else.
    Old,
    /// A step was cut short or refused.
    Between,
    /// The new, and still all that only the old has.
    Changed,
    /// The new, and nothing else.
    New,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) journal: Option<Record>,
    /// Whether `current` points at the new bundle.
    pub(super) adopted: bool,
    pub(super) kernel: Kernel,
    pub(super) condemned: bool,
    pub(super) outcome: Option<Ending>,
}

impl World {
    pub(super) fn new() -> Self {
        Self { journal: None, adopted: false, kernel: Kernel::Old, condemned: false, outcome: None }
    }

    /// Whether the proof is on the disk.
    pub(super) fn is_proven(&self) -> bool {
        matches!(self.journal, Some(Record { phase: Phase::Proven, .. }))
    }

    /// Carries an action out, wholly or, where it is cut short, half.
    pub(super) fn act(&mut self, action: &Action, half: bool) {
        match action {
            Action::Record(record) if !half => self.journal = Some(record.clone()),
            // A file changes in one instant.
            Action::Record(_) | Action::Measure | Action::Prove | Action::Ask => {}
            // Only routes move, between tunnels that both are there.
            Action::Depart | Action::Linger => {}
            Action::Change => self.kernel = if half { Kernel::Between } else { Kernel::Changed },
            Action::Adopt => self.adopted |= !half,
            // Half of it leaves what the new does not need.
            Action::Clean => self.kernel = if half { Kernel::Changed } else { Kernel::New },
            Action::Restore => {
                // Where the link was moved before, it is moved back first.
                self.adopted = false;
                self.kernel = if half { Kernel::Between } else { Kernel::Old };
            }
            Action::Condemn => self.condemned |= !half,
            Action::Close(ending) => {
                self.outcome = Some(ending.clone());
                if !half {
                    self.journal = None;
                }
            }
        }
    }

    /// What starts after the agent ended; where the host did too, the kernel is empty until it holds what `current` says.
    pub(super) fn restart(&mut self, is_reboot: bool) -> Option<Change> {
        if is_reboot {
            self.kernel = if self.adopted { Kernel::New } else { Kernel::Old };
        }
        let change = self.journal.clone().map(Change::resume);
        if self.is_proven() && matches!(self.kernel, Kernel::Old | Kernel::Between) {
            // Adopting includes bringing the kernel to it.
            self.kernel = Kernel::Changed;
        }
        change
    }
}

/// Any state that a start can find: before the first record, or with a record and whatever had come of it.
pub(super) fn any_world() -> impl Strategy<Value = World> {
    let kernel = prop_oneof![Just(Kernel::Old), Just(Kernel::Between), Just(Kernel::Changed), Just(Kernel::New)];
    let blame = prop_oneof![Just(Blame::Bundle), Just(Blame::Nobody), missing().prop_map(Blame::Unclear)];
    let undo = blame.prop_map(|blame| Undo { reason: "of old".to_owned(), blame });
    let phase = prop_oneof![Just(Phase::Applying), Just(Phase::Proven), undo.prop_map(Phase::Reverting)];
    let record = (1..=MAX_ATTEMPTS + 1, phase).prop_map(|(attempts, phase)| Record { attempts, phase });
    (prop::option::of(record), kernel, any::<bool>()).prop_map(|(journal, kernel, adopted)| match &journal {
        None => World::new(),
        // Nothing points at the new before it is proven.
        Some(Record { phase: Phase::Applying, .. }) => World { journal, kernel, ..World::new() },
        Some(Record { phase: Phase::Proven, .. }) if adopted => World { journal, kernel, adopted, ..World::new() },
        Some(Record { phase: Phase::Proven, .. }) => World { journal, kernel: Kernel::Changed, ..World::new() },
        Some(_) => World { journal, kernel, adopted, ..World::new() },
    })
}

fn missing() -> impl Strategy<Value = Missing> {
    any::<(bool, bool, bool)>().prop_map(|(server, peer, probe)| Missing {
        server,
        peers: peer.then(super::peer).into_iter().collect(),
        probes: probe.then(super::probe).into_iter().collect(),
    })
}
