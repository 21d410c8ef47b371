mod always;

use std::collections::BTreeMap;

use patronus_types::policy::Route;

use super::*;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Two uplinks on both sides: paths 0 to 3 are (0,0), (0,1), (1,0) and (1,1), all of one cost.
fn square() -> Vec<Way> {
    (0..4).map(|path| Way { local: path / 2, remote: path % 2, cost: 200, drained: false, begins: true }).collect()
}

fn class(json: &str) -> Class {
    let route: Route = serde_json::from_str(json).unwrap();
    let labels: Vec<BTreeMap<String, String>> =
        ["fiber", "lte"].map(|kind| BTreeMap::from([("kind".to_owned(), kind.to_owned())])).into();
    let names = ["up0".parse().unwrap(), "up1".parse().unwrap()];
    Class::new(&route, names.iter().zip(&labels))
}

/// One destination, and a clock.
struct World {
    selector: Selector,
    now: Duration,
    moves: Vec<(Duration, Option<usize>)>,
}

impl World {
    fn new(ways: Vec<Way>, class: Class) -> Self {
        let selector = Selector::new(PathSettings::default(), &[ways], vec![class]);
        let mut this = Self { selector, now: s(100), moves: Vec::new() };
        this.settle();
        this
    }

    /// All four paths are heard, and like this.
    fn good(class: Class, latencies: [f32; 4]) -> Self {
        let mut this = Self::new(square(), class);
        latencies.into_iter().enumerate().for_each(|(path, latency_ms)| this.hear(path, latency_ms, 0.0));
        this.settle();
        this
    }

    fn hear(&mut self, path: usize, latency_ms: f32, loss: f32) {
        let known = self.selector.view(path);
        let since = if known.heard == Heard::Both { known.since } else { self.now };
        let figures = Some(Figures { latency_ms, loss, jitter_ms: 1.0 });
        let sent = self.now - Duration::from_secs_f32(latency_ms / 1000.0);
        let intervals = (ms(100), ms(100));
        let (last, proven) = (Some(self.now), Some(sent));
        let view = View { heard: Heard::Both, since, last, proven, intervals, cut: false, figures, narrow: None };
        self.selector.handle_view(path, view);
    }

    fn turn(&mut self, path: usize, heard: Heard) {
        let view = View { heard, since: self.now, ..self.selector.view(path) };
        self.selector.handle_view(path, view);
    }

    fn settle(&mut self) {
        self.selector.handle_timeout(self.now);
        while let Some(change) = self.selector.poll_action() {
            if change.before.path != change.now.path {
                self.moves.push((self.now, change.now.path));
            }
        }
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    /// All paths but these are heard once more, as they were, each 100 ms for so long.
    fn run(&mut self, time: Duration, but: &[usize]) {
        let until = self.now + time;
        while self.now < until {
            self.now += ms(100);
            for path in (0..self.selector.views.len()).filter(|path| !but.contains(path)) {
                if let View { heard: Heard::Both, figures: Some(it), .. } = self.selector.view(path) {
                    self.hear(path, it.latency_ms, it.loss);
                }
            }
            self.settle();
        }
    }

    fn chosen(&self) -> (Option<usize>, Standing) {
        let Decision { path, standing } = self.selector.decision(0, 0);
        (path, standing)
    }

    fn reasons(&self) -> Vec<(usize, Reason)> {
        let explained = self.selector.explain(0, 0, self.now);
        explained.candidates.iter().map(|candidate| (candidate.path, candidate.reason)).collect()
    }
}

#[test]
fn the_cheapest_carries_until_something_is_heard_and_then_the_best() {
    let mut ways = square();
    ways[2].cost = 100;
    let mut world = World::new(ways, Class::default());
    assert_eq!(world.chosen(), (Some(2), Standing::Unknown));
    world.hear(0, 10.0, 0.0);
    world.settle();
    assert_eq!(world.chosen(), (Some(2), Standing::Unknown), "to be heard first is no merit");
    world.hear(2, 50.0, 0.0);
    world.settle();
    assert_eq!(world.chosen(), (Some(2), Standing::Eligible), "cost is an order");
    assert_eq!(world.reasons()[1], (0, Reason::Costlier));
}

#[test]
fn a_failed_path_is_left_at_once_for_one_that_outlived_it_and_shares_nothing() {
    let mut world = World::good(Class::default(), [20.0, 20.0, 20.0, 20.0]);
    assert_eq!(world.chosen(), (Some(0), Standing::Eligible));
    // Uplink 0 dies: path 1 too, though nobody knows yet. Paths 2 and 3 are still heard.
    world.run(ms(300), &[0, 1]);
    world.turn(0, Heard::Silent);
    world.settle();
    assert_eq!(
        world.chosen(),
        (Some(3), Standing::Eligible),
        "not 1, the next dead one, nor 2 that shares the far uplink"
    );
}

#[test]
fn what_is_not_seen_to_outlive_it_is_waited_for() {
    let mut world = World::good(Class::default(), [20.0, 20.0, 20.0, 20.0]);
    world.run(ms(50), &[]);
    world.after(ms(330)).turn(0, Heard::Silent);
    world.settle();
    assert_eq!(world.chosen(), (Some(0), Standing::Waiting), "all were heard last when it was");
    assert_eq!(world.reasons()[1].1, Reason::NotHeardSince);
    world.after(ms(10)).hear(2, 20.0, 0.0);
    world.settle();
    assert_eq!(world.chosen(), (Some(2), Standing::Eligible));
}

/// Both uplinks of this end stop sending, by path 2 the far end still hears; everything is heard here.
#[test]
fn what_takes_over_must_carry_both_ways() {
    for heard in [Heard::OneWay, Heard::Silent] {
        let mut world = World::good(Class::default(), [20.0; 4]);
        world.after(ms(300));
        for path in [1, 3] {
            let view = View { last: Some(world.now), ..world.selector.view(path) };
            world.selector.handle_view(path, view);
        }
        world.hear(2, 20.0, 0.0);
        let last = if heard == Heard::OneWay { Some(world.now) } else { world.selector.view(0).last };
        let view = View { heard, since: world.now, last, ..world.selector.view(0) };
        world.selector.handle_view(0, view);
        world.settle();
        assert_eq!(world.chosen(), (Some(2), Standing::Eligible), "{heard:?}");
    }
}

#[test]
fn a_device_that_vanishes_is_left_at_once() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    for path in [0, 1] {
        let view = View { heard: Heard::Silent, cut: true, since: world.now, ..world.selector.view(path) };
        world.selector.handle_view(path, view);
    }
    world.settle();
    assert_eq!(world.chosen(), (Some(3), Standing::Eligible));
}

#[test]
fn without_any_path_the_last_one_keeps_the_traffic() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    world.after(ms(400));
    (0..4).for_each(|path| world.turn(path, Heard::Silent));
    world.settle();
    assert_eq!(world.chosen(), (Some(0), Standing::Waiting));
    assert!(world.moves.len() == 1, "{:?}", world.moves);
    assert!(matches!(world.reasons()[1].1, Reason::Silent(_)));
}

#[test]
fn where_all_fell_silent_together_the_first_to_come_back_is_no_better() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    world.after(ms(400));
    (0..4).for_each(|path| world.turn(path, Heard::Silent));
    world.settle();
    world.after(ms(5)).hear(3, 20.0, 0.0);
    world.settle();
    world.after(ms(50)).hear(0, 20.0, 0.0);
    world.settle();
    assert_eq!((world.chosen(), world.moves.len()), ((Some(0), Standing::Eligible), 1));
    (0..4).for_each(|path| world.turn(path, Heard::Silent));
    world.after(ms(5)).hear(3, 20.0, 0.0);
    world.settle();
    assert_eq!(world.selector.poll_timeout(), Some(world.now + ms(300)));
    world.after(ms(300)).hear(3, 20.0, 0.0);
    world.settle();
    assert_eq!(world.chosen(), (Some(3), Standing::Eligible), "but it is better than none");
}

#[test]
fn where_all_came_back_together_the_first_to_end_its_hold_time_is_no_better() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    world.after(ms(400));
    (0..4).for_each(|path| world.turn(path, Heard::Silent));
    world.settle();
    for path in [3, 0] {
        world.after(ms(150)).hear(path, 20.0, 0.0);
        world.settle();
    }
    world.moves.clear();
    world.run(s(70), &[]);
    assert_eq!((world.chosen(), world.moves.len()), ((Some(0), Standing::Eligible), 0), "{:?}", world.moves);
}

#[test]
fn return_is_slow_and_by_preference() {
    let mut world = World::good(class(r#"{"prefer": ["up0"]}"#), [20.0; 4]);
    world.run(ms(400), &[0, 1]);
    (0..2).for_each(|path| world.turn(path, Heard::Silent));
    world.settle();
    assert_eq!(world.chosen().0, Some(3));
    world.run(s(10), &[]);
    (0..2).for_each(|path| world.hear(path, 20.0, 0.0));
    let good_again = world.now;
    world.settle();
    assert!(world.reasons().contains(&(0, Reason::Held(good_again + s(30)))));
    world.run(ms(29_900), &[]);
    assert_eq!(world.chosen().0, Some(3), "not yet");
    world.run(ms(200), &[]);
    assert_eq!(world.chosen(), (Some(0), Standing::Eligible), "back without a margin: it is preferred");
}

#[test]
fn a_better_path_must_be_better_by_the_margin() {
    for (latencies, path) in [
        ([20.0, 11.0, 20.0, 20.0], 0), // 20 % better, but not 10 ms.
        ([20.0, 9.9, 20.0, 20.0], 1),
        ([200.0, 165.0, 200.0, 200.0], 0), // 10 ms better, but not 20 %.
        ([200.0, 159.0, 200.0, 200.0], 1),
    ] {
        let mut world = World::good(Class::default(), [latencies[0]; 4]);
        world.run(s(31), &[]);
        world.hear(1, latencies[1], 0.0);
        world.settle();
        let reason = if path == 0 { Reason::NoBetter } else { Reason::Soon(world.now + s(30)) };
        assert!(world.reasons().contains(&(1, reason)), "{:?}", world.reasons());
        world.run(s(29), &[]);
        assert_eq!(world.chosen().0, Some(0), "{latencies:?}");
        world.run(s(2), &[]);
        assert_eq!(world.chosen().0, Some(path), "{latencies:?}");
    }
}

#[test]
fn a_brownout_is_left_at_once_and_not_returned_to_while_it_lasts() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    // 20 s of 30 % loss, 20 s of none, and so on for ten minutes.
    for round in 0..15 {
        world.hear(0, 20.0, 0.3);
        world.run(s(20), &[]);
        assert_ne!(world.chosen().0, Some(0), "round {round}");
        world.hear(0, 20.0, 0.0);
        world.run(s(20), &[]);
    }
    assert_eq!(world.moves.len(), 2, "the first choice and one move: {:?}", world.moves);
}

#[test]
fn limits_of_the_class_decide_and_the_best_of_the_rest_is_reported() {
    let mut world =
        World::good(class(r#"{"sla": {"latency_ms": 30, "packet_loss_pct": 1}}"#), [40.0, 35.0, 25.0, 31.0]);
    assert_eq!(world.chosen(), (Some(2), Standing::Eligible));
    world.hear(2, 32.0, 0.0);
    world.settle();
    assert_eq!(world.chosen(), (Some(2), Standing::BestOfRest), "no better one, no move");
    assert_eq!(world.reasons()[1], (3, Reason::Limit("latency", 31.0, 30.0)));
    assert_eq!(world.reasons()[1].1.to_string(), "its latency of 31.0 ms is above 30.0 ms");
    world.run(s(31), &[]);
    world.hear(3, 28.0, 0.0);
    world.settle();
    assert_eq!(world.chosen(), (Some(2), Standing::BestOfRest), "held");
    world.run(s(31), &[]);
    assert_eq!(world.chosen(), (Some(3), Standing::Eligible));
}

#[test]
fn what_may_be_dropped_is_only_carried_by_what_is_named_and_good() {
    let mut world = World::good(class(r#"{"prefer": ["kind=lte"], "fallback": "drop"}"#), [20.0; 4]);
    assert_eq!(world.chosen(), (Some(2), Standing::Eligible));
    assert!(world.reasons().contains(&(0, Reason::NotNamed)));
    world.run(ms(400), &[2, 3]);
    (2..4).for_each(|path| world.turn(path, Heard::Silent));
    world.settle();
    assert_eq!(world.chosen(), (None, Standing::Dropped));
    world.run(s(1), &[]);
    world.hear(3, 20.0, 0.0);
    world.run(ms(400), &[]);
    assert_eq!(world.chosen(), (Some(3), Standing::Eligible), "nothing else carries it, so there is no hold time");
}

#[test]
fn a_drained_path_is_left_and_carries_only_what_nothing_else_can() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    world.selector.handle_drain(0, true);
    world.settle();
    assert_eq!(world.chosen(), (Some(1), Standing::Eligible));
    assert!(world.reasons().contains(&(0, Reason::Drained)));
    (1..4).for_each(|path| world.selector.handle_drain(path, true));
    world.settle();
    assert_eq!(world.chosen(), (Some(1), Standing::BestOfRest), "all are drained");
    world.selector.handle_drain(0, false);
    world.settle();
    assert_eq!(world.chosen(), (Some(0), Standing::Eligible), "it was good all the time");
}

#[test]
fn a_narrow_path_ranks_behind_every_healthy_one() {
    let mut world = World::good(Class::default(), [20.0, 300.0, 300.0, 300.0]);
    let view = View { narrow: Some(1280), ..world.selector.view(0) };
    assert_eq!(view.status(&PathSettings::default()), PathStatus::Degraded);
    world.selector.handle_view(0, view);
    world.settle();
    assert_eq!(world.chosen(), (Some(3), Standing::Eligible));
    assert!(world.reasons().contains(&(0, Reason::Narrow(1280))));
}

#[test]
fn a_far_agent_that_leaves_moves_nothing() {
    let mut world = World::good(Class::default(), [20.0; 4]);
    (0..4).for_each(|path| world.turn(path, Heard::Unknown));
    world.settle();
    assert_eq!(world.chosen(), (Some(0), Standing::Unknown));
    world.after(s(50));
    (0..4).rev().for_each(|path| world.hear(path, 20.0, 0.0));
    world.settle();
    assert_eq!(world.chosen(), (Some(0), Standing::Eligible));
    assert_eq!(world.moves.len(), 1);
}

#[test]
fn only_the_pair_that_was_measured_is_decided_anew() {
    let mut selector = Selector::new(PathSettings::default(), &[square(), square()], vec![Class::default(); 2]);
    selector.handle_timeout(s(1));
    assert_eq!(std::iter::from_fn(|| selector.poll_action()).count(), 4);
    selector.handle_view(5, View { heard: Heard::Both, figures: Some(Figures::default()), ..View::UNKNOWN });
    assert_eq!(selector.dirty, [1]);
    assert_eq!(selector.poll_timeout(), Some(Duration::ZERO));
    selector.handle_timeout(s(2));
    assert_eq!((selector.pair(5), selector.paths(1), selector.poll_timeout()), (Some(1), 4..8, None));
    assert_eq!(selector.decision(7, 0), EMPTY.decision);
    assert_eq!(selector.decision(0, 2), EMPTY.decision);
}
