mod by_hand;
mod crash;
mod orders;
mod proof;
mod rotation;

use patronus_core::signature::SigningKey;
use patronus_types::Digest;
use patronus_types::api::agent::{Desired, Mode, OutcomeKind};

use super::*;
use crate::effects::model::{PrivateKey, Route, Via};
use crate::fakes::{Lab, Say, Version, proven, state};
use crate::state::KeyPairs;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// What the agent does when the server names a version: no server is needed for that.
async fn told(network: &mut Network, version: &Version) -> Retry {
    network.told(state(Mode::Apply, version));
    let retry = match network.wants() {
        Todo::Nothing => Retry::No,
        Todo::Refuse(desired, reason) => {
            network.refuse(&desired, reason);
            Retry::No
        }
        Todo::Adopt(desired) => network.adopt(&desired).await,
        Todo::Fetch(desired) => network.take(&desired, &version.archive).await,
    };
    proven(network).await.unwrap_or(retry)
}

fn outcome(network: &Network) -> (u64, OutcomeKind, String) {
    let outcome = network.progress.outcome.clone().unwrap();
    (outcome.version, outcome.result, outcome.reason.unwrap_or_default())
}

#[tokio::test]
async fn a_version_is_applied_and_the_next_changes_only_what_differs() {
    let lab = Lab::new();
    let mut network = lab.open();
    assert!(network.recover().await);
    assert_eq!(lab.kernel.tunnels(), []);
    told(&mut network, &lab.version(1, 2)).await;
    assert_eq!(outcome(&network), (1, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.kernel.tunnels(), [("pt000".to_owned(), 1, 2)]);
    told(&mut network, &lab.version(2, 3)).await;
    let steps = network.progress.outcome.clone().unwrap().steps;
    assert_eq!((steps.restarted, steps.created, steps.removed), (0, 1, 0), "{steps:?}");
    assert_eq!(lab.kernel.tunnels(), [("pt000".to_owned(), 1, 3)], "the same interface");
    assert_eq!(network.report().highest_accepted, 2);
}

#[tokio::test]
async fn a_later_version_of_what_runs_is_recorded_and_nothing_is_done() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    let before = lab.kernel.state().log.len();
    told(&mut network, &lab.version(2, 2)).await;
    assert_eq!(outcome(&network), (2, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.kernel.state().log.len(), before);
    assert_eq!(lab.open().running.unwrap().release.version, 2, "on the disk as well");
}

#[tokio::test]
async fn going_back_needs_no_download() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    told(&mut network, &lab.version(2, 3)).await;
    network.told(state(Mode::Apply, &lab.version(3, 2)));
    assert!(matches!(network.wants(), Todo::Adopt(_)));
    told(&mut network, &Version { archive: Vec::new(), ..lab.version(3, 2) }).await;
    assert_eq!(outcome(&network), (3, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.kernel.tunnels()[0].2, 2);
}

#[tokio::test]
async fn what_is_not_signed_for_this_site_is_refused_with_its_reason() {
    let other = SigningKey::from_seed(&[8; 32], *b"signer-2");
    let same_id = SigningKey::from_seed(&[8; 32], *b"signer-1");
    let lab = Lab::new();
    let refused: [(&str, Version); 8] = [
        ("is trusted here", lab.signed(6, 3, |_| {}, &other)),
        ("does not fit the content", lab.signed(6, 3, |_| {}, &same_id)),
        ("signed for site `site-1`, and this is `site-0`", lab.of_another(6)),
        ("signed for site", lab.signed(6, 3, |statement| statement.site = crate::fakes::site(9), &lab.signer)),
        (
            "signed for network",
            lab.signed(6, 3, |statement| statement.network = patronus_types::NetworkId::new(9, &[0; 10]), &lab.signer),
        ),
        ("the signature says 7", lab.signed(6, 3, |statement| statement.version = 7, &lab.signer)),
        ("is older than 5", lab.version(4, 3)),
        ("more than 10,000 above 5", lab.version(10_006, 3)),
    ];
    for (reason, version) in refused {
        let lab = Lab::new();
        let mut network = lab.open();
        told(&mut network, &lab.version(5, 2)).await;
        let before = lab.kernel.shape();
        told(&mut network, &version).await;
        let (_, kind, why) = outcome(&network);
        assert_eq!(kind, OutcomeKind::Refused);
        assert!(why.contains(reason), "{why}");
        assert_eq!(lab.kernel.shape(), before);
        assert_eq!(lab.open().running.unwrap().release.version, 5);
        assert_eq!(network.wants(), Todo::Nothing, "it is refused once");
    }
}

#[tokio::test]
async fn one_version_with_two_contents_is_refused() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(5, 2)).await;
    told(&mut network, &lab.version(5, 3)).await;
    assert!(outcome(&network).2.contains("signed one version twice"), "{:?}", outcome(&network));
}

#[tokio::test]
async fn a_damaged_archive_is_refused_and_fetched_again() {
    let lab = Lab::new();
    let whole = lab.version(1, 2);
    for length in (0..whole.archive.len()).step_by(37) {
        let mut network = lab.open();
        let cut = Version { archive: whole.archive[..length].to_vec(), ..whole.clone() };
        assert_eq!(told(&mut network, &cut).await, Retry::Fetch);
        assert_eq!(outcome(&network).1, OutcomeKind::Refused);
        assert!(matches!(network.wants(), Todo::Fetch(_)));
        assert_eq!(lab.kernel.tunnels(), []);
    }
    let another = Version { archive: lab.version(1, 3).archive, ..whole };
    assert_eq!(told(&mut lab.open(), &another).await, Retry::Fetch);
}

#[tokio::test]
async fn hold_and_shadow_change_nothing() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    let before = lab.kernel.shape();
    network.told(state(Mode::Hold, &lab.version(2, 3)));
    assert_eq!(network.wants(), Todo::Nothing);
    let version = lab.version(2, 3);
    network.told(state(Mode::Shadow, &version));
    assert_eq!(network.wants(), Todo::Fetch(version.desired.clone()));
    network.take(&version.desired, &version.archive).await;
    let shadow = network.report().shadow.unwrap();
    assert_eq!((shadow.version, shadow.steps.created, shadow.refusal), (2, 1, None));
    assert!(shadow.plan.iter().any(|line| line.starts_with("create site-3 on pt000")), "{:?}", shadow.plan);
    assert_eq!(lab.kernel.shape(), before);
    assert_eq!(network.wants(), Todo::Nothing);
    told(&mut network, &version).await;
    assert_eq!(outcome(&network), (2, OutcomeKind::Applied, String::new()), "once it may");
    assert_eq!(network.report().shadow, None);
}

#[tokio::test]
async fn a_step_that_fails_takes_the_host_back() {
    for step in ["wireguard", "routes", "create", "address", "firewall"] {
        let lab = Lab::new();
        let mut network = lab.open();
        let running = lab.version(1, 2);
        if step != "create" && step != "address" && step != "firewall" {
            told(&mut network, &running).await;
        }
        let before = lab.kernel.shape();
        lab.kernel.state().fail = Some((step.to_owned(), 1));
        assert_eq!(told(&mut network, &lab.version(2, 3)).await, Retry::Later, "{step}");
        let (version, kind, why) = outcome(&network);
        assert_eq!((version, kind), (2, OutcomeKind::Failed));
        assert!(why.contains("refused by a test"), "{why}");
        assert_eq!(lab.kernel.shape(), before, "{step}");
        assert_eq!(lab.home().journal().unwrap(), None);
        assert_eq!(told(&mut network, &lab.version(2, 3)).await, Retry::No, "and it is tried again");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_before_anything_is_touched() {
    let lab = Lab { host: crate::fakes::FakeHost { ports: &[51_820], ..Default::default() }, ..Lab::new() };
    let mut network = lab.open();
    assert_eq!(told(&mut network, &lab.version(1, 2)).await, Retry::Later);
    let why = outcome(&network).2;
    assert!(why.contains("UDP port 51820") && why.contains("dnsmasq (pid 7)"), "{why}");
    assert_eq!(lab.kernel.state().log, Vec::<String>::new());
}

#[tokio::test]
async fn what_drifts_is_brought_back() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    let before = lab.kernel.shape();
    lab.kernel.delete("pt000");
    assert_ne!(lab.kernel.shape(), before);
    network.heal(false).await.unwrap();
    assert_eq!(lab.kernel.shape(), before);
}

#[tokio::test]
async fn a_damaged_bundle_on_the_disk_is_fetched_again() {
    let lab = Lab::new();
    told(&mut lab.open(), &lab.version(1, 2)).await;
    let content = lab.home().path().join("current/bundle.json");
    std::fs::write(&content, b"{}").unwrap();
    let mut network = lab.open();
    network.told(state(Mode::Apply, &lab.version(1, 2)));
    assert!(matches!(network.wants(), Todo::Fetch(_)));
    assert!(network.warnings()[0].contains("fetched again"));
    let before = lab.kernel.tunnels();
    network.recover().await;
    assert_eq!(lab.kernel.tunnels(), before, "tunnels stay");
    told(&mut network, &lab.version(1, 2)).await;
    assert_eq!(network.warnings(), Vec::<String>::new());
    assert_eq!(lab.kernel.tunnels(), before);
}

#[tokio::test]
async fn sessions_are_begun_by_one_side() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 4)).await;
    let ours = lab.identity().keys.public()[0];
    let running = network.running.clone().unwrap();
    let lower = running.content.peers.iter().filter(|peer| ours < peer.uplinks[0].public_key).count();
    let sent = || std::mem::take(&mut *lab.host.sent.lock().unwrap()).len();
    assert_eq!(sent(), 0, "the far ends may not be ready in this moment");
    network.pulse(true);
    assert_eq!(sent(), lower);
    network.heal(true).await.unwrap();
    assert_eq!(sent(), 4, "the others have not begun: this side does");
    lab.kernel.handshake(Some("2026-11-20T23:59:00Z".parse().unwrap()));
    network.heal(true).await.unwrap();
    assert_eq!(sent(), 0);
    assert_eq!(network.report().tunnels[0].peers_alive, 4);
    network.pulse(false);
    assert_eq!(sent(), 4, "so that whoever began a session renews it");
}

#[tokio::test]
async fn leaving_takes_everything_and_only_that() {
    let lab = Lab::new();
    let mut network = lab.open();
    let foreign = ipnet::IpNet::new("10.77.0.0".parse().unwrap(), 16).unwrap();
    let route = crate::effects::model::Route::unreachable(254, foreign, 9999);
    use crate::effects::Device as _;
    lab.kernel.change_routes(&[crate::effects::model::RouteChange::Add(route)]).await.unwrap();
    let before = lab.kernel.shape();
    told(&mut network, &lab.version(1, 2)).await;
    told(&mut network, &lab.version(2, 3)).await;
    crate::leave::leave(&mut network).await.unwrap();
    assert_eq!(lab.kernel.shape(), before);
    assert!(lab.state().entries().unwrap().is_empty());
}

#[test]
fn a_full_disk_changes_nothing() {
    // A folder in the place of the file is what a test can do to a disk without privileges.
    let lab = Lab::new();
    runtime().block_on(async {
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 2)).await;
        let before = lab.kernel.shape();
        let journal = lab.home().path().join("apply.json");
        std::fs::create_dir_all(journal.join("x")).unwrap();
        assert_eq!(told(&mut network, &lab.version(2, 3)).await, Retry::Later);
        assert_eq!(outcome(&network).1, OutcomeKind::Failed);
        assert_eq!(lab.kernel.shape(), before);
        std::fs::remove_dir_all(journal).unwrap();
        assert_eq!(told(&mut network, &lab.version(2, 3)).await, Retry::No);
    });
}

#[tokio::test]
async fn nothing_published_is_nothing_to_do() {
    let lab = Lab::new();
    let mut network = lab.open();
    network.told(State { mode: Mode::Apply, poll_interval_s: 5, desired: None, new_keys: None });
    assert_eq!(network.wants(), Todo::Nothing);
    let unsigned = Desired { version: 1, digest: Digest([0; 32]), size: 1, signatures: Vec::new() };
    network.told(State { mode: Mode::Apply, poll_interval_s: 5, desired: Some(unsigned), new_keys: None });
    assert!(matches!(network.wants(), Todo::Refuse(_, why) if why.contains("the server sent none")));
}

#[tokio::test]
async fn tunnels_come_up_without_the_file_of_accepted_versions_and_nothing_older_is_taken() {
    for damage in ["missing", "", "{", "[]", "folder"] {
        let lab = Lab::new();
        let mut network = lab.open();
        told(&mut network, &lab.version(5, 2)).await;
        told(&mut network, &lab.version(7, 3)).await;
        let path = lab.home().path().join("versions.json");
        std::fs::remove_file(&path).unwrap();
        match damage {
            "missing" => {}
            "folder" => std::fs::create_dir(&path).unwrap(),
            text => std::fs::write(&path, text).unwrap(),
        }
        lab.kernel.delete("pt000");
        let mut network = lab.open();
        assert!(network.recover().await);
        assert_eq!(lab.kernel.tunnels()[0].2, 3, "{damage:?}");
        assert!(network.warnings()[0].contains("versions.json"), "{:?}", network.warnings());
        told(&mut network, &lab.version(6, 2)).await;
        assert!(outcome(&network).2.contains("is older than 7"), "{:?}", outcome(&network));
        assert_eq!(lab.home().versions().unwrap().unwrap().highest(), 7, "the file is whole again");
        told(&mut network, &lab.version(8, 2)).await;
        assert_eq!((outcome(&network).1, network.warnings()), (OutcomeKind::Applied, Vec::new()));
    }
}

#[tokio::test]
async fn a_host_that_does_not_forward_is_told_as_long_as_it_does_not() {
    let mut lab = Lab::new();
    lab.host.forwards_nothing = true;
    let mut network = lab.open();
    assert!(network.warnings().is_empty(), "nothing runs yet");
    told(&mut network, &lab.version(1, 2)).await;
    assert_eq!(outcome(&network).1, OutcomeKind::Applied);
    let told = network.report().warnings;
    assert!(told.len() == 1 && told[0].contains("sysctl -w net.ipv4.ip_forward=1"), "{told:?}");
    assert_eq!(network.status(true).await.warnings, told);
    lab.host.forwards_nothing = false;
    assert!(lab.open().warnings().is_empty());
}

/// Another network of this host that runs the same as the first.
fn twin(lab: &Lab) {
    let twin = lab.state().home(patronus_types::NetworkId::new(2, &[0; 10]));
    let copied = std::process::Command::new("cp").arg("-a").args([lab.home().path(), twin.path()]).status();
    assert!(copied.unwrap().success());
}

#[tokio::test]
async fn another_network_of_the_host_with_the_same_addresses_is_named() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    assert!(network.warnings().is_empty());
    twin(&lab);
    network.heal(false).await.unwrap();
    let warnings = network.warnings();
    assert!(warnings.len() == 1 && warnings[0].starts_with("network net, in which this host is too, "), "{warnings:?}");
    assert!(warnings[0].contains("10.1.0.0/16"), "{warnings:?}");
    // What has not been applied yet cannot be, and no other program is blamed.
    let way = Via { device: "pt100".to_owned(), gateway: None, source: None };
    lab.kernel.add_route(Route::via(Route::MAIN, "10.3.0.0/16".parse().unwrap(), 0, way));
    told(&mut network, &lab.version(2, 3)).await;
    let (_, result, reason) = outcome(&network);
    assert_eq!(result, OutcomeKind::Failed);
    assert!(reason.starts_with("network net, in which this host is too, "), "{reason}");
    std::fs::remove_dir_all(lab.state().home(patronus_types::NetworkId::new(2, &[0; 10])).path()).unwrap();
    network.heal(false).await.unwrap();
    assert!(network.warnings().is_empty(), "{:?}", network.warnings());
}

#[tokio::test]
async fn a_version_from_before_the_site_was_enrolled_again_says_to_publish() {
    let lab = Lab::new();
    let path = lab.home().path().join("identity.json");
    let mut identity = lab.identity();
    identity.keys = KeyPairs::new((11..=14).map(|byte| PrivateKey::new([byte; 32])).collect());
    std::fs::write(&path, serde_json::to_vec(&identity).unwrap()).unwrap();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    let (_, result, reason) = outcome(&network);
    assert_eq!(result, OutcomeKind::Refused);
    assert!(reason.contains("patronusctl bundle publish --network net") && !reason.contains("enrol the"), "{reason}");
}

#[tokio::test]
async fn policies_that_cannot_be_enforced_are_refused_and_not_left_out() {
    for reason in ["`nft` was not found: install nftables", "the kernel has no nf_tables"] {
        let lab = Lab::new();
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 2)).await;
        let before = lab.kernel.shape();
        lab.kernel.state().no_nft = Some(reason.to_owned());
        told(
            &mut network,
            &lab.with_policies(2, r#"[{"name": "a", "priority": 1, "match_criteria": {}, "action": "drop"}]"#),
        )
        .await;
        let (version, kind, why) = outcome(&network);
        assert_eq!((version, kind), (2, OutcomeKind::Failed), "{why}");
        assert!(why.contains("cannot enforce them") && why.contains(reason), "{why}");
        assert_eq!((lab.kernel.shape(), network.running_content().policies.len()), (before, 0));
        told(&mut network, &lab.version(3, 3)).await;
        assert_eq!(outcome(&network).1, OutcomeKind::Applied, "what has none goes on");
    }
}

#[tokio::test]
async fn what_policies_need_comes_and_goes_with_them() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    let before = lab.kernel.shape();
    let lte =
        r#"[{"name": "a", "priority": 1, "match_criteria": {}, "action": "route", "route": {"prefer": ["lte"]}}]"#;
    told(&mut network, &lab.with_policies(2, lte)).await;
    assert_eq!(outcome(&network).1, OutcomeKind::Applied);
    assert_eq!(lab.kernel.carriers_of(1), ["pt000".to_owned()].into());
    assert!(lab.kernel.shape().contains("chain class_1"), "{}", lab.kernel.shape());
    told(&mut network, &lab.version(3, 2)).await;
    assert_eq!((outcome(&network).1, lab.kernel.shape()), (OutcomeKind::Applied, before));
}
