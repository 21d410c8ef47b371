//! The machine against a model of a disk and a kernel, with a crash after, before and in the middle of any action.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What a bundle has put into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    Old,
    Between,
    New,
}

#[derive(Debug, Clone)]
struct World {
    journal: Option<Record>,
    /// Whether `current` points at the new bundle.
    adopted: bool,
    kernel: Kernel,
    condemned: bool,
    outcome: Option<Ending>,
}

/// What happens next, decided by chance.
#[derive(Debug, Clone, Copy)]
enum Chance {
    Works,
    Fails,
    CrashBefore,
    CrashBetween,
    CrashAfter,
    Server(bool),
    Peer(bool),
    /// Seconds pass.
    Wait(u8),
    Abort,
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        8 => Just(Chance::Works),
        1 => Just(Chance::Fails),
        1 => Just(Chance::CrashBefore),
        1 => Just(Chance::CrashBetween),
        1 => Just(Chance::CrashAfter),
        2 => any::<bool>().prop_map(Chance::Server),
        2 => any::<bool>().prop_map(Chance::Peer),
        1 => any::<u8>().prop_map(Chance::Wait),
        1 => Just(Chance::Abort),
    ]
}

fn peer() -> patronus_types::Name {
    "peer".parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self { journal: None, adopted: false, kernel: Kernel::Old, condemned: false, outcome: None }
    }

    /// Carries an action out, wholly or, for a crash in its middle, half.
    fn act(&mut self, action: &Action, half: bool) {
        match action {
            Action::Record(record) if !half => self.journal = Some(record.clone()),
            // A file changes in one instant.
            Action::Record(_) | Action::Measure | Action::Prove | Action::Ask => {}
            Action::Change => self.kernel = if half { Kernel::Between } else { Kernel::New },
            Action::Adopt => self.adopted |= !half,
            Action::Clean => {}
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

    /// What starts after a crash; a reboot has emptied the kernel, and then it holds what `current` says.
    fn restart(&mut self, rebooted: bool) -> Option<Change> {
        if rebooted {
            self.kernel = if self.adopted { Kernel::New } else { Kernel::Old };
        }
        let change = self.journal.clone().map(Change::resume);
        if matches!(self.journal, Some(Record { phase: Phase::Proven, .. })) {
            // Adopting includes bringing the kernel to it.
            self.kernel = Kernel::New;
        }
        change
    }
}

/// Runs to the end; gives the world, and whether the proof was ever written.
fn run(chances: &[Chance], baseline: Baseline) -> (World, bool) {
    let mut world = World::new();
    let mut change = Some(Change::begin(1, Confirm::default()));
    let mut now = Duration::from_secs(1000);
    let mut chances = chances.iter().copied();
    let mut proven = false;
    while let Some(this) = change.as_mut() {
        let Some(action) = this.poll_action().cloned() else { break };
        proven |= matches!(world.journal, Some(Record { phase: Phase::Proven, .. }));
        let chance = chances.next().unwrap_or(Chance::Works);
        match (chance, &action) {
            (Chance::CrashBefore | Chance::CrashBetween | Chance::CrashAfter, _) => {
                if !matches!(chance, Chance::CrashBefore) {
                    world.act(&action, matches!(chance, Chance::CrashBetween));
                }
                // Clocks jump, and monotonic time begins anew.
                now = Duration::from_secs(if matches!(chance, Chance::CrashAfter) { 3 } else { 1 << 40 });
                change = world.restart(matches!(chance, Chance::CrashBetween));
            }
            (Chance::Abort, _) => this.abort("somebody said so".to_owned()),
            (_, Action::Measure) => this.handle_measured(baseline.clone()),
            (Chance::Server(answers), Action::Prove | Action::Ask) => {
                this.handle_evidence(now, |proof| proof.handle_server(answers.then_some(()).ok_or("no".to_owned())));
            }
            (Chance::Peer(true), Action::Prove | Action::Ask) => {
                this.handle_evidence(now, |proof| proof.handle_peer(&peer()))
            }
            (_, Action::Prove | Action::Ask) => {
                now += Duration::from_secs(if let Chance::Wait(seconds) = chance { seconds.into() } else { 7 });
                this.handle_timeout(now);
            }
            // That a disk fails for ever is another matter.
            (Chance::Fails, action) if !matches!(action, Action::Close(_) | Action::Restore | Action::Clean) => {
                if *action == Action::Change {
                    world.act(action, true);
                }
                this.handle_done(Err("it failed".to_owned()), now);
            }
            (_, action) => {
                world.act(action, false);
                this.handle_done(Ok(()), now);
            }
        }
    }
    (world, proven)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_ends_in_the_new_state_or_in_the_old_one(
        chances in prop::collection::vec(chance(), 0..40),
        (server, alive) in (any::<bool>(), any::<bool>()),
    ) {
        let alive: BTreeSet<_> = alive.then(peer).into_iter().collect();
        let (world, proven) = run(&chances, Baseline { server, alive, patience: Duration::ZERO });
        prop_assert_eq!(&world.journal, &None);
        let committed = world.outcome == Some(Ending::Committed);
        prop_assert_eq!(world.adopted, committed);
        prop_assert_eq!(world.kernel, if committed { Kernel::New } else { Kernel::Old });
        prop_assert!(proven || !committed, "kept without a proof");
        let conclusive = matches!(world.outcome, Some(Ending::Reverted { conclusive: true, .. }));
        prop_assert!(!conclusive || world.condemned || chances.iter().any(|chance| matches!(chance, Chance::Fails)));
        prop_assert!(!(committed && world.condemned));
    }
}

/// Drives a change whose actions all work up to where evidence is gathered.
fn proving(baseline: Baseline) -> Change {
    let mut change = Change::begin(1, Confirm::default());
    change.handle_done(Ok(()), Duration::ZERO);
    change.handle_measured(baseline);
    change.handle_done(Ok(()), Duration::from_secs(100));
    change
}

/// Drives it to its end; `back` is what is heard when it was asked again.
fn end(change: &mut Change, back: impl Fn(&mut Proof)) -> (Vec<Action>, Ending) {
    let mut actions = Vec::new();
    let now = Duration::from_secs(200);
    loop {
        let action = change.poll_action().cloned().unwrap();
        match &action {
            Action::Close(ending) => return (actions, ending.clone()),
            Action::Ask => {
                change.handle_evidence(now + BACK - Duration::from_secs(1), &back);
                change.handle_timeout(now + BACK);
            }
            _ => change.handle_done(Ok(()), now),
        }
        actions.push(action);
    }
}

#[test]
fn the_time_for_the_proof_begins_after_the_last_step() {
    let change = proving(Baseline { server: true, ..Baseline::default() });
    assert_eq!(change.poll_timeout(), Some(Duration::from_secs(130)));
}

#[test]
fn what_is_back_when_the_change_is_undone_blames_the_change() {
    type Back = fn(&mut Proof);
    let cases: [(Back, bool); 3] = [
        (|proof| proof.handle_server(Ok(())), true),
        (|proof| proof.handle_peer(&peer()), true),
        (|proof| proof.handle_server(Err("still away".to_owned())), false),
    ];
    for (back, conclusive) in cases {
        let mut change = proving(Baseline { server: true, alive: [peer()].into(), patience: Duration::ZERO });
        change.handle_timeout(Duration::from_secs(130));
        let (actions, ending) = end(&mut change, back);
        assert!(matches!(&actions[1..3], [Action::Restore, Action::Ask]), "{actions:?}");
        assert_eq!(actions.contains(&Action::Condemn), conclusive);
        let reason = "server unreachable for 30 s after the change (no answer); \
                      1 of 1 peers silent for 30 s after the change: peer";
        assert_eq!(ending, Ending::Reverted { reason: reason.to_owned(), conclusive });
    }
}

#[test]
fn only_what_was_missing_says_anything() {
    let mut change = proving(Baseline { server: true, alive: [peer()].into(), patience: Duration::ZERO });
    change.handle_evidence(Duration::from_secs(101), |proof| proof.handle_server(Ok(())));
    change.handle_timeout(Duration::from_secs(130));
    let (_, ending) = end(&mut change, |proof| proof.handle_server(Ok(())));
    assert!(matches!(ending, Ending::Reverted { conclusive: false, .. }), "the server was never missing");
}

#[test]
fn what_is_stopped_blames_nobody() {
    let mut proof = proving(Baseline { server: true, ..Baseline::default() });
    proof.abort("the agent was stopped".to_owned());
    let (actions, ending) = end(&mut proof, |_| ());
    assert!(matches!(&actions[1..], [Action::Restore]), "{actions:?}");
    assert_eq!(ending, Ending::Reverted { reason: "the agent was stopped".to_owned(), conclusive: false });
}

#[test]
fn nothing_to_prove_is_proven_at_once() {
    let (actions, ending) = end(&mut proving(Baseline::default()), |_| ());
    assert!(matches!(actions[0], Action::Record(Record { phase: Phase::Proven, .. })));
    assert_eq!((&actions[1..], ending), (&[Action::Adopt, Action::Clean][..], Ending::Committed));
}

#[test]
fn one_that_ends_the_agent_each_time_is_given_up() {
    for (attempts, conclusive) in [(1, false), (2, false), (MAX_ATTEMPTS, true)] {
        let mut change = Change::resume(Record { attempts, phase: Phase::Applying });
        let (_, ending) = end(&mut change, |_| ());
        assert!(
            matches!(ending, Ending::Reverted { conclusive: is, .. } if is == conclusive),
            "{attempts}: {ending:?}"
        );
    }
}
