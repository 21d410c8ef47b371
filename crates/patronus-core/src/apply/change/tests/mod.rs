//! The machine by examples; what always holds is in [`always`].

mod always;
mod world;

use super::*;

fn peer() -> patronus_types::Name {
    "peer".parse().unwrap()
}

fn probe() -> patronus_types::Name {
    "probe".parse().unwrap()
}

/// Drives a change whose actions all work up to where evidence is gathered.
fn proving(baseline: Baseline) -> Change {
    let mut change = Change::begin(1, Confirm::default(), Departs::default());
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
        let mut change = proving(Baseline { server: true, alive: [peer()].into(), ..Baseline::default() });
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
    let mut change = proving(Baseline { server: true, alive: [peer()].into(), ..Baseline::default() });
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

#[test]
fn both_ends_leave_what_ends_by_the_change_or_when_it_is_undone() {
    let at = Duration::from_secs;
    let mut change = Change::begin(1, Confirm::default(), Departs { forth: true, back: true });
    change.handle_done(Ok(()), at(1));
    change.handle_measured(Baseline { server: true, ..Baseline::default() });
    let leave = |change: &mut Change, from: u64, then: &Action| {
        assert_eq!(change.poll_action(), Some(&Action::Depart));
        change.handle_done(Ok(()), at(from));
        assert_eq!((change.poll_action(), change.poll_timeout()), (Some(&Action::Linger), Some(at(from) + LINGER)));
        change.handle_evidence(at(from), |_| panic!("nothing is weighed"));
        change.handle_timeout(at(from + 1));
        assert!(change.is_waiting() && change.proof().is_none());
        change.handle_timeout(at(from) + LINGER);
        assert_eq!(change.poll_action(), Some(then));
    };
    leave(&mut change, 2, &Action::Change);
    change.handle_done(Ok(()), at(10));
    change.handle_timeout(at(40));
    change.handle_done(Ok(()), at(40));
    leave(&mut change, 40, &Action::Restore);
}

#[test]
fn who_is_in_a_hurry_leaves_nothing_behind_him() {
    let begin = || {
        let mut change = Change::begin(1, Confirm::default(), Departs { forth: true, back: true });
        change.handle_done(Ok(()), Duration::ZERO);
        change.handle_measured(Baseline { server: true, ..Baseline::default() });
        change
    };
    let mut early = begin();
    early.handle_done(Ok(()), Duration::ZERO);
    early.abort("stop".to_owned());
    early.handle_done(Ok(()), Duration::ZERO);
    assert_eq!(early.poll_action(), Some(&Action::Restore), "the new bundle was never there");
    let mut late = begin();
    late.handle_done(Err("no".to_owned()), Duration::ZERO);
    late.handle_done(Ok(()), Duration::ZERO);
    for wanted in [Action::Depart, Action::Restore] {
        late.abort("stop".to_owned());
        if wanted == Action::Depart {
            late.handle_done(Ok(()), Duration::ZERO);
        }
        assert_eq!(late.poll_action(), Some(&wanted));
    }
}
