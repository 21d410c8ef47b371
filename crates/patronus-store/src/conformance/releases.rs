//! Releases and what they are made of.

use std::sync::Arc;

use patronus_types::api::agent::{OutcomeKind, Report, Steps};
use patronus_types::api::standing::{Halted, Shadow, SiteMode};
use patronus_types::bundle::Source;
use patronus_types::network::Network;
use patronus_types::release::{Declared, DeclaredSite, ReleaseKind, Terms};
use patronus_types::risk::Risk;
use patronus_types::site::{Site, SiteSpec, SyncState};
use patronus_types::{Digest, ReleaseId};
use sha2::{Digest as _, Sha256};

use super::reports::report;
use super::world::{World, page, unique};
use crate::{Change, Chunk, NewBundle, NewRelease, SiteReport, Slice, StoreError};

/// Bytes under their name.
pub fn chunk(bytes: &[u8]) -> Chunk {
    Chunk { digest: Digest(Sha256::digest(bytes).into()), bytes: bytes.into() }
}

/// A release of a network as it is, whose every bundle is the shared chunk and one of the site's own.
pub fn release(network: &Network, sites: &[Site], version: u64, shared: &[u8]) -> NewRelease {
    let shared = chunk(shared);
    let mut chunks = vec![shared.clone()];
    let bundles = sites.iter().map(|site| bundle(site, &shared, &mut chunks)).collect();
    let declared_site = |site: &Site| DeclaredSite { id: site.id, spec: site.spec.clone(), source: Source::Compiled };
    NewRelease {
        id: ReleaseId::new(1, &unique()),
        network: network.id,
        version,
        kind: ReleaseKind::Publish,
        rollback_of: None,
        message: "why".to_owned(),
        terms: Terms { confirm_timeout_s: Some(60), accept_risks: [Risk::RemovesPeers].into() },
        generation: network.generation,
        declared: Declared {
            network: network.spec.clone(),
            sites: sites.iter().map(declared_site).collect(),
            policies: Vec::new(),
        },
        pending: vec!["pending".parse().unwrap()],
        chunks,
        bundles,
        changed: 1,
        rotation: None,
    }
}

fn bundle(site: &Site, shared: &Chunk, chunks: &mut Vec<Chunk>) -> NewBundle {
    let own = chunk(site.spec.name.as_str().as_bytes());
    let slice =
        |chunk: &Chunk| Slice { chunk: chunk.digest, offset: 0, len: u64::try_from(chunk.bytes.len()).unwrap() };
    let slices = vec![slice(&own), slice(shared)];
    let bytes = [&own.bytes[..], &shared.bytes[..]].concat();
    chunks.push(own);
    NewBundle {
        site: site.id,
        name: site.spec.name.clone(),
        digest: Digest(Sha256::digest(&bytes).into()),
        size: slices.iter().map(|slice| slice.len).sum(),
        source: Source::Compiled,
        signature: "signed".to_owned(),
        slices,
    }
}

async fn two_sites(world: &World) -> (Network, Vec<Site>) {
    let network = world.network("alpha").await;
    let mut sites = Vec::new();
    for site in ["ams", "fra"] {
        sites.push(world.enrolled(&world.site(network.id, site).await).await.site);
    }
    (world.network_now(network.id).await, sites)
}

pub async fn a_release_says_what_sites_run(world: &World) {
    let (network, sites) = two_sites(world).await;
    assert!(network.dirty && sites[0].sync == SyncState::Unpublished);
    world.changes();
    let new = release(&network, &sites, 1, b"mesh");
    let made = world.store.create_release(&world.write(), new.clone()).await.unwrap();
    assert_eq!((made.version, made.sites, made.applied, made.failed), (1, 2, 0, 0));
    assert_eq!(made.terms, new.terms);
    let wanted: Vec<_> = world
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::Desired { site, desired } => Some((site, desired.unwrap().digest)),
            _ => None,
        })
        .collect();
    assert_eq!(wanted, new.bundles.iter().map(|bundle| (bundle.site, bundle.digest)).collect::<Vec<_>>());
    let after = world.network_now(network.id).await;
    assert_eq!((after.released_version, after.dirty), (Some(1), false));
    assert_eq!(world.site_now(sites[0].id).await.sync, SyncState::Behind);

    assert_eq!(world.store.release(network.id, None).await.unwrap(), made);
    assert_eq!(world.store.declared(network.id, 1).await.unwrap(), new.declared);
    let bundles = world.store.bundles(network.id, 1).await.unwrap();
    assert_eq!(bundles.iter().map(|bundle| bundle.site.as_str()).collect::<Vec<_>>(), ["ams", "fra"]);
    assert_eq!(world.store.bundle(network.id, 1, sites[1].id).await.unwrap(), bundles[1]);
    assert!(world.store.site_has_bundle(sites[0].id, bundles[0].digest).await.unwrap());
    assert!(!world.store.site_has_bundle(sites[0].id, bundles[1].digest).await.unwrap());
    assert_eq!(world.event_kinds().await.last().unwrap(), "release.published");
    for missing in
        [world.store.release(network.id, Some(2)).await.is_err(), world.store.declared(network.id, 2).await.is_err()]
    {
        assert!(missing);
    }
}

pub async fn an_outdated_release_is_a_conflict(world: &World) {
    let (network, sites) = two_sites(world).await;
    world.site(network.id, "lhr").await;
    let outdated = world.store.create_release(&world.write(), release(&network, &sites, 1, b"mesh")).await;
    let Err(StoreError::Conflict(message)) = outdated else { panic!("{outdated:?}") };
    assert!(message.contains("the network changed while it was compiled, publish again"), "{message}");
    assert!(world.store.release(network.id, None).await.is_err());
    let now = world.network_now(network.id).await;
    world.store.create_release(&world.write(), release(&now, &sites, 1, b"mesh")).await.unwrap();
}

pub async fn versions_only_grow(world: &World) {
    let (network, sites) = two_sites(world).await;
    world.store.create_release(&world.write(), release(&network, &sites, 3, b"mesh")).await.unwrap();
    for version in [1, 3] {
        let again = world.store.create_release(&world.write(), release(&network, &sites, version, b"mesh")).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{version}");
    }
    let ahead = SiteReport { site: sites[0].id, report: report(1, 9, OutcomeKind::Applied) };
    world.store.report(&world.write(), ahead).await.unwrap();
    let below = world.store.create_release(&world.write(), release(&network, &sites, 9, b"mesh")).await;
    assert!(matches!(below, Err(StoreError::Conflict(_))));
    world.store.create_release(&world.write(), release(&network, &sites, 10, b"mesh")).await.unwrap();
    let listed = world.store.releases(network.id, page(1, None)).await.unwrap();
    assert_eq!((listed.items[0].version, listed.total), (10, Some(2)));
    let rest = world.store.releases(network.id, page(1, listed.next)).await.unwrap();
    assert_eq!((rest.items[0].version, rest.next), (3, None));
}

pub async fn shared_chunks_are_stored_once_and_go_with_the_last(world: &World) {
    let (network, sites) = two_sites(world).await;
    let first = release(&network, &sites, 1, b"mesh");
    world.store.create_release(&world.write(), first.clone()).await.unwrap();
    // What is stored need not be sent again.
    let mut second = release(&network, &sites, 2, b"mesh");
    second.chunks.clear();
    second.bundles.iter_mut().for_each(|bundle| bundle.slices.clear());
    world.store.create_release(&world.write(), second).await.unwrap();
    let digest = first.bundles[0].digest;
    let stored = world.store.stored_bundle(digest).await.unwrap();
    assert_eq!(stored.slices, first.bundles[0].slices);
    let tar: Vec<u8> = stored
        .slices
        .iter()
        .flat_map(|slice| stored.chunks.iter().find(|chunk| chunk.digest == slice.chunk).unwrap().bytes.to_vec())
        .collect();
    assert_eq!(tar, b"amsmesh");

    // Another network with the same contents; the first one goes.
    let other = world.network("other").await;
    let twin = world.site(other.id, "ams").await;
    let other = world.network_now(other.id).await;
    let new = release(&other, &[twin], 1, b"mesh");
    assert_eq!(new.bundles[0].digest, digest);
    world.store.create_release(&world.write(), new).await.unwrap();
    for site in &sites {
        world.store.delete_site(&world.write(), site.id, site.version).await.unwrap();
    }
    world.store.delete_network(&world.write(), network.id, 1).await.unwrap();
    assert!(world.store.stored_bundle(digest).await.is_ok());
    let gone = world.store.stored_bundle(first.bundles[1].digest).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
}

pub async fn archives_are_kept(world: &World) {
    let (network, sites) = two_sites(world).await;
    let new = release(&network, &sites, 1, b"mesh");
    let digest = new.bundles[0].digest;
    assert!(world.store.archive(digest).await.is_err());
    world.store.create_release(&world.write(), new).await.unwrap();
    assert_eq!(world.store.archive(digest).await.unwrap(), None);
    for text in ["first", "second"] {
        world.store.keep_archive(digest, Arc::from(text.as_bytes())).await.unwrap();
    }
    assert_eq!(world.store.archive(digest).await.unwrap().unwrap()[..], *b"first");
    assert_eq!(world.store.stored_bundle(digest).await.unwrap().archive.unwrap()[..], *b"first");
}

pub async fn uploads_and_rollbacks_leave_the_network_dirty(world: &World) {
    let (network, mut sites) = two_sites(world).await;
    let dirty = async || world.network_now(network.id).await.dirty;
    let mut upload = release(&network, &sites, 1, b"theirs");
    upload.kind = ReleaseKind::Upload;
    upload.bundles[0].source = Source::Uploaded;
    world.store.create_release(&world.write(), upload).await.unwrap();
    assert!(dirty().await, "nothing was compiled yet");
    assert_eq!(world.site_now(sites[0].id).await.source, Source::Uploaded);
    let published = release(&network, &sites, 2, b"mesh");
    world.store.create_release(&world.write(), published.clone()).await.unwrap();
    assert!(!dirty().await);
    assert_eq!(world.site_now(sites[0].id).await.source, Source::Compiled);

    let spec = SiteSpec { hub: true, ..sites[0].spec.clone() };
    sites[0] = world.store.update_site(&world.write(), sites[0].id, sites[0].version, spec, None).await.unwrap();
    let now = world.network_now(network.id).await;
    world.store.create_release(&world.write(), release(&now, &sites, 3, b"hubs")).await.unwrap();
    assert!(!dirty().await);
    let back = |version| NewRelease {
        kind: ReleaseKind::Rollback,
        rollback_of: Some(2),
        declared: published.declared.clone(),
        ..release(&now, &sites, version, b"mesh")
    };
    world.store.create_release(&world.write(), back(4)).await.unwrap();
    assert!(dirty().await, "publishing would make the hub again");
    let forth = NewRelease { declared: release(&now, &sites, 5, b"hubs").declared, ..back(5) };
    world.store.create_release(&world.write(), forth).await.unwrap();
    assert!(!dirty().await);
    let kinds = world.event_kinds().await;
    let kinds: Vec<_> = kinds.iter().filter_map(|kind| kind.strip_prefix("release.")).collect();
    assert_eq!(kinds, ["uploaded", "published", "published", "rolled-back", "rolled-back"]);
}

pub async fn misfits_are_refused(world: &World) {
    let (network, sites) = two_sites(world).await;
    let good = release(&network, &sites, 1, b"mesh");
    let broken = |change: &dyn Fn(&mut NewRelease)| {
        let mut new = good.clone();
        change(&mut new);
        new
    };
    for new in [
        broken(&|new| new.chunks.clear()),
        broken(&|new| new.bundles[0].slices.clear()),
        broken(&|new| new.bundles[1].size += 1),
        broken(&|new| new.bundles[1].slices[0].offset = 1),
        broken(&|new| new.bundles[1].slices[1].len = u64::MAX),
    ] {
        assert!(matches!(world.store.create_release(&world.write(), new).await, Err(StoreError::Damaged(_))));
    }
    let elsewhere = world.network("beta").await;
    let stranger = world.site(elsewhere.id, "lhr").await;
    let foreign = broken(&|new| new.bundles[0].site = stranger.id);
    assert!(matches!(world.store.create_release(&world.write(), foreign).await, Err(StoreError::NotFound { .. })));
    world.store.create_release(&world.write(), good).await.unwrap();
}

pub async fn applied_and_failed_are_counted(world: &World) {
    let (network, sites) = two_sites(world).await;
    world.store.create_release(&world.write(), release(&network, &sites, 1, b"mesh")).await.unwrap();
    for (site, result) in sites.iter().zip([OutcomeKind::Applied, OutcomeKind::Failed]) {
        let report = SiteReport { site: site.id, report: report(1, 1, result) };
        world.store.report(&world.write(), report).await.unwrap();
    }
    let one = world.store.release(network.id, Some(1)).await.unwrap();
    assert_eq!((one.sites, one.agents, one.applied, one.failed), (2, 2, 1, 1));
    assert_eq!(world.site_now(sites[0].id).await.sync, SyncState::Synced);
    assert_eq!(world.site_now(sites[1].id).await.sync, SyncState::Failed);
}

pub async fn who_stands_still_is_counted_apart(world: &World) {
    let (network, sites) = two_sites(world).await;
    world.store.create_release(&world.write(), release(&network, &sites, 1, b"mesh")).await.unwrap();
    let counts = async || {
        let one = world.store.release(network.id, Some(1)).await.unwrap();
        (one.applied, one.failed, one.held)
    };
    let tell = async |index: usize, report| {
        let report = SiteReport { site: sites[index].id, report };
        world.store.report(&world.write(), report).await.unwrap();
    };
    let nothing = Report { running: None, outcome: None, ..report(1, 1, OutcomeKind::Applied) };
    let halted = Halted { paused: true, left_version: Some(3) };
    tell(0, Report { halted: Some(halted), ..nothing.clone() }).await;
    tell(1, nothing.clone()).await;
    assert_eq!(counts().await, (0, 0, 1), "one is paused");
    let left = Halted { paused: false, left_version: Some(1) };
    tell(0, Report { seq: 2, halted: Some(left), ..nothing.clone() }).await;
    assert_eq!(counts().await, (0, 0, 1), "one went back from it");
    let older = Halted { paused: false, left_version: Some(0) };
    tell(0, Report { seq: 3, halted: Some(older), ..nothing.clone() }).await;
    assert_eq!(counts().await, (0, 0, 0), "one went back from what came before it");
    tell(0, Report { seq: 4, halted: Some(halted), ..nothing.clone() }).await;
    assert_eq!(world.site_now(sites[0].id).await.halted, Some(halted));
    let records = world.store.compile_input(world.tenant, network.id).await.unwrap().sites;
    assert!(records.iter().any(|record| record.halted == Some(halted)));
    world.store.set_site_mode(&world.write(), sites[1].id, SiteMode::Shadow).await.unwrap();
    let shadow = Shadow { version: 1, steps: Steps::default(), plan: vec!["create pt000".to_owned()], refusal: None };
    let refused = report(2, 1, OutcomeKind::Refused);
    tell(1, Report { running: None, shadow: Some(shadow.clone()), ..refused }).await;
    assert_eq!(counts().await, (0, 0, 2), "what it would refuse, it need not do");
    assert_eq!(world.site_now(sites[1].id).await.shadow, Some(shadow));
    tell(1, report(3, 1, OutcomeKind::Applied)).await;
    tell(0, Report { seq: 5, ..nothing }).await;
    assert_eq!(counts().await, (1, 0, 0));
    assert_eq!(world.site_now(sites[1].id).await.shadow, None);
}

pub async fn what_became_of_a_bundle_stays_with_it(world: &World) {
    let (network, sites) = two_sites(world).await;
    let new = release(&network, &sites, 1, b"mesh");
    world.store.create_release(&world.write(), new.clone()).await.unwrap();
    world.store.create_release(&world.write(), release(&network, &sites, 2, b"mesh")).await.unwrap();
    let of = async |version| {
        let bundles = world.store.bundles(network.id, version).await.unwrap();
        let outcomes = bundles.into_iter().map(|bundle| bundle.outcome.map(|outcome| outcome.result));
        outcomes.collect::<Vec<_>>()
    };
    let tell = async |seq, version, result, digest| {
        let mut report = report(seq, version, result);
        report.outcome.as_mut().unwrap().digest = digest;
        world.store.report(&world.write(), SiteReport { site: sites[1].id, report }).await.unwrap();
    };
    assert_eq!(of(1).await, [None, None]);
    tell(1, 1, OutcomeKind::Reverted, new.bundles[1].digest).await;
    tell(2, 2, OutcomeKind::Applied, new.bundles[1].digest).await;
    assert_eq!(of(1).await, [None, Some(OutcomeKind::Reverted)]);
    assert_eq!(of(2).await, [None, Some(OutcomeKind::Applied)]);
    let one = world.store.bundle(network.id, 1, sites[1].id).await.unwrap().outcome.unwrap();
    assert_eq!((one.version, one.reason.as_deref()), (1, Some("the route is taken")));
    tell(3, 2, OutcomeKind::Failed, Digest([9; 32])).await;
    assert_eq!(of(2).await, [None, Some(OutcomeKind::Applied)], "of something else under that number");
}
