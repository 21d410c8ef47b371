use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn names(count: usize) -> Vec<Name> {
    (0..count).map(|index| format!("site-{index}").parse().unwrap()).collect()
}

fn begin(server: bool, peers: usize) -> Proof {
    let baseline = Baseline { server, alive: names(peers).into_iter().collect(), patience: Duration::ZERO };
    Proof::begin(&Confirm::default(), baseline, 5 * SECOND)
}

fn reason(proof: &Proof) -> String {
    match proof.verdict(35 * SECOND) {
        Verdict::Failed(doubt) => doubt.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_not_there_before_need_not_be_there_after() {
    assert_eq!(begin(false, 0).verdict(5 * SECOND), Verdict::Held);
}

#[test]
fn each_thing_that_held_before_must_hold_again() {
    let mut proof = begin(true, 4);
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Open);
    proof.handle_server(Err("connection refused".to_owned()));
    proof.handle_peer(&names(1)[0]);
    assert_eq!(proof.verdict(34 * SECOND), Verdict::Open);
    assert_eq!(
        reason(&proof),
        "server unreachable for 30 s after the change (connection refused); \
         3 of 4 peers silent for 30 s after the change: site-1, site-2, site-3"
    );
    proof.handle_server(Ok(()));
    names(4).iter().for_each(|name| proof.handle_peer(name));
    assert_eq!(proof.verdict(6 * SECOND), Verdict::Held);
    assert_eq!(proof.verdict(600 * SECOND), Verdict::Held, "what held in time has held");
}

#[test]
fn one_answer_is_enough() {
    let mut proof = begin(true, 1);
    proof.handle_server(Ok(()));
    proof.handle_server(Err("gone again".to_owned()));
    proof.handle_peer(&names(1)[0]);
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Held);
}

#[test]
fn few_peers_must_all_come_back_and_of_many_most() {
    for (peers, may_be_silent) in [(1, 0), (2, 0), (9, 0), (10, 1), (25, 2), (1000, 100)] {
        let mut proof = begin(false, peers);
        names(peers).iter().skip(may_be_silent + 1).for_each(|name| proof.handle_peer(name));
        assert!(matches!(proof.verdict(35 * SECOND), Verdict::Failed(_)), "{peers}");
        proof.handle_peer(&names(peers)[0]);
        assert_eq!(proof.verdict(35 * SECOND), Verdict::Held, "{peers}");
    }
}

#[test]
fn the_slowest_have_their_time() {
    let baseline = Baseline { alive: names(1).into_iter().collect(), patience: 15 * SECOND, ..Baseline::default() };
    let proof = Proof::begin(&Confirm { timeout_s: 5, ..Confirm::default() }, baseline, SECOND);
    assert_eq!(proof.poll_timeout(), 16 * SECOND);
}

#[test]
fn strangers_prove_nothing() {
    let mut proof = begin(false, 1);
    proof.handle_peer(&"stranger".parse().unwrap());
    proof.handle_server(Ok(()));
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Open);
}

proptest! {
    /// More evidence never makes it worse, and what is still wanted is exactly what is missing.
    #[test]
    fn evidence_is_monotone(
        (server, peers, percent) in (any::<bool>(), 0usize..12, 0u8..=100),
        heard in prop::collection::vec((0usize..14, any::<bool>()), 0..30),
    ) {
        let baseline = Baseline { server, alive: names(peers).into_iter().collect(), patience: Duration::ZERO };
        let terms = Confirm { peers_percent: percent, ..Confirm::default() };
        let mut proof = Proof::begin(&terms, baseline, Duration::ZERO);
        let all = names(14);
        let mut held = proof.verdict(SECOND) == Verdict::Held;
        for (index, good) in heard {
            let answer = if good { Ok(()) } else { Err("no".to_owned()) };
            match index {
                0 => proof.handle_server(answer),
                _ => proof.handle_peer(&all[index]),
            }
            let holds = proof.verdict(SECOND) == Verdict::Held;
            prop_assert!(holds || !held);
            held = holds;
        }
        let wants_nothing = !proof.wants_server() && proof.wants_peers().next().is_none();
        prop_assert!(held || !wants_nothing);
        prop_assert_eq!(matches!(proof.verdict(proof.poll_timeout()), Verdict::Failed(_)), !held);
    }
}
