//! The replacing of sites' keys.

use std::collections::BTreeSet;

use patronus_types::api::agent::{OutcomeKind, Report};
use patronus_types::network::{Network, NetworkSpec};
use patronus_types::release::ReleaseKind;
use patronus_types::rotation::{OfferedKeys, Phase};
use patronus_types::site::Site;
use patronus_types::{PublicKey, SiteId};

use super::releases::release;
use super::reports::report;
use super::world::{World, at, key, name};
use crate::{Change, NewRelease, NewRotation, Result, RotationStep, SiteReport, StoreError};

fn of(site: &Site) -> NewRotation {
    NewRotation { site: site.id, without: BTreeSet::new(), by_age: false }
}

/// A network whose two sites run version 1.
async fn two_sites(world: &World) -> (Network, Vec<Site>) {
    let network = world.network("alpha").await;
    let mut sites = Vec::new();
    for site in ["ams", "fra"] {
        sites.push(world.enrolled(&world.site(network.id, site).await).await.site);
    }
    let network = world.network_now(network.id).await;
    world.store.create_release(&world.write(), release(&network, &sites, 1, b"mesh")).await.unwrap();
    (world.network_now(network.id).await, sites)
}

async fn step(world: &World, network: &Network, sites: &[Site], version: u64, step: RotationStep) -> Result<()> {
    let message = format!("step {version}");
    let kind = ReleaseKind::Rotation;
    let new = NewRelease { kind, message, rotation: Some(step), ..release(network, sites, version, b"mesh") };
    world.store.create_release(&world.later(60), new).await.map(drop)
}

async fn phase(world: &World, network: &Network) -> Option<(Phase, Option<u64>)> {
    let rotation = world.store.rotation(network.id).await.unwrap();
    rotation.map(|rotation| (rotation.phase, rotation.version))
}

/// What of the hook's changes concerns a site's new keys.
fn new_keys(changes: Vec<Change>) -> Vec<(SiteId, Option<u32>)> {
    let of = |change| if let Change::NewKeys { site, number } = change { Some((site, number)) } else { None };
    changes.into_iter().filter_map(of).collect()
}

pub async fn each_step_comes_with_its_release(world: &World) {
    let (network, sites) = two_sites(world).await;
    let (ams, old) = (&sites[0], sites[0].public_keys.clone());
    assert_eq!(ams.keys_since, Some(at(0)));
    world.changes();
    let begun = world.store.start_rotation(&world.later(30), of(ams)).await.unwrap();
    assert!(begun.started);
    assert_eq!((begun.rotation.phase, begun.rotation.number, begun.rotation.version), (Phase::Keys, 2, None));
    assert_eq!(new_keys(world.changes()), [(ams.id, Some(2))]);
    let again = world.store.start_rotation(&world.later(31), of(ams)).await.unwrap();
    assert_eq!((again.started, again.rotation), (false, begun.rotation));

    step(world, &network, &sites, 2, RotationStep::Spare).await.unwrap();
    assert_eq!(phase(world, &network).await, Some((Phase::Spare, Some(2))));
    let new: Vec<PublicKey> = (0..4).map(|_| key()).collect();
    assert_eq!(new_keys(world.changes()), [], "it may have to make them again");
    step(world, &network, &sites, 3, RotationStep::Rekey(new.clone())).await.unwrap();
    assert_eq!(new_keys(world.changes()), [(ams.id, None)], "it has them");
    let after = world.site_now(ams.id).await;
    assert_eq!((after.public_keys, after.keys_since), (new.clone(), Some(at(60))));
    assert!(after.version > ams.version, "who changes the site by what was read before is told");
    let steal = async |key| {
        let fra = world.site_now(sites[1].id).await;
        world.store.update_site(&world.write(), fra.id, fra.version, fra.spec, Some(key)).await
    };
    assert!(matches!(steal(old[0]).await, Err(StoreError::Exists(_))), "the old keys are its own to the end");
    step(world, &network, &sites, 4, RotationStep::Done).await.unwrap();
    assert_eq!(phase(world, &network).await, None);
    assert!(matches!(steal(new[3]).await, Err(StoreError::Exists(_))));
    steal(old[0]).await.unwrap();
    let kinds = world.event_kinds().await;
    let told: Vec<&str> = kinds.iter().map(String::as_str).filter(|kind| kind.starts_with("site.")).skip(4).collect();
    let expected = ["site.rotation-started", "site.rotation-advanced", "site.rotation-advanced", "site.keys-rotated"];
    assert_eq!(told[..4], expected);
    let next = world.store.start_rotation(&world.write(), of(ams)).await.unwrap();
    assert_eq!(next.rotation.number, 3);
    let released = world.network_now(network.id).await;
    assert_eq!(released.released_version, Some(4));
}

pub async fn a_step_out_of_turn_is_a_conflict(world: &World) {
    let (network, sites) = two_sites(world).await;
    let refused = |outcome| matches!(outcome, Err(StoreError::Conflict(_)));
    assert!(refused(step(world, &network, &sites, 2, RotationStep::Spare).await), "there is none");
    world.store.start_rotation(&world.write(), of(&sites[0])).await.unwrap();
    for wrong in [RotationStep::Rekey(vec![key()]), RotationStep::Done, RotationStep::Back, RotationStep::Cancelled] {
        assert!(refused(step(world, &network, &sites, 2, wrong).await));
    }
    assert_eq!(world.network_now(network.id).await.released_version, Some(1), "nor is there a release");
    step(world, &network, &sites, 2, RotationStep::Spare).await.unwrap();
    let foreign = RotationStep::Rekey(sites[1].public_keys.clone());
    assert!(matches!(step(world, &network, &sites, 3, foreign).await, Err(StoreError::Exists(_))));
    assert!(refused(step(world, &network, &sites, 3, RotationStep::Cancelled).await), "traffic has to move back first");
    step(world, &network, &sites, 3, RotationStep::Back).await.unwrap();
    assert_eq!(phase(world, &network).await, Some((Phase::Back, Some(3))));
    step(world, &network, &sites, 4, RotationStep::Cancelled).await.unwrap();
    assert_eq!(phase(world, &network).await, None);
    assert_eq!(world.site_now(sites[0].id).await.public_keys, sites[0].public_keys);
    assert_eq!(world.event_kinds().await.last().unwrap(), "site.rotation-cancelled");
}

pub async fn one_at_a_time_in_a_network(world: &World) {
    let (network, sites) = two_sites(world).await;
    let by_age = NewRotation { by_age: true, ..of(&sites[0]) };
    assert!(world.store.start_rotation(&world.write(), by_age.clone()).await.unwrap().rotation.by_age);
    let begun = world.store.start_rotation(&world.write(), of(&sites[1])).await.unwrap();
    assert!(begun.started, "an operator's request comes first");
    assert!(world.event_kinds().await.contains(&"site.rotation-cancelled".to_owned()));
    for late in [of(&sites[0]), by_age] {
        let Err(StoreError::Conflict(message)) = world.store.start_rotation(&world.write(), late).await else {
            panic!("two at once")
        };
        assert!(message.contains("`fra`"), "{message}");
    }
    let other = world.network("beta").await;
    let elsewhere = world.enrolled(&world.site(other.id, "ams").await).await.site;
    assert!(world.store.start_rotation(&world.write(), of(&elsewhere)).await.unwrap().started);

    let without = BTreeSet::from([sites[0].id]);
    let forced = world.store.go_on_without(&world.write(), network.id, without.clone()).await.unwrap();
    assert_eq!(forced.without, without);
    let event = world.events().await.pop().unwrap();
    assert_eq!(event.kind, "site.rotation-forced");
    assert!(event.message.ends_with("goes on without: ams"), "{}", event.message);
}

pub async fn what_changes_the_site_ends_it(world: &World) {
    let (network, sites) = two_sites(world).await;
    let ams = sites[0].id;
    let begin = async || {
        assert!(world.store.start_rotation(&world.write(), of(&world.site_now(ams).await)).await.unwrap().started);
        world.changes();
    };
    let ended = async |how: &str| {
        assert_eq!(new_keys(world.changes()), [(ams, None)], "{how}");
        assert_eq!(phase(world, &network).await, None, "{how}");
        let events = world.events().await;
        let event = events.iter().rev().find(|event| event.kind == "site.rotation-cancelled").unwrap();
        assert!(event.message.ends_with(how), "{}", event.message);
    };
    begin().await;
    world.enrolled(&world.site_now(ams).await).await;
    ended("another agent was enrolled").await;
    begin().await;
    world.store.leave(&world.write(), ams).await.unwrap();
    ended("its agent left").await;
    begin().await;
    let now = world.site_now(ams).await;
    world.store.update_site(&world.write(), ams, now.version, now.spec, Some(key())).await.unwrap();
    ended("it was given another key by hand").await;
    begin().await;
    let now = world.site_now(ams).await;
    world.store.delete_site(&world.write(), ams, now.version).await.unwrap();
    ended("it is deleted").await;
}

pub async fn one_without_a_release_can_be_given_up(world: &World) {
    let (network, sites) = two_sites(world).await;
    let give_up = async || world.store.cancel_rotation(&world.write(), sites[0].id).await;
    assert!(matches!(give_up().await, Err(StoreError::Conflict(_))), "there is none");
    world.store.start_rotation(&world.write(), of(&sites[1])).await.unwrap();
    assert!(matches!(give_up().await, Err(StoreError::Conflict(_))), "it is another site's");
    world.store.cancel_rotation(&world.write(), sites[1].id).await.unwrap();
    assert_eq!(phase(world, &network).await, None);
    world.store.start_rotation(&world.write(), of(&sites[0])).await.unwrap();
    step(world, &network, &sites, 2, RotationStep::Spare).await.unwrap();
    assert!(matches!(give_up().await, Err(StoreError::Conflict(_))), "that takes a release");
}

pub async fn what_agents_tell_is_known_to_who_decides(world: &World) {
    let (network, sites) = two_sites(world).await;
    let ams = sites[0].id;
    let keys = async || {
        let input = world.store.compile_input(world.tenant, network.id).await.unwrap();
        input.sites.into_iter().find(|site| site.id == ams).unwrap().keys
    };
    let first = keys().await;
    assert_eq!((first.number, first.since, first.spare, first.offered), (1, Some(at(0)), None, None));
    assert!(first.enrolled && first.released);
    let offered = OfferedKeys { number: 2, public_keys: (0..4).map(|_| key()).collect() };
    let spare = key();
    let told = Report {
        spare_key: Some(spare),
        offered_keys: Some(offered.clone()),
        waits_for: vec![name("fra")],
        ..report(1, 1, OutcomeKind::Applied)
    };
    world.changes();
    world.store.report(&world.later(9), SiteReport { site: ams, report: told.clone() }).await.unwrap();
    assert!(!world.changes().iter().any(|change| matches!(change, Change::Rotations)), "nobody waits");
    let after = keys().await;
    assert_eq!((after.spare, after.offered, after.waits_for), (Some(spare), Some(offered), vec![name("fra")]));
    assert_eq!((after.running_version, after.last_seen_at), (Some(1), Some(at(9))));
    world.store.start_rotation(&world.write(), of(&sites[1])).await.unwrap();
    world.changes();
    world.store.report(&world.later(10), SiteReport { site: ams, report: Report { seq: 2, ..told } }).await.unwrap();
    assert!(world.changes().iter().any(|change| matches!(change, Change::Rotations)));
    for taken in [sites[0].public_keys[0], spare] {
        let theirs = Report { spare_key: Some(taken), ..report(1, 1, OutcomeKind::Applied) };
        let refused = world.store.report(&world.later(10), SiteReport { site: sites[1].id, report: theirs }).await;
        assert!(matches!(&refused, Err(StoreError::Exists(why)) if why.contains("`ams`")), "{refused:?}");
    }
    world.store.leave(&world.write(), ams).await.unwrap();
    let left = keys().await;
    assert_eq!((left.enrolled, left.spare, left.offered), (false, None, None));
}

pub async fn networks_with_something_to_do_are_listed(world: &World) {
    let listed = async || {
        let duties = world.store.rotation_duties().await.unwrap();
        duties.into_iter().map(|duty| duty.network).collect::<BTreeSet<_>>()
    };
    let (network, sites) = two_sites(world).await;
    assert!(listed().await.is_empty());
    let aging = NetworkSpec { rotate_keys_days: Some(90), ..NetworkSpec::named(name("aging")) };
    let aging = world.network_of(aging).await.unwrap();
    assert_eq!(listed().await, BTreeSet::from([aging.id]));
    world.store.start_rotation(&world.write(), of(&sites[0])).await.unwrap();
    assert_eq!(listed().await, BTreeSet::from([aging.id, network.id]));
}

pub async fn keys_that_an_agent_has_are_taken_over_on_request_only(world: &World) {
    let (network, sites) = two_sites(world).await;
    let (ams, known) = (sites[0].id, sites[0].public_keys.clone());
    let ours = async || {
        let input = world.store.compile_input(world.tenant, network.id).await.unwrap();
        input.sites.into_iter().find(|site| site.id == ams).unwrap()
    };
    let tell = async |seq, keys: &[PublicKey]| {
        let told = Report { seq, public_keys: keys.to_vec(), ..report(1, 1, OutcomeKind::Applied) };
        world.store.report(&world.later(9), SiteReport { site: ams, report: told }).await.unwrap();
    };
    tell(1, &known).await;
    assert_eq!(ours().await.other_keys(), None);
    let has: Vec<PublicKey> = (0..4).map(|_| key()).collect();
    tell(2, &has).await;
    assert_eq!(ours().await.other_keys(), Some(has.as_slice()));
    let by_age = NewRotation { by_age: true, ..of(&sites[0]) };
    world.store.start_rotation(&world.write(), by_age).await.unwrap();
    assert_eq!(ours().await.public_keys, known, "nobody asked for it");
    let begun = world.store.start_rotation(&world.write(), of(&sites[0])).await.unwrap();
    assert!(!begun.started);
    let after = ours().await;
    assert_eq!((&after.public_keys, after.other_keys(), after.keys.number), (&has, None, 1));
    assert!(world.network_now(network.id).await.dirty, "the newest release names those that were known");
    // Nobody else's: what a site reports does not make it somebody else.
    tell(3, &sites[1].public_keys).await;
    let refused = world.store.start_rotation(&world.write(), of(&sites[0])).await;
    assert!(matches!(&refused, Err(StoreError::Exists(why)) if why.contains("`fra`")), "{refused:?}");
    assert_eq!(ours().await.public_keys, has);
}
