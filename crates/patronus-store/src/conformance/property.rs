//! Whatever is done in whatever order, what must hold holds.

use std::collections::BTreeSet;

use patronus_types::network::NetworkSpec;
use patronus_types::site::Site;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use super::releases::release;
use super::world::{World, at, dry, enrolment, keyed, name, page};
use crate::{SiteFilter, StoreError, Write};

const RUNS: usize = 12;
const OPERATIONS: usize = 40;

/// One step; the numbers choose among what is there.
#[derive(Debug, Clone)]
enum Step {
    Network(u8),
    Site(u8, u8),
    Rename(u8, u8, bool),
    Delete(u8, bool),
    Enrol(u8),
    Leave(u8),
    Release(u8),
    DeleteNetwork(u8),
    Wait(u8),
}

fn step() -> impl Strategy<Value = (Step, u8)> {
    let step = prop_oneof![
        2 => (0..3u8).prop_map(Step::Network),
        6 => (any::<u8>(), 0..12u8).prop_map(|(network, site)| Step::Site(network, site)),
        3 => (any::<u8>(), 0..12u8, any::<bool>()).prop_map(|(site, name, stale)| Step::Rename(site, name, stale)),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(site, stale)| Step::Delete(site, stale)),
        4 => any::<u8>().prop_map(Step::Enrol),
        1 => any::<u8>().prop_map(Step::Leave),
        3 => any::<u8>().prop_map(Step::Release),
        1 => any::<u8>().prop_map(Step::DeleteNetwork),
        1 => (0..40u8).prop_map(Step::Wait),
    ];
    (step, 0..4u8)
}

pub async fn any_order_of_operations_keeps_the_invariants(world: &World) {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let (mut hours, mut done) = (0, 0);
    for _ in 0..RUNS {
        let steps = proptest::collection::vec(step(), OPERATIONS).new_tree(&mut runner).unwrap().current();
        for (index, (step, mode)) in steps.iter().enumerate() {
            if let Step::Wait(more) = step {
                hours += i64::from(*more);
            }
            let write = world.later(hours * 3600);
            let write = match mode {
                0 => dry(&write),
                1 => keyed(&write, &format!("{hours}-{}", index / 4), 1),
                _ => write,
            };
            match take(world, &write, step).await {
                Ok(()) => done += 1,
                // Refusals are part of the game, trouble is not.
                Err(StoreError::Database(text) | StoreError::Damaged(text)) => panic!("{step:?}: {text}"),
                Err(error) => assert!(!matches!(error, StoreError::Full | StoreError::Closed), "{error}"),
            }
        }
        check(world).await;
    }
    assert!(done > RUNS * OPERATIONS / 3, "only {done} steps did anything");
}

async fn take(world: &World, write: &Write, step: &Step) -> crate::Result<()> {
    let store = &world.store;
    let networks = store.networks(world.tenant, page(100, None)).await?.items;
    let sites = store.sites(world.tenant, SiteFilter::default(), page(1000, None), write.now).await?.items;
    let network = |choice: &u8| networks.get(usize::from(*choice) % networks.len().max(1));
    let site = |choice: &u8| sites.get(usize::from(*choice) % sites.len().max(1));
    match step {
        Step::Network(number) => {
            let range = format!("10.{number}.0.0/29").parse().unwrap();
            let spec = NetworkSpec { range, ..NetworkSpec::named(name(&format!("n{number}"))) };
            let new = crate::NewNetwork { id: super::world::network_id(), spec };
            store.create_network(write, new).await.map(drop)
        }
        Step::Site(choice, number) => match network(choice) {
            Some(network) => world.site_with(write, network.id, &format!("s{number}")).await.map(drop),
            None => Ok(()),
        },
        Step::Rename(choice, number, stale) => match site(choice) {
            Some(Site { id, version, spec, .. }) => {
                let spec = patronus_types::site::SiteSpec { name: name(&format!("s{number}")), ..spec.clone() };
                store.update_site(write, *id, version + u64::from(*stale), spec, None).await.map(drop)
            }
            None => Ok(()),
        },
        Step::Delete(choice, stale) => match site(choice) {
            Some(site) => store.delete_site(write, site.id, site.version + u64::from(*stale)).await,
            None => Ok(()),
        },
        Step::Enrol(choice) => match site(choice) {
            Some(site) => {
                let ticket = world.ticket(site).await;
                store.enrol(write, enrolment(&ticket)).await.map(drop)
            }
            None => Ok(()),
        },
        Step::Leave(choice) => match site(choice) {
            Some(site) => store.leave(write, site.id).await,
            None => Ok(()),
        },
        Step::Release(choice) => match network(choice) {
            Some(network) => {
                let input = store.compile_input(world.tenant, network.id).await?;
                let of_network: Vec<Site> =
                    sites.iter().filter(|site| site.network_id == network.id).cloned().collect();
                let new = release(&input.network, &of_network, input.next_version, b"mesh");
                store.create_release(write, new).await.map(drop)
            }
            None => Ok(()),
        },
        Step::DeleteNetwork(choice) => match network(choice) {
            Some(network) => store.delete_network(write, network.id, network.version).await,
            None => Ok(()),
        },
        Step::Wait(_) => Ok(()),
    }
}

async fn check(world: &World) {
    let events = world.events().await;
    assert!(events.iter().zip(1..).all(|(event, number)| event.number == number), "the log has a gap");
    let networks = world.store.networks(world.tenant, page(100, None)).await.unwrap().items;
    let sites = world.store.sites(world.tenant, SiteFilter::default(), page(1000, None), at(0)).await.unwrap().items;
    let mut keys = BTreeSet::new();
    for network in &networks {
        let own: Vec<&Site> = sites.iter().filter(|site| site.network_id == network.id).collect();
        assert_eq!(u64::try_from(own.len()).unwrap(), network.sites);
        let addresses: BTreeSet<_> = own.iter().flat_map(|site| &site.addresses).collect();
        assert_eq!(addresses.len(), own.len(), "an address is two sites'");
        assert!(
            addresses.iter().all(|address| network
                .spec
                .range
                .contains(&address.to_string().parse::<std::net::Ipv4Addr>().unwrap()))
        );
        let names: BTreeSet<_> = own.iter().map(|site| &site.spec.name).collect();
        assert_eq!(names.len(), own.len());
        let newest = world.store.release(network.id, None).await.ok();
        assert_eq!(newest.as_ref().map(|release| release.version), network.released_version);
        for site in own {
            assert!(site.desired_version <= network.released_version);
            assert!(site.public_keys.iter().all(|key| keys.insert(*key)), "a key is two sites'");
            if let Some(version) = site.desired_version {
                let bundle = world.store.bundle(network.id, version, site.id).await.unwrap();
                world.store.stored_bundle(bundle.digest).await.unwrap();
            }
        }
    }
    let tokens = world.store.tokens(world.tenant, Default::default(), page(1000, None)).await.unwrap().items;
    for token in tokens.iter().filter(|token| token.revoked_at.is_none()) {
        assert!(sites.iter().any(|site| Some(site.id) == token.site_id), "a token outlives its site");
    }
}
