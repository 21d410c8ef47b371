use proptest::prelude::*;

use super::*;
use patronus_types::confirm::Target;

const SECOND: Duration = Duration::from_secs(1);

fn names(count: usize) -> Vec<Name> {
    (0..count).map(|index| format!("site-{index}").parse().unwrap()).collect()
}

fn probe(targets: usize, need: Option<u8>) -> Probe {
    let target = Target::Tcp("192.0.2.1:443".parse().unwrap());
    Probe { name: "lan".parse().unwrap(), from: Vec::new(), targets: vec![target; targets], need }
}

fn begin(server: bool, peers: usize, probes: Vec<Probe>) -> Proof {
    let baseline = Baseline { server, alive: names(peers).into_iter().collect() };
    Proof::begin(&Confirm { probes, ..Confirm::default() }, baseline, 5 * SECOND)
}

fn reason(proof: &Proof) -> String {
    match proof.verdict(35 * SECOND) {
        Verdict::Failed(doubt) => doubt.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_not_there_before_need_not_be_there_after() {
    assert_eq!(begin(false, 0, Vec::new()).verdict(5 * SECOND), Verdict::Held);
}

#[test]
fn each_thing_that_held_before_must_hold_again() {
    let mut proof = begin(true, 4, vec![probe(3, Some(2))]);
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Open);
    proof.handle_server(Err("connection refused".to_owned()));
    proof.handle_peer(&names(1)[0]);
    proof.handle_probe((0, 1), Ok(()));
    proof.handle_probe((0, 2), Err("timed out".to_owned()));
    assert_eq!(proof.verdict(34 * SECOND), Verdict::Open);
    assert_eq!(
        reason(&proof),
        "server unreachable for 30 s after the change (connection refused); \
         3 of 4 peers silent for 30 s after the change: site-1, site-2, site-3; \
         probe `lan` passed 1 times of 2 needed (tcp 192.0.2.1:443: no answer, tcp 192.0.2.1:443: timed out)"
    );
    proof.handle_server(Ok(()));
    names(4).iter().for_each(|name| proof.handle_peer(name));
    proof.handle_probe((0, 0), Ok(()));
    assert_eq!(proof.verdict(6 * SECOND), Verdict::Held);
    assert_eq!(proof.verdict(600 * SECOND), Verdict::Held, "what held in time has held");
}

#[test]
fn one_answer_is_enough() {
    let mut proof = begin(true, 1, vec![probe(1, None)]);
    proof.handle_server(Ok(()));
    proof.handle_server(Err("gone again".to_owned()));
    proof.handle_peer(&names(1)[0]);
    proof.handle_probe((0, 0), Ok(()));
    proof.handle_probe((0, 0), Err("gone again".to_owned()));
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Held);
}

#[test]
fn the_server_alone_may_be_the_server_s_own_trouble() {
    let mut proof = begin(true, 1, Vec::new());
    proof.handle_peer(&names(1)[0]);
    let Verdict::Failed(doubt) = proof.verdict(35 * SECOND) else { panic!() };
    assert!(doubt.is_server_alone());
    assert!(!Doubt { silent: names(1), ..doubt }.is_server_alone());
}

#[test]
fn few_peers_must_all_come_back_and_of_many_most() {
    for (peers, may_be_silent) in [(1, 0), (2, 0), (9, 0), (10, 1), (25, 2), (1000, 100)] {
        let mut proof = begin(false, peers, Vec::new());
        names(peers).iter().skip(may_be_silent + 1).for_each(|name| proof.handle_peer(name));
        assert!(matches!(proof.verdict(35 * SECOND), Verdict::Failed(_)), "{peers}");
        proof.handle_peer(&names(peers)[0]);
        assert_eq!(proof.verdict(35 * SECOND), Verdict::Held, "{peers}");
    }
}

#[test]
fn strangers_and_targets_that_are_none_prove_nothing() {
    let mut proof = begin(false, 1, vec![probe(1, None)]);
    proof.handle_peer(&"stranger".parse().unwrap());
    proof.handle_probe((0, 7), Ok(()));
    proof.handle_probe((7, 0), Ok(()));
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
        let baseline = Baseline { server, alive: names(peers).into_iter().collect() };
        let terms = Confirm { peers_percent: percent, probes: vec![probe(3, Some(2)), probe(1, None)], ..Confirm::default() };
        let mut proof = Proof::begin(&terms, baseline, Duration::ZERO);
        let all = names(14);
        let mut held = false;
        for (index, good) in heard {
            let answer = if good { Ok(()) } else { Err("no".to_owned()) };
            match index {
                0 => proof.handle_server(answer),
                1..4 => proof.handle_probe((0, index - 1), answer),
                4 => proof.handle_probe((1, 0), answer),
                _ => proof.handle_peer(&all[index]),
            }
            let holds = proof.verdict(SECOND) == Verdict::Held;
            prop_assert!(holds || !held);
            held = holds;
        }
        let wants_nothing = !proof.wants_server() && proof.wants_probes().next().is_none() && proof.wants_peers().next().is_none();
        prop_assert!(held || !wants_nothing);
        prop_assert_eq!(matches!(proof.verdict(proof.poll_timeout()), Verdict::Failed(_)), !held);
    }
}
