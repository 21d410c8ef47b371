use super::*;
use crate::state::Order;

fn quiet() -> Teller {
    Arc::new(drop)
}

/// Goes back, to the end of it.
async fn revert(network: &mut Network) -> Result<String, String> {
    match network.revert(quiet()).await {
        Brought::Ended(end) => end,
        Brought::UnderWay(what) => {
            proven(network).await;
            network.brought(what).unwrap()
        }
    }
}

/// A host that runs version 2 with three peers and ran version 1 with two.
async fn twice(lab: &Lab) -> Network {
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    told(&mut network, &lab.version(2, 3)).await;
    network
}

fn version(network: &Network) -> u64 {
    network.running.as_ref().unwrap().release.version
}

#[tokio::test]
async fn a_revert_goes_back_and_stays_until_something_newer_comes() {
    let (lab, first) = (Lab::new(), Lab::new());
    told(&mut first.open(), &first.version(1, 2)).await;
    let mut network = twice(&lab).await;
    let said = revert(&mut network).await.unwrap();
    assert!(said.starts_with("version 1 runs: ") && said.contains("patronus-agent resume"), "{said}");
    assert_eq!(lab.kernel.shape(), first.kernel.shape());
    for mut network in [network, lab.open()] {
        network.told(state(Mode::Apply, &lab.version(2, 3)));
        assert_eq!((network.wants(), version(&network)), (Todo::Nothing, 1));
        let report = network.report();
        assert_eq!((report.highest_accepted, report.halted.unwrap().left_version), (2, Some(2)));
        let again = revert(&mut network).await.unwrap();
        assert!(again.starts_with("version 1 runs already"), "twice is once: {again}");
    }
    let mut network = lab.open();
    told(&mut network, &lab.version(3, 4)).await;
    assert_eq!((version(&network), network.report().halted), (3, None));
}

#[tokio::test]
async fn whoever_went_back_may_go_on() {
    let lab = Lab::new();
    let mut network = twice(&lab).await;
    revert(&mut network).await.unwrap();
    let file = lab.version(2, 3);
    let brought = network.bring((&file.archive, &file.desired.signatures[0]), quiet()).await;
    assert!(matches!(brought, Brought::Ended(Err(why)) if why.contains("patronus-agent resume")));
    network.obey(Order::Resume).unwrap();
    let why = revert(&mut network).await.unwrap_err();
    assert!(why.contains("since version 2 was left") && version(&network) == 1, "back is not forward: {why}");
    told(&mut network, &lab.version(2, 3)).await;
    assert_eq!((version(&network), lab.open().report().halted), (2, None));
}

#[test]
fn going_back_needs_no_server() {
    runtime().block_on(async {
        let lab = Lab::new();
        let mut network = twice(&lab).await;
        network.heard("https://a.example");
        lab.server.says(std::iter::repeat_n(Say::Away, 1000));
        revert(&mut network).await.unwrap();
        assert_eq!(version(&network), 1);
    });
}

#[test]
fn going_back_has_to_prove_itself_too() {
    runtime().block_on(async {
        let mut lab = Lab::new();
        let open = lab.server.clone();
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 3)).await;
        told(&mut network, &lab.version(2, 2)).await;
        lab.server = open.cut_off_by(&lab.kernel, 2);
        let (mut network, before) = (lab.open(), lab.kernel.shape());
        let why = revert(&mut network).await.unwrap_err();
        assert!(why.contains("server unreachable for 30 s"), "{why}");
        assert_eq!((version(&network), lab.kernel.shape()), (2, before));
        assert_eq!(network.report().halted, None, "nothing was left");
    });
}

#[test]
fn a_change_that_has_yet_to_prove_itself_is_undone_at_once() {
    runtime().block_on(async {
        let mut lab = Lab::new();
        lab.server = lab.server.cut_off_by(&lab.kernel, 2);
        let mut network = lab.open();
        told(&mut network, &lab.version(1, 2)).await;
        let (before, next) = (lab.kernel.shape(), lab.version(2, 3));
        network.told(state(Mode::Apply, &next));
        assert_eq!(network.take(&next.desired, &next.archive).await, Retry::Proving);
        assert_ne!(lab.kernel.shape(), before);
        let said = revert(&mut network).await.unwrap();
        assert!(said.starts_with("version 1 runs again; version 2 is not applied again"), "{said}");
        assert_eq!((lab.kernel.shape(), network.is_changing()), (before, false));
        assert_eq!((outcome(&network).1, network.wants()), (OutcomeKind::Reverted, Todo::Nothing));
        assert!(lab.home().condemned().iter().next().is_none(), "that says nothing of the bundle");
        network.obey(Order::Resume).unwrap();
        assert_ne!(network.wants(), Todo::Nothing);
    });
}

#[tokio::test]
async fn what_cannot_be_gone_back_to_is_said() {
    let lab = Lab::new();
    let mut network = lab.open();
    assert!(revert(&mut network).await.unwrap_err().contains("nothing runs here"));
    told(&mut network, &lab.version(1, 2)).await;
    let before = lab.kernel.shape();
    assert!(revert(&mut network).await.unwrap_err().contains("what ran before version 1 is not on this disk"));
    told(&mut network, &lab.version(2, 3)).await;
    let previous = lab.home().path().join("previous/bundle.json");
    std::fs::write(previous, "{}").unwrap();
    assert!(revert(&mut network).await.unwrap_err().contains("bundle.json cannot be read"));
    assert_ne!(lab.kernel.shape(), before);
    assert_eq!(network.report().halted, None);
}

#[tokio::test]
async fn a_pause_outlives_the_agent_and_stops_only_the_server() {
    let lab = Lab::new();
    let mut network = lab.open();
    told(&mut network, &lab.version(1, 2)).await;
    network.obey(Order::Pause).unwrap();
    assert_eq!(network.obey(Order::Pause).unwrap(), "network net is paused here already");
    let mut network = lab.open();
    network.told(state(Mode::Apply, &lab.version(2, 3)));
    assert_eq!(network.wants(), Todo::Nothing);
    assert!(network.report().halted.unwrap().paused);
    let file = lab.version(3, 4);
    network.bring((&file.archive, &file.desired.signatures[0]), quiet()).await;
    proven(&mut network).await;
    assert_eq!(version(&network), 3, "whoever is here may all the same");
    assert!(network.report().halted.unwrap().paused);
    network.obey(Order::Resume).unwrap();
    told(&mut network, &lab.version(4, 2)).await;
    assert_eq!((version(&network), network.report().halted), (4, None));
}

#[test]
fn a_crash_anywhere_in_a_revert_ends_in_the_old_or_the_new_state() {
    let shape = |peers| {
        let lab = Lab::new();
        runtime().block_on(async { told(&mut lab.open(), &lab.version(1, peers)).await });
        lab.kernel.shape()
    };
    let (first, second) = (shape(2), shape(3));
    super::crash::crash_everywhere(
        |lab| drop(runtime().block_on(twice(lab))),
        |lab| drop(runtime().block_on(async { revert(&mut lab.open()).await })),
        |lab, place| {
            runtime().block_on(async {
                let mut network = lab.open();
                assert!(network.recover().await, "place {place}");
                let (wanted, held) = if version(&network) == 1 { (&first, true) } else { (&second, false) };
                assert_eq!(&lab.kernel.shape(), wanted, "place {place}");
                assert_eq!(network.report().halted.is_some(), held, "place {place}");
                network.told(state(Mode::Apply, &lab.version(2, 3)));
                assert_eq!(network.wants(), Todo::Nothing, "the server does not take it back, place {place}");
            });
        },
    );
}
