use std::sync::Mutex;

use super::*;
use crate::state::Orders;

/// Brings a version as a file, and waits for its end; gives it with the steps.
async fn bring(network: &mut Network, version: &Version) -> (Result<String, String>, Vec<String>) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let teller: Teller = {
        let steps = Arc::clone(&steps);
        Arc::new(move |line| steps.lock().unwrap().push(line))
    };
    let end = match network.bring((&version.archive, &version.desired.signatures[0]), teller).await {
        Brought::Ended(end) => end,
        Brought::UnderWay(what) => {
            assert_eq!(network.brought(what), None);
            proven(network).await;
            network.brought(what).unwrap()
        }
    };
    let steps = steps.lock().unwrap().clone();
    (end, steps)
}

#[tokio::test]
async fn a_file_is_applied_as_though_a_server_had_sent_it() {
    let lab = Lab::new();
    let mut network = lab.open();
    let (end, steps) = bring(&mut network, &lab.version(3, 2)).await;
    assert!(end.unwrap().starts_with("version 3 runs: 0 kept"));
    assert!(steps[0].starts_with("version 3 (") && steps[0].ends_with(") is verified"), "{steps:?}");
    let proves = "proves it, for at most 30 s: waits for the server";
    let rest = ["staged", "measures what works now", "changes", proves, "proven", "keeps it"];
    assert_eq!(steps[1..], rest.map(str::to_owned));
    assert_eq!(lab.kernel.tunnels()[0].2, 2);
    assert_eq!(network.report().highest_accepted, 3);
    let (end, steps) = bring(&mut network, &lab.version(3, 2)).await;
    assert_eq!((end.unwrap().as_str(), steps.len()), ("version 3 runs already", 0));
}

#[tokio::test]
async fn what_is_refused_of_a_server_is_refused_of_a_file() {
    let other = SigningKey::from_seed(&[8; 32], *b"signer-2");
    let lab = Lab::new();
    let mut network = lab.open();
    bring(&mut network, &lab.version(5, 2)).await.0.unwrap();
    let whole = lab.version(6, 3);
    let before = (lab.kernel.shape(), network.progress.outcome.clone());
    for (reason, version) in [
        ("is trusted here", lab.signed(6, 3, |_| {}, &other)),
        ("signed for site", lab.signed(6, 3, |statement| statement.site = crate::fakes::site(9), &lab.signer)),
        ("is older than 5", lab.version(4, 3)),
        ("signed one version twice", lab.version(5, 3)),
        ("which was announced", Version { archive: lab.version(6, 4).archive, ..whole.clone() }),
        ("the archive is refused", Version { archive: whole.archive[..100].to_vec(), ..whole.clone() }),
        ("the archive is refused", Version { archive: Vec::new(), ..whole.clone() }),
        ("its signature cannot be read", {
            let mut unsigned = whole.clone();
            unsigned.desired.signatures = vec!["hello".to_owned()];
            unsigned
        }),
    ] {
        let why = bring(&mut network, &version).await.0.unwrap_err();
        assert!(why.contains(reason), "{why}");
        assert_eq!((lab.kernel.shape(), network.progress.outcome.clone()), before, "a mistyped name is no outcome");
    }
    bring(&mut network, &whole).await.0.unwrap();
}

#[tokio::test]
async fn a_server_that_lags_behind_does_not_fight_a_file() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(3, 2)).await;
    bring(&mut network, &lab.version(5, 3)).await.0.unwrap();
    for mut network in [network, lab.open()] {
        network.told(state(Mode::Apply, &lab.version(3, 2)));
        assert_eq!(network.wants(), Todo::Nothing);
        network.told(state(Mode::Apply, &lab.version(4, 2)));
        assert_eq!(network.wants(), Todo::Nothing);
        assert_eq!(outcome(&network), (5, OutcomeKind::Applied, String::new()));
    }
    let mut network = lab.open();
    told(&mut network, &lab.version(6, 2)).await;
    assert_eq!(outcome(&network), (6, OutcomeKind::Applied, String::new()));
    network.told(state(Mode::Apply, &lab.version(5, 3)));
    assert!(matches!(network.wants(), Todo::Refuse(..)), "from then on it counts as ever");
}

#[tokio::test]
async fn whoever_acts_here_is_not_bound_by_hold_and_shadow() {
    for mode in [Mode::Hold, Mode::Shadow] {
        let lab = Lab::new();
        let mut network = lab.open();
        network.told(state(mode, &lab.version(1, 2)));
        bring(&mut network, &lab.version(2, 3)).await.0.unwrap();
        assert_eq!(lab.kernel.tunnels()[0].2, 3);
    }
}

#[test]
fn a_file_that_does_not_prove_itself_is_undone_and_says_why() {
    runtime().block_on(async {
        let mut lab = Lab::new();
        lab.server = lab.server.cut_off_by(&lab.kernel, 2);
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 2)).await;
        let before = lab.kernel.shape();
        let (end, steps) = bring(&mut network, &lab.version(2, 3)).await;
        let why = end.unwrap_err();
        assert!(why.starts_with("version 2 was undone") && why.contains("server unreachable for 30 s"), "{why}");
        assert_eq!(lab.kernel.shape(), before);
        assert!(steps.contains(&"proves it, for at most 30 s: waits for the server".to_owned()), "{steps:?}");
        assert!(steps.iter().any(|line| line.starts_with("undoes it: server unreachable")), "{steps:?}");
        let why = bring(&mut network, &lab.version(2, 3)).await.0.unwrap_err();
        assert!(why.contains("patronus-agent retry"), "{why}");
        let said = network.forgive().unwrap();
        assert!(said.starts_with("no longer marked bad here") && said.contains("version 2 ("), "{said}");
        assert_eq!(network.forgive().unwrap(), "nothing was marked bad here");
        assert!(bring(&mut network, &lab.version(2, 3)).await.0.unwrap_err().contains("server unreachable"));
    });
}

#[test]
fn a_server_that_went_away_unseen_is_not_waited_for() {
    runtime().block_on(async {
        let lab = Lab::new();
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 2)).await;
        network.heard("https://a.example");
        lab.server.says(std::iter::repeat_n(Say::Away, 1000));
        bring(&mut network, &lab.version(2, 3)).await.0.unwrap();
    });
}

#[test]
fn orders_that_cannot_be_read_are_said() {
    let lab = Lab::new();
    lab.home().save_orders(Orders { by_hand: Some(7), ..Orders::default() }).unwrap();
    assert_eq!(lab.open().orders.by_hand, Some(7));
    std::fs::write(lab.home().path().join("orders.json"), b"{").unwrap();
    let warnings = lab.open().warnings();
    assert!(warnings[0].contains("orders.json cannot be read"), "{warnings:?}");
}
