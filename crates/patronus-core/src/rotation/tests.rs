use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const VERSION: u64 = 8;

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn id(index: u8) -> SiteId {
    SiteId::new(1, &[index; 10])
}

/// A site that has done all that any phase asks of it.
fn view(index: u8) -> View {
    View {
        id: id(index),
        name: format!("s{index}").parse().unwrap(),
        agent: Agent::Runs,
        last_seen_at: Some(now()),
        stopped: None,
        uploaded: false,
        running: Some(VERSION),
        failure: None,
        waits_for: Vec::new(),
        spare: true,
        offered: (index == 0).then_some(2),
        other_keys: false,
        keys_since: Some(now() - SignedDuration::from_hours(24 * i64::from(index))),
    }
}

fn running(phase: Phase) -> Running {
    let version = (phase != Phase::Keys).then_some(VERSION);
    Running { site: id(0), phase, number: 2, version, without: BTreeSet::new() }
}

/// What holds it open when one thing about the site at `index` is otherwise.
fn said(phase: Phase, index: usize, change: impl FnOnce(&mut View)) -> Option<String> {
    let mut views: Vec<View> = (0..3).map(view).collect();
    change(&mut views[index]);
    let name = views[index].name.clone();
    match decide(&running(phase), &views, now()) {
        Decision::Wait(waiting) => {
            assert_eq!(waiting.len(), 1, "{waiting:?}");
            assert_eq!(waiting[0].site, name);
            Some(waiting[0].reason.clone())
        }
        _ => None,
    }
}

#[test]
fn each_step_follows_when_all_are_done() {
    let views: Vec<View> = (0..3).map(view).collect();
    for (phase, next) in [
        (Phase::Keys, Decision::Advance(Phase::Spare)),
        (Phase::Spare, Decision::Advance(Phase::Rekey)),
        (Phase::Rekey, Decision::Finish),
        (Phase::Back, Decision::Finish),
    ] {
        assert_eq!(decide(&running(phase), &views, now()), next);
        assert_eq!(
            decide(&running(phase), &views[1..], now()),
            Decision::Wait(Vec::new()),
            "the site itself is missing"
        );
    }
}

#[test]
fn who_holds_it_open_is_told_with_what_is_missing() {
    let told = |words: &str| Some(words.to_owned());
    let ago = |hours| Some(now() - SignedDuration::from_hours(hours));
    let missed = "has not reported version 8 yet";
    assert_eq!(said(Phase::Keys, 0, |own| own.offered = Some(1)), told("has not made its new keys yet"));
    assert_eq!(said(Phase::Spare, 0, |own| own.offered = None), told("has not made its new keys yet"), "it lost them");
    assert_eq!(said(Phase::Rekey, 0, |own| own.offered = None), None, "they are its own");
    assert_eq!(said(Phase::Keys, 1, |other| other.offered = None), None, "only the site itself makes keys");
    assert_eq!(said(Phase::Keys, 2, |other| other.spare = false), told(words::SPARELESS));
    assert_eq!(said(Phase::Spare, 1, |other| other.running = Some(7)), told(missed));
    assert_eq!(said(Phase::Rekey, 1, |other| other.running = None), told(missed));
    let silent = |other: &mut View| (other.running, other.last_seen_at) = (Some(7), ago(3));
    assert_eq!(said(Phase::Spare, 1, silent), told("has not reported version 8 yet; last heard 3 h ago"));
    let failed = |other: &mut View| {
        other.running = Some(7);
        other.failure = Some(Failure { version: 8, reason: "UDP port 51836 is taken".to_owned() });
    };
    assert_eq!(said(Phase::Spare, 1, failed), told("could not apply version 8: UDP port 51836 is taken"));
    let before = |other: &mut View| {
        other.running = Some(7);
        other.failure = Some(Failure { version: 6, reason: "old".to_owned() });
    };
    assert_eq!(said(Phase::Spare, 1, before), told(missed), "an older failure is no reason");
    let stopped = |by| move |other: &mut View| (other.running, other.stopped) = (Some(7), Some(by));
    assert!(said(Phase::Spare, 1, stopped(Stopped::Held)).unwrap().contains("patronusctl site unhold s1"));
    assert!(said(Phase::Spare, 1, stopped(Stopped::Paused)).unwrap().contains("patronus-agent resume"));
    let waits = |own: &mut View| own.waits_for = vec!["s1".parse().unwrap(), "s2".parse().unwrap()];
    assert_eq!(said(Phase::Spare, 0, waits), told("has no session over the spare tunnel yet with: s1, s2"));
    assert_eq!(said(Phase::Rekey, 0, waits), told("has no session over the new keys yet with: s1, s2"));
    assert!(said(Phase::Rekey, 1, |other| other.uploaded = true).unwrap().contains("bundle publish --compiled"));
    assert!(said(Phase::Spare, 1, |other| other.agent = Agent::None).unwrap().contains("by hand"));
    assert_eq!(said(Phase::Spare, 1, |other| (other.agent, other.running) = (Agent::Left, None)), None);
}

#[test]
fn force_goes_on_without_those_who_hold_it_open_and_nobody_waits_for_them() {
    let mut views: Vec<View> = (0..3).map(view).collect();
    (views[2].running, views[0].waits_for) = (Some(7), vec!["s2".parse().unwrap()]);
    let mut forced = running(Phase::Spare);
    let stranded = |views: &[View]| {
        let left = force(&running(Phase::Spare), views, now()).unwrap();
        left.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(stranded(&views), [id(2)], "not the site that waits for it");
    forced.without.insert(id(2));
    assert_eq!(decide(&forced, &views, now()), Decision::Advance(Phase::Rekey), "the site has no tunnel to wait for");
    views[2].running = Some(8);
    assert_eq!(stranded(&views), [id(2)], "it runs the version, and there is no session");
    (views[0].waits_for, views[1].waits_for) = (Vec::new(), vec!["s0".parse().unwrap()]);
    assert_eq!(stranded(&views), [id(1)]);
    views[0].running = Some(7);
    assert_eq!(stranded(&views), [id(0)], "who waits for the site alone is not left behind");
    views[0].offered = None;
    for phase in [Phase::Keys, Phase::Spare] {
        let Err(Refusal::Impossible(why)) = force(&running(phase), &views, now()) else { panic!() };
        assert_eq!(why, "site `s0` has not made its new keys yet: without its new keys nothing can go on");
    }
}

#[test]
fn what_would_strand_somebody_is_refused_at_first() {
    let views = |change: fn(&mut [View])| {
        let mut views: Vec<View> = (0..3).map(view).collect();
        change(&mut views);
        may_begin(id(0), &views)
    };
    assert_eq!(views(|_| {}), Ok(()));
    assert_eq!(views(|all| all[1].agent = Agent::Left), Ok(()), "there is nobody to be left behind");
    let Err(Refusal::Strands(left)) = views(|all| (all[1].agent, all[2].uploaded) = (Agent::None, true)) else {
        panic!()
    };
    assert_eq!(left.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id(1), id(2)]);
    for own in [|all: &mut [View]| all[0].agent = Agent::None, |all: &mut [View]| all[0].uploaded = true] {
        assert!(matches!(views(own), Err(Refusal::Impossible(_))));
    }
    assert!(matches!(may_begin(id(9), &[]), Err(Refusal::Impossible(why)) if why.contains("publish first")));
}

#[test]
fn old_keys_come_in_order_of_age_and_silent_sites_not_at_all() {
    let mut views: Vec<View> = (0..5).map(view).collect();
    assert_eq!(due(&views, 3, now()), [id(4), id(3)]);
    views[4].stopped = Some(Stopped::Held);
    assert_eq!(due(&views, 3, now()), [id(3)]);
    (views[4].stopped, views[4].last_seen_at) = (None, Some(now() - SignedDuration::from_mins(3)));
    assert_eq!(due(&views, 3, now()), [id(3)]);
    assert!(!is_free(id(3), &views, now()), "a silent partner would hold it up");
    views.pop();
    views[3].other_keys = true;
    assert!(due(&views, 3, now()).is_empty(), "they are not those whose age is known");
    views[3].other_keys = false;
    assert!(is_free(id(3), &views, now()));
    assert!(due(&views, 4, now()).is_empty());
}

/// What an agent has told so far.
fn told() -> impl Strategy<Value = (Option<u64>, bool, bool, bool)> {
    (proptest::option::of(VERSION - 1..VERSION + 2), any::<bool>(), any::<bool>(), any::<bool>())
}

fn phases() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::Keys), Just(Phase::Spare), Just(Phase::Rekey)]
}

proptest! {
    #[test]
    fn nothing_goes_on_past_somebody_who_is_not_done(
        phase in phases(),
        sites in proptest::collection::vec(told(), 1..6),
        without in proptest::collection::btree_set(0u8..6, 0..3),
    ) {
        let mut running = running(phase);
        running.without = without.into_iter().map(id).collect();
        let mut views: Vec<View> = (0..).zip(&sites).map(|(index, _)| view(index)).collect();
        let first = views[0].name.clone();
        for (view, &(runs, spare, waits, offered)) in views.iter_mut().zip(&sites) {
            (view.running, view.spare) = (runs, spare);
            view.waits_for = if waits { vec![first.clone()] } else { Vec::new() };
            view.offered = offered.then_some(2);
        }
        let waited_for = |view: &&View| !running.without.contains(&view.id);
        let done = |view: &View| match phase {
            Phase::Keys => view.spare && (view.id != running.site || view.offered == Some(2)),
            Phase::Spare if view.id == running.site && view.offered != Some(2) => false,
            _ => view.running >= Some(VERSION) && (view.waits_for.is_empty() || running.without.contains(&id(0))),
        };
        let expected = views.iter().filter(waited_for).all(done);
        let goes_on = !matches!(decide(&running, &views, now()), Decision::Wait(_));
        prop_assert_eq!(goes_on, expected);
    }

    #[test]
    fn it_ends_after_three_releases_when_all_report_in_any_order(
        order in Just((0..15).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        // Five sites; each of them reports once in each phase, and nobody's report is enough by itself.
        let mut views: Vec<View> = (0..5).map(view).collect();
        let mut running = running(Phase::Keys);
        views.iter_mut().for_each(|view| (view.running, view.spare, view.offered) = (None, false, None));
        let mut releases = 0;
        for _ in 0..3 {
            let wanted = running.version;
            let mut left: BTreeSet<usize> = (0..5).collect();
            for site in order.iter().map(|turn| turn % 5) {
                if !left.remove(&site) {
                    continue;
                }
                let view = &mut views[site];
                (view.running, view.spare, view.offered) = (wanted, true, (site == 0).then_some(2));
                match decide(&running, &views, now()) {
                    Decision::Wait(waiting) => prop_assert_eq!(waiting.len(), left.len()),
                    Decision::Advance(phase) => {
                        prop_assert!(left.is_empty());
                        releases += 1;
                        running.phase = phase;
                        running.version = Some(running.version.unwrap_or(VERSION) + 1);
                    }
                    Decision::Finish => releases += 1,
                }
            }
        }
        prop_assert_eq!(releases, 3);
    }
}
