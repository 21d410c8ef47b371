//! What agents report.

use patronus_types::Digest;
use patronus_types::api::agent::{Outcome, OutcomeKind, Report, Running, Steps, Timings, Undone};
use patronus_types::event::Severity;

use super::world::{World, at};
use crate::{SiteReport, StoreError};

/// A report of an agent that runs a version.
pub fn report(seq: u64, version: u64, result: OutcomeKind) -> Report {
    let digest = Digest([1; 32]);
    let reason = (result != OutcomeKind::Applied).then(|| "the route is taken".to_owned());
    let outcome = Outcome {
        version,
        digest,
        result,
        reason,
        steps: Steps::default(),
        step: None,
        duration_ms: 3,
        timings: Timings::default(),
        at: at(i64::try_from(seq).unwrap()),
    };
    Report {
        seq,
        agent_version: "0.1.0".to_owned(),
        hostname: "gw".to_owned(),
        driver: Some("kernel".to_owned()),
        running: (result == OutcomeKind::Applied).then_some(Running { version, digest }),
        highest_accepted: version,
        outcome: Some(outcome),
        tunnels: Vec::new(),
        warnings: Vec::new(),
        undone: Vec::new(),
        public_keys: Vec::new(),
        spare_key: None,
        offered_keys: None,
        waits_for: Vec::new(),
        halted: None,
        shadow: None,
    }
}

pub async fn the_newest_report_stands(world: &World) {
    let network = world.network("alpha").await;
    let site = world.enrolled(&world.site(network.id, "ams").await).await.site;
    let tell = async |report| world.store.report(&world.later(7), SiteReport { site: site.id, report }).await.unwrap();
    tell(report(5, 2, OutcomeKind::Applied)).await;
    tell(report(4, 1, OutcomeKind::Failed)).await;
    let after = world.site_now(site.id).await;
    assert_eq!((after.running_version, after.last_seen_at), (Some(2), Some(at(7))));
    assert_eq!(after.agent.unwrap().driver.as_deref(), Some("kernel"));
    assert_eq!(after.last_outcome.unwrap().version, 2);
    assert_eq!(after.version, site.version, "a report is no change by a person");
    tell(Report { warnings: vec!["the host does not forward".to_owned()], ..report(6, 2, OutcomeKind::Applied) }).await;
    assert_eq!(world.site_now(site.id).await.warnings, ["the host does not forward"]);
    tell(report(7, 2, OutcomeKind::Applied)).await;
    assert_eq!(world.site_now(site.id).await.warnings, Vec::<String>::new(), "what is mended is not warned of");
    let again = world.enrolled(&site).await.site;
    assert_eq!((again.running_version, again.last_outcome), (None, None));
    tell(report(1, 3, OutcomeKind::Applied)).await;
    assert_eq!(world.site_now(site.id).await.running_version, Some(3), "a new agent counts from the start");
}

pub async fn new_outcomes_are_events(world: &World) {
    let network = world.network("alpha").await;
    let site = world.enrolled(&world.site(network.id, "ams").await).await.site;
    let tell = async |report| world.store.report(&world.write(), SiteReport { site: site.id, report }).await.unwrap();
    let applied = report(1, 1, OutcomeKind::Applied);
    tell(applied.clone()).await;
    tell(applied.clone()).await;
    tell(Report { seq: 2, outcome: None, ..applied.clone() }).await;
    tell(Report { seq: 3, ..applied }).await;
    tell(report(4, 2, OutcomeKind::Failed)).await;
    tell(report(5, 3, OutcomeKind::Refused)).await;
    tell(report(6, 3, OutcomeKind::Reverted)).await;
    let events = world.events().await;
    let bundles: Vec<_> = events.iter().filter(|event| event.kind.starts_with("bundle.")).collect();
    let kinds: Vec<_> = bundles.iter().map(|event| (event.kind.as_str(), event.severity)).collect();
    assert_eq!(
        kinds,
        [
            ("bundle.applied", Severity::Info),
            ("bundle.failed", Severity::Error),
            ("bundle.refused", Severity::Error),
            ("bundle.reverted", Severity::Warning)
        ]
    );
    assert_eq!(bundles[1].details["version"], 2);
    assert!(bundles[1].message.contains("the route is taken"));
}

pub async fn a_report_cannot_use_up_versions(world: &World) {
    let network = world.network("alpha").await;
    let site = world.enrolled(&world.site(network.id, "ams").await).await.site;
    let next = async || world.store.compile_input(world.tenant, network.id).await.unwrap().next_version;
    let tell = async |report| world.store.report(&world.write(), SiteReport { site: site.id, report }).await;
    tell(Report { highest_accepted: 41, ..report(1, 1, OutcomeKind::Applied) }).await.unwrap();
    assert_eq!(next().await, 42);
    tell(Report { highest_accepted: 1 << 40, ..report(2, 1, OutcomeKind::Applied) }).await.unwrap();
    assert_eq!(next().await, 42);
    // Many reports get no further than one.
    for (seq, claimed) in [(10, 900), (11, 1_800), (12, 2_700), (13, 11_000)] {
        tell(Report { highest_accepted: claimed, ..report(seq, 1, OutcomeKind::Applied) }).await.unwrap();
    }
    assert_eq!(next().await, 901, "a site that runs 1 takes it");
    let absurd = tell(Report { highest_accepted: u64::MAX, ..report(14, 1, OutcomeKind::Applied) }).await;
    assert!(matches!(absurd, Err(StoreError::Conflict(_))));
}

pub async fn what_was_undone_is_known_to_who_compiles(world: &World) {
    let network = world.network("alpha").await;
    let site = world.enrolled(&world.site(network.id, "ams").await).await.site;
    let undone = async || world.store.compile_input(world.tenant, network.id).await.unwrap().sites.remove(0).undone;
    assert_eq!(undone().await, []);
    let one = Undone { version: 3, digest: Digest([7; 32]) };
    let report = Report { undone: vec![one], ..report(1, 3, OutcomeKind::Reverted) };
    world.store.report(&world.write(), SiteReport { site: site.id, report }).await.unwrap();
    assert_eq!((undone().await, world.site_now(site.id).await.undone), (vec![one], vec![one]));
    world.enrolled(&site).await;
    assert_eq!(undone().await, [], "a new agent has undone nothing");
}
