use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn names(count: usize) -> Vec<Name> {
    (0..count).map(|index| format!("site-{index}").parse().unwrap()).collect()
}

fn begin(server: bool, peers: usize) -> Proof {
    let baseline = Baseline { server, alive: names(peers).into_iter().collect(), ..Baseline::default() };
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

fn probing(probes: usize, required: Option<u8>) -> Proof {
    let baseline = Baseline { probes: names(probes).into_iter().collect(), ..Baseline::default() };
    Proof::begin(&Confirm { probes_required: required, ..Confirm::default() }, baseline, 5 * SECOND)
}

#[test]
fn a_probe_that_fails_says_why() {
    let mut proof = probing(2, None);
    let [one, other] = &names(2)[..] else { panic!("two") };
    proof.handle_probe(one, Err("no answer from 192.168.2.10:443 within 2 s".to_owned()));
    proof.handle_probe(other, Ok(()));
    assert_eq!(reason(&proof), "probe site-0: no answer from 192.168.2.10:443 within 2 s");
    assert_eq!(proof.wants_probes().collect::<Vec<_>>(), [one]);
    proof.handle_probe(one, Ok(()));
    proof.handle_probe(one, Err("gone again".to_owned()));
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Held, "once is enough");
}

#[test]
fn of_several_probes_as_many_as_are_required_must_pass() {
    for (probes, required, must) in [(3, None, 3), (3, Some(2), 2), (3, Some(16), 3), (0, Some(2), 0), (1, Some(2), 1)]
    {
        let mut proof = probing(probes, required);
        for passed in 0..must {
            assert!(matches!(proof.verdict(35 * SECOND), Verdict::Failed(_)), "{probes} {required:?} {passed}");
            proof.handle_probe(&names(must)[passed], Ok(()));
        }
        assert_eq!(proof.verdict(5 * SECOND), Verdict::Held, "{probes} {required:?}");
    }
    let mut proof = probing(8, Some(2));
    proof.handle_probe(&names(1)[0], Ok(()));
    let told = reason(&proof);
    assert!(told.starts_with("1 of 8 probes passed, and 2 must: probe site-1: no answer; probe site-2"), "{told}");
    assert!(told.ends_with("probe site-5: no answer; and 2 more probes"), "{told}");
}

#[test]
fn strangers_prove_nothing() {
    let mut proof = begin(false, 1);
    proof.handle_peer(&"stranger".parse().unwrap());
    proof.handle_server(Ok(()));
    proof.handle_probe(&"stranger".parse().unwrap(), Ok(()));
    assert_eq!(proof.verdict(5 * SECOND), Verdict::Open);
}

proptest! {
    /// More evidence never makes it worse, and what is still wanted is exactly what is missing.
    #[test]
    fn evidence_is_monotone(
        (server, peers, percent) in (any::<bool>(), 0usize..12, 0u8..=100),
        (probes, required) in (0usize..6, prop::option::of(1u8..6)),
        heard in prop::collection::vec((0usize..20, any::<bool>()), 0..40),
    ) {
        let alive = names(peers).into_iter().collect();
        let baseline =
            Baseline { server, alive, probes: names(probes).into_iter().collect(), ..Baseline::default() };
        let terms = Confirm { peers_percent: percent, probes_required: required, ..Confirm::default() };
        let mut proof = Proof::begin(&terms, baseline, Duration::ZERO);
        let all = names(14);
        let mut held = proof.verdict(SECOND) == Verdict::Held;
        for (index, good) in heard {
            let answer = if good { Ok(()) } else { Err("no".to_owned()) };
            match index {
                0 => proof.handle_server(answer),
                14.. => proof.handle_probe(&all[index - 14], answer),
                _ => proof.handle_peer(&all[index]),
            }
            let holds = proof.verdict(SECOND) == Verdict::Held;
            prop_assert!(holds || !held);
            held = holds;
        }
        let wants_nothing = !proof.wants_server()
            && proof.wants_peers().next().is_none()
            && proof.wants_probes().next().is_none();
        prop_assert!(held || !wants_nothing);
        prop_assert_eq!(matches!(proof.verdict(proof.poll_timeout()), Verdict::Failed(_)), !held);
    }
}
