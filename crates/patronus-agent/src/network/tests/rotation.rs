//! A site's keys are replaced: what its agent does in each of the three releases.

use super::*;

fn carriers(lab: &Lab) -> Vec<String> {
    lab.kernel.carriers().into_iter().collect()
}

/// Now, by the lab's clock.
fn now(lab: &Lab) -> Option<patronus_types::Timestamp> {
    Some(lab.world().clock.now())
}

#[tokio::test]
async fn keys_are_replaced_in_three_releases_and_traffic_moves_only_to_sessions() {
    let lab = Lab::new();
    let mut network = lab.open();
    network.recover().await;
    told(&mut network, &lab.version(1, 2)).await;
    lab.kernel.handshake(now(&lab));
    let old = lab.identity().keys.public();

    network.told(State { new_keys: Some(2), ..state(Mode::Apply, &lab.version(1, 2)) });
    let report = network.report();
    let (spare, new) = (report.spare_key.unwrap(), report.offered_keys.unwrap().public_keys);
    assert!(new != old && report.waits_for.is_empty());
    assert_eq!(lab.home().identity().unwrap(), *network.identity(), "on the disk before anybody hears of it");

    told(&mut network, &lab.rotating(2, true, (&old, spare))).await;
    assert_eq!(carriers(&lab), ["pt000"], "no session on the spare one yet");
    assert_eq!(network.report().waits_for.len(), 2);
    lab.kernel.handshake_on("pt0s", now(&lab));
    network.heal(false).await.unwrap();
    assert_eq!((carriers(&lab), network.report().waits_for.len()), (vec!["pt0s".to_owned()], 0));

    told(&mut network, &lab.rotating(3, false, (&new, spare))).await;
    assert_eq!(network.identity().keys.public(), new);
    assert!(network.identity().private(old[0]).is_some(), "what ran before may come back");
    let waits = network.report().waits_for.len();
    assert_eq!((carriers(&lab), waits), (vec!["pt0s".to_owned()], 2), "the sessions of the old key are over");
    let pause = std::time::Duration::from_secs(1);
    lab.kernel.handshake_on("pt000", now(&lab).map(|at| at + pause));
    network.heal(false).await.unwrap();
    assert_eq!((carriers(&lab), network.report().waits_for.len()), (vec!["pt000".to_owned()], 0));

    told(&mut network, &lab.re_keyed(4, &new)).await;
    let left: Vec<String> = lab.kernel.tunnels().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(left, ["pt000"]);
    told(&mut network, &lab.version(5, 2)).await;
    assert_eq!(outcome(&network).1, OutcomeKind::Refused, "the old keys are nobody's: {:?}", outcome(&network));
}

#[tokio::test]
async fn a_crash_between_keeping_a_bundle_and_its_keys_loses_none() {
    let lab = Lab::new();
    let mut network = lab.open();
    network.recover().await;
    network.told(State { new_keys: Some(2), ..state(Mode::Apply, &lab.version(1, 2)) });
    let report = network.report();
    let (spare, new) = (report.spare_key.unwrap(), report.offered_keys.unwrap().public_keys);
    let before = network.identity().clone();
    told(&mut network, &lab.rotating(1, false, (&new, spare))).await;
    assert_eq!(network.identity().keys.public(), new);
    drop(network);
    // The power fails before the keys' last write.
    lab.home().save_identity(&before).unwrap();
    let mut network = lab.open();
    assert!(network.recover().await);
    assert_eq!(network.identity().keys.public(), new);
    assert_eq!(lab.home().identity().unwrap(), *network.identity());
}

/// The site in the middle of a rotation, with a session on each tunnel: in its second release, or its third one.
async fn rotating(lab: &Lab, re_keyed: bool) -> Network {
    let mut network = lab.open();
    network.recover().await;
    told(&mut network, &lab.version(1, 2)).await;
    let soon = || now(lab).map(|at| at + std::time::Duration::from_secs(1));
    lab.kernel.handshake(soon());
    network.told(State { new_keys: Some(2), ..state(Mode::Apply, &lab.version(1, 2)) });
    let report = network.report();
    let (spare, new) = (report.spare_key.unwrap(), report.offered_keys.unwrap().public_keys);
    told(&mut network, &lab.rotating(2, true, (&lab.identity().keys.public(), spare))).await;
    lab.kernel.handshake_on("pt0s", now(lab));
    network.heal(false).await.unwrap();
    if re_keyed {
        told(&mut network, &lab.rotating(3, false, (&new, spare))).await;
        lab.kernel.handshake_on("pt000", soon());
        network.heal(false).await.unwrap();
    }
    network
}

#[test]
fn who_goes_back_has_both_ends_leave_what_ends_first() {
    for (re_keyed, from, to) in [(false, "pt0s", "pt000"), (true, "pt000", "pt0s")] {
        runtime().block_on(async {
            let lab = Lab::new();
            let mut network = rotating(&lab, re_keyed).await;
            assert_eq!((carriers(&lab), lab.echo.left()), (vec![from.to_owned()], vec![]));
            let before = lab.kernel.tunnels();
            let Brought::UnderWay(_) = network.revert(Arc::new(drop)).await else { panic!("it is over at once") };
            assert_eq!((carriers(&lab), lab.echo.left()), (vec![to.to_owned()], vec![from.to_owned()]));
            network.heal(false).await.unwrap();
            assert_eq!(
                (carriers(&lab), lab.kernel.tunnels()),
                (vec![to.to_owned()], before),
                "what ends is there still"
            );
            proven(&mut network).await;
            let version = network.running.as_ref().unwrap().release.version;
            assert_eq!((carriers(&lab), version), (vec![to.to_owned()], if re_keyed { 2 } else { 1 }));
            assert_eq!(lab.kernel.tunnels().len(), if re_keyed { 2 } else { 1 });
        });
    }
}

#[tokio::test]
async fn a_rotation_keeps_the_spare_key_with_which_it_began() {
    let lab = Lab::new();
    let mut network = rotating(&lab, true).await;
    let (first, keys) = (network.report().spare_key.unwrap(), network.identity().keys.public());
    told(&mut network, &lab.re_keyed(4, &keys)).await;
    let second = network.report().spare_key.unwrap();
    assert_ne!(second, first, "each use has another");
    told(&mut network, &lab.rotating(5, true, (&keys, first))).await;
    assert_eq!((network.report().spare_key, network.report().running.unwrap().version), (Some(first), 5));
    told(&mut network, &lab.re_keyed(6, &keys)).await;
    assert_eq!(network.report().spare_key, Some(second));
}
