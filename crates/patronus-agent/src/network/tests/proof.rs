//! What a release risks, what must answer after it, what holds for it alone, and what is told of it.

use std::collections::BTreeSet;

use patronus_types::api::agent::{Outcome, Step};
use patronus_types::probe::Probe;
use patronus_types::risk::Risk;

use super::*;

fn told_outcome(network: &Network) -> Outcome {
    network.progress.outcome.clone().unwrap()
}

fn accepting(lab: &Lab, version: u64, peers: usize, risk: Risk) -> Version {
    lab.signed(version, peers, |statement| statement.terms.accept_risks = [risk].into(), &lab.signer)
}

fn probes(names: &[&str]) -> Vec<Probe> {
    let probe = |name: &&str| format!(r#"{{"name": "{name}", "tcp": "192.168.2.10:443"}}"#);
    names.iter().map(|name| serde_json::from_str(&probe(name)).unwrap()).collect()
}

#[tokio::test]
async fn most_peers_go_only_where_that_is_signed() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 4)).await;
    let before = lab.kernel.shape();
    for other in [lab.version(2, 1), accepting(&lab, 2, 1, Risk::LosesServer)] {
        told(&mut network, &other).await;
        let outcome = told_outcome(&network);
        assert_eq!((outcome.result, outcome.step), (OutcomeKind::Refused, Some(Step::Verified)));
        let reason = outcome.reason.unwrap();
        assert!(reason.starts_with("3 of 4 peers would be removed at once (site-2, site-3, site-4)"), "{reason}");
        assert!(reason.ends_with("publish it with --accept-risk removes-peers"), "{reason}");
        assert_eq!(lab.kernel.shape(), before);
        assert_eq!(network.report().highest_accepted, 1, "nothing of it was taken");
        let refused = lab.open();
        assert_eq!(refused.running.as_ref().unwrap().release.version, 1);
    }
    told(&mut network, &accepting(&lab, 3, 1, Risk::RemovesPeers)).await;
    assert_eq!(outcome(&network), (3, OutcomeKind::Applied, String::new()));
    // What is on the disk is looked at as well.
    told(&mut network, &lab.version(4, 4)).await;
    network.told(state(Mode::Apply, &lab.version(5, 1)));
    assert!(matches!(network.wants(), Todo::Adopt(_)));
    told(&mut network, &lab.version(5, 1)).await;
    assert_eq!(outcome(&network).1, OutcomeKind::Refused);
}

#[tokio::test]
async fn the_way_to_the_server_goes_only_where_that_is_signed() {
    let lab = Lab::new();
    let identity = Identity { servers: vec!["https://10.1.0.9:8443".to_owned()], ..lab.identity() };
    std::fs::write(lab.home().path().join("identity.json"), serde_json::to_vec(&identity).unwrap()).unwrap();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    let (_, kind, reason) = outcome(&network);
    assert_eq!(kind, OutcomeKind::Refused);
    let said = "what goes to the server 10.1.0.9 would go into the tunnel to site-1 (10.1.0.0/16)";
    assert!(reason.starts_with(said), "{reason}");
    assert_eq!(lab.kernel.tunnels(), []);
    told(&mut network, &accepting(&lab, 2, 2, Risk::LosesServer)).await;
    assert_eq!(outcome(&network).1, OutcomeKind::Applied);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_passed_has_to_pass_again() {
    let mut lab = Lab { probes: probes(&["intranet"]), ..Lab::new() };
    lab.reach.cut_off = Some((lab.kernel.clone(), 2));
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    assert_eq!(outcome(&network), (1, OutcomeKind::Applied, String::new()));
    let before = lab.kernel.shape();
    assert_eq!(told(&mut network, &lab.version(2, 3)).await, Retry::No);
    let outcome = told_outcome(&network);
    assert_eq!((outcome.result, outcome.step), (OutcomeKind::Reverted, Some(Step::Proving)));
    let reason = "probe intranet: no answer from 192.168.2.10:443 within 2 s";
    assert_eq!(outcome.reason.as_deref(), Some(reason));
    assert_eq!(lab.kernel.shape(), before);
    assert_eq!(network.report().undone.len(), 1, "it passes again: the bundle is at fault");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_did_not_pass_before_is_told_and_not_asked_for() {
    let lab = Lab { probes: probes(&["intranet", "till"]), ..Lab::new() };
    lab.reach.away.lock().unwrap().insert("till".parse().unwrap());
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    assert_eq!(outcome(&network), (1, OutcomeKind::Applied, String::new()));
    let warnings = network.warnings();
    let said = "probe till did not pass before version 1 was applied, so it was not asked for after it: no answer";
    assert!(warnings.len() == 1 && warnings[0].starts_with(said), "{warnings:?}");
    let asked = lab.reach.asked.lock().unwrap().iter().filter(|name| name.as_str() == "till").count();
    assert_eq!(asked, 1);
    lab.reach.away.lock().unwrap().clear();
    told(&mut network, &lab.version(2, 3)).await;
    assert_eq!(network.warnings(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_release_may_have_a_time_of_its_own() {
    for (timeout, seconds) in [(None, 30), (Some(7), 7)] {
        let lab = Lab::new();
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 2)).await;
        network.heard("https://a.example");
        lab.server.says(std::iter::repeat_n(Say::Away, 1000));
        let version = lab.signed(2, 3, |statement| statement.terms.confirm_timeout_s = timeout, &lab.signer);
        told(&mut network, &version).await;
        let said = format!("server unreachable for {seconds} s after the change");
        assert!(outcome(&network).2.starts_with(&said), "{}", outcome(&network).2);
    }
}

#[tokio::test(start_paused = true)]
async fn each_part_is_timed_and_the_step_told() {
    let lab = Lab::new();
    let mut network = lab.open();
    network.fetched(std::time::Duration::from_millis(12));
    told(&mut network, &lab.version(1, 2)).await;
    let outcome = told_outcome(&network);
    let timings = outcome.timings;
    assert_eq!((outcome.step, timings.fetched_ms), (Some(Step::Committed), Some(12)));
    let parts = [timings.verified_ms, timings.staged_ms, timings.measured_ms, timings.changed_ms, timings.proven_ms];
    assert!(parts.iter().all(Option::is_some) && timings.cleaned_ms.is_some(), "{timings:?}");
    assert_eq!(timings.undone_ms, None);

    network.heard("https://a.example");
    lab.server.says(std::iter::repeat_n(Say::Away, 1000));
    told(&mut network, &lab.version(2, 3)).await;
    let outcome = told_outcome(&network);
    assert_eq!(outcome.step, Some(Step::Proving));
    let timings = outcome.timings;
    assert_eq!((timings.fetched_ms, timings.cleaned_ms), (None, None), "of this version alone");
    assert!(timings.proven_ms.is_some_and(|ms| ms >= 30_000) && timings.undone_ms.is_some(), "{timings:?}");

    lab.kernel.state().fail = Some(("routes".to_owned(), 1));
    told(&mut network, &lab.version(3, 4)).await;
    assert_eq!(told_outcome(&network).step, Some(Step::Applying));
    let names: BTreeSet<_> = network.report().tunnels.into_iter().map(|tunnel| tunnel.interface).collect();
    assert_eq!(names.len(), 1);
}
