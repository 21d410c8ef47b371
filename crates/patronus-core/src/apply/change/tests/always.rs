//! What holds from any state, under any order of results, evidence, timeouts, crashes and jumps of the clock.

use proptest::prelude::*;

use super::super::*;
use super::world::{Kernel, World, any_world};
use super::{peer, probe};

/// So many actions are the most that a change takes from anywhere, once nothing more happens to it: one record, three
/// steps, another record, four more, twice the leaving of tunnels, and the waiting for far ends, for a proof and for what
/// was missing, seven seconds at a time.
const MOST_ACTIONS: usize = 14 + 30 / 7 + 12 / 7 + 2;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Chance {
    Works,
    Fails,
    CrashBefore,
    CrashBetween,
    CrashAfter,
    Server(bool),
    Peer,
    Probe(bool),
    Stranger,
    /// The host's or the hypervisor's doing: seconds pass at once.
    Jump(u64),
    /// Something comes when nobody waits for it.
    Stray,
    Abort,
}

fn chance() -> impl Strategy<Value = Chance> {
    let jump = prop_oneof![0u64..40, Just(3600), Just(1 << 40), Just(u64::MAX)];
    prop_oneof![
        8 => Just(Chance::Works),
        2 => Just(Chance::Fails),
        1 => Just(Chance::CrashBefore),
        1 => Just(Chance::CrashBetween),
        1 => Just(Chance::CrashAfter),
        2 => any::<bool>().prop_map(Chance::Server),
        2 => Just(Chance::Peer),
        2 => any::<bool>().prop_map(Chance::Probe),
        1 => Just(Chance::Stranger),
        2 => jump.prop_map(Chance::Jump),
        1 => Just(Chance::Stray),
        1 => Just(Chance::Abort),
    ]
}

/// What held, and what has been heard again since the last step.
#[derive(Debug, Clone, Default)]
struct Heard {
    server: bool,
    peer: bool,
    probe: bool,
}

/// One life of a change, over several of the agent's.
struct Run {
    world: World,
    change: Option<Change>,
    departs: Departs,
    baseline: Baseline,
    now: Duration,
    heard: Heard,
    actions: usize,
    /// What stood in the journal when the agent last started and found one.
    owed: Option<Record>,
    /// What could not be done, ever.
    refused: Vec<Action>,
    /// Whether what was there could not be brought back, so that this is left to who looks after the kernel.
    unrestored: bool,
}

impl Run {
    fn new(mut world: World, baseline: Baseline, departs: Departs) -> Self {
        let owed = world.journal.clone();
        let change = world.restart(false).or_else(|| Some(Change::begin(1, Confirm::default(), departs)));
        let now = Duration::from_secs(1000);
        let heard = Heard::default();
        Self { world, change, departs, baseline, now, heard, actions: 0, owed, refused: Vec::new(), unrestored: false }
    }

    /// To the end.
    fn go(mut self, chances: &[Chance]) -> Self {
        let mut chances = chances.iter().copied();
        while let Some(action) = self.change.as_ref().and_then(Change::poll_action).cloned() {
            self.actions += 1;
            assert!(self.actions <= 40 * MOST_ACTIONS + 60, "it goes on for ever: {action:?}");
            match chances.next().unwrap_or(Chance::Works) {
                Chance::CrashBefore => self.crash(false, true),
                Chance::CrashBetween => {
                    self.world.act(&action, true);
                    self.crash(true, false);
                }
                Chance::CrashAfter => {
                    self.world.act(&action, false);
                    self.crash(false, false);
                }
                chance => self.happen(&action, chance),
            }
        }
        self
    }

    fn crash(&mut self, is_reboot: bool, is_late: bool) {
        // A count from an arbitrary start begins anew.
        self.now = Duration::from_secs(if is_late { u64::MAX / 2 } else { 3 });
        self.owed = self.world.journal.clone().or(self.owed.take());
        self.change = self.world.restart(is_reboot);
        self.actions = 0;
    }

    fn happen(&mut self, action: &Action, chance: Chance) {
        let (now, waits) = (self.now, matches!(action, Action::Prove | Action::Ask | Action::Linger));
        let Some(change) = self.change.as_mut() else { return };
        match chance {
            Chance::Abort => return change.abort("somebody said so".to_owned()),
            Chance::Stray => {
                if waits {
                    change.handle_measured(Baseline::default());
                    return change.handle_done(Err("of something else".to_owned()), Duration::ZERO);
                }
                change.handle_timeout(Duration::MAX);
                return change.handle_evidence(now, |proof| proof.handle_server(Ok(())));
            }
            Chance::Jump(seconds) => {
                self.now = now.saturating_add(Duration::from_secs(seconds));
                change.handle_timeout(self.now);
                return;
            }
            _ => {}
        }
        if waits { self.tell(action, chance) } else { self.carry_out(action, matches!(chance, Chance::Fails)) }
    }

    fn tell(&mut self, action: &Action, chance: Chance) {
        let Some(change) = self.change.as_mut() else { return };
        let answer = |good: bool| good.then_some(()).ok_or_else(|| "no".to_owned());
        let is_proof = *action == Action::Prove;
        match chance {
            Chance::Server(good) => {
                self.heard.server |= good && is_proof;
                change.handle_evidence(self.now, |proof| proof.handle_server(answer(good)));
            }
            Chance::Peer => {
                self.heard.peer |= is_proof;
                change.handle_evidence(self.now, |proof| proof.handle_peer(&peer()));
            }
            Chance::Probe(good) => {
                self.heard.probe |= good && is_proof;
                change.handle_evidence(self.now, |proof| proof.handle_probe(&probe(), answer(good)));
            }
            Chance::Stranger => change.handle_evidence(self.now, |proof| {
                proof.handle_peer(&"stranger".parse().unwrap());
                proof.handle_probe(&"stranger".parse().unwrap(), Ok(()));
            }),
            _ => {
                self.now = self.now.saturating_add(Duration::from_secs(7));
                change.handle_timeout(self.now);
            }
        }
    }

    fn carry_out(&mut self, action: &Action, fails: bool) {
        let Some(change) = self.change.as_mut() else { return };
        if *action == Action::Measure {
            return change.handle_measured(self.baseline.clone());
        }
        if *action == Action::Depart {
            let (is_back, Departs { forth, back }) = (change.undo().is_some(), self.departs);
            let (wanted, from) = if is_back { (back, Kernel::Changed) } else { (forth, Kernel::Old) };
            assert!(wanted && self.world.kernel == from, "{:?} is left, and back is {is_back}", self.world.kernel);
        }
        // That a disk fails for ever is another matter.
        let fails = fails && !matches!(action, Action::Close(_));
        self.refused.extend(fails.then(|| action.clone()));
        self.unrestored = if *action == Action::Restore { fails } else { self.unrestored };
        let in_kernel = matches!(action, Action::Change | Action::Restore | Action::Clean);
        if !fails || in_kernel {
            self.world.act(action, fails);
        }
        if *action == Action::Change && !fails {
            self.heard = Heard::default();
        }
        change.handle_done(if fails { Err("it failed".to_owned()) } else { Ok(()) }, self.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_ends_in_the_new_state_or_in_the_old_one(
        world in any_world(),
        chances in prop::collection::vec(chance(), 0..60),
        (server, alive, passes) in any::<(bool, bool, bool)>(),
        (forth, back) in any::<(bool, bool)>(),
    ) {
        let baseline = Baseline {
            server,
            alive: alive.then(peer).into_iter().collect(),
            probes: passes.then(probe).into_iter().collect(),
            ..Baseline::default()
        };
        let run = Run::new(world, baseline, Departs { forth, back }).go(&chances);
        let refused = |action: &Action| run.refused.contains(action);
        let World { journal, adopted, kernel, condemned, outcome } = &run.world;

        // It ends, and one way only.
        prop_assert_eq!(journal, &None);
        let committed = *outcome == Some(Ending::Committed);
        prop_assert_eq!(*adopted, committed);
        match (committed, run.unrestored) {
            (true, _) => prop_assert!(matches!(kernel, Kernel::New | Kernel::Changed), "{:?}", kernel),
            (false, false) => prop_assert_eq!(*kernel, Kernel::Old, "what ran before, exactly"),
            (false, true) => {}
        }
        prop_assert!(refused(&Action::Clean) || *kernel != Kernel::Changed, "all is cleaned where nothing refused to be");

        // A proof that was on the disk stands for ever; without one nothing is kept.
        match run.owed.as_ref().map(|record| &record.phase) {
            Some(Phase::Proven) => prop_assert!(committed || refused(&Action::Adopt), "{:?}", outcome),
            Some(Phase::Applying | Phase::Reverting(_)) => prop_assert!(!committed),
            None if committed => {
                let Heard { server: spoke, peer: answered, probe: passed } = run.heard;
                prop_assert!((!server || spoke) && (!alive || answered) && (!passes || passed), "kept without a proof");
            }
            None => {}
        }

        // What is at fault is remembered, and nothing else.
        let conclusive = matches!(outcome, Some(Ending::Reverted { conclusive: true, .. }));
        prop_assert!(!conclusive || *condemned || refused(&Action::Condemn));
        prop_assert!(!(committed && *condemned));
    }

    /// Left alone, it takes few actions from anywhere.
    #[test]
    fn left_alone_it_is_soon_over(world in any_world(), baseline in any::<(bool, bool)>()) {
        let (server, alive) = baseline;
        let alive = alive.then(peer).into_iter().collect();
        let run = Run::new(world, Baseline { server, alive, ..Baseline::default() }, Departs { forth: true, back: true }).go(&[]);
        prop_assert!(run.actions <= MOST_ACTIONS + 4, "{} actions", run.actions);
    }
}
