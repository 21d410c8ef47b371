//! What holds whatever happens.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Event {
    Hear { path: usize, latency_ms: f32, loss: f32 },
    Silent(usize),
    OneWay(usize),
    Drain(usize, bool),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let loss = prop_oneof![3 => Just(0.0f32), 1 => 0f32..0.4];
    prop_oneof![
        6 => (0usize..4, 5f32..400.0, loss).prop_map(|(path, latency_ms, loss)| Event::Hear { path, latency_ms, loss }),
        1 => (0usize..4).prop_map(Event::Silent),
        1 => (0usize..4).prop_map(Event::OneWay),
        1 => (0usize..4, any::<bool>()).prop_map(|(path, drained)| Event::Drain(path, drained)),
        4 => (1u64..20_000).prop_map(Event::Wait),
    ]
}

fn classes() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(r#"{}"#),
        Just(r#"{"prefer": ["up1"]}"#),
        Just(r#"{"sla": {"latency_ms": 150}}"#),
        Just(r#"{"prefer": ["kind=lte", "up0"], "sla": {"latency_ms": 250, "packet_loss_pct": 2}}"#),
    ]
    .prop_map(class)
}

fn play(world: &mut World, event: &Event) {
    match *event {
        Event::Hear { path, latency_ms, loss } => world.hear(path, latency_ms, loss),
        Event::Silent(path) => world.turn(path, Heard::Silent),
        Event::OneWay(path) => world.turn(path, Heard::OneWay),
        Event::Drain(path, drained) => world.selector.handle_drain(path, drained),
        Event::Wait(millis) => world.now += ms(millis),
    }
    world.settle();
}

/// Whether the path is good enough, as the figures say and nothing else.
fn is_fine(world: &World, path: usize) -> bool {
    let view = world.selector.view(path);
    view.heard == Heard::Both
        && !world.selector.ways[path].drained
        && world.selector.quality(path, 0) == rank::Tier::Eligible
}

proptest! {
    #[test]
    fn it_does_not_flap(class in classes(), events in prop::collection::vec(event(), 1..150)) {
        let mut world = World::good(class, [20.0; 4]);
        let mut last_free_move: Option<Duration> = None;
        for event in &events {
            let (before, count) = (world.chosen().0, world.moves.len());
            play(&mut world, event);
            let moved = world.moves.len() - count;
            prop_assert!(moved <= 1, "one event, one move");
            // A move from a path that was fine after the event too is nobody's need.
            if moved == 1 && before.is_some_and(|path| is_fine(&world, path)) {
                let since = last_free_move.map(|last| world.now - last);
                prop_assert!(since.is_none_or(|since| since >= s(30)), "moved twice within {since:?}");
            }
            if moved == 1 {
                last_free_move = Some(world.now);
            }
        }
    }

    #[test]
    fn what_has_just_been_bad_is_not_returned_to_while_another_is_good(events in prop::collection::vec(event(), 1..150)) {
        let mut world = World::good(Class::default(), [20.0; 4]);
        let mut bad: [Option<Duration>; 4] = [None; 4];
        for event in &events {
            let (before, count) = (world.chosen().0, world.moves.len());
            play(&mut world, event);
            for (path, bad) in bad.iter_mut().enumerate() {
                let view = world.selector.view(path);
                if view.heard != Heard::Both || world.selector.quality(path, 0) != rank::Tier::Eligible {
                    *bad = Some(world.now);
                }
            }
            // What replaces a dead one must have outlived it in the first place.
            let is_heard = before.is_some_and(|path| world.selector.view(path).heard == Heard::Both);
            if let Some((_, Some(to))) = world.moves.get(count).filter(|_| is_heard) {
                let recent = |path: usize| bad[path].is_some_and(|bad| world.now < bad + s(30));
                let others = (0..4).filter(|path| path != to && is_fine(&world, *path) && !recent(*path));
                prop_assert!(!recent(*to) || others.count() == 0, "back to {to}");
            }
        }
    }

    #[test]
    fn a_dead_path_is_never_moved_to_and_a_live_one_is_found(events in prop::collection::vec(event(), 1..100)) {
        let mut world = World::good(Class::default(), [20.0; 4]);
        for event in &events {
            let count = world.moves.len();
            play(&mut world, event);
            if let Some((_, Some(to))) = world.moves.get(count) {
                prop_assert_eq!(world.selector.view(*to).heard, Heard::Both);
            }
        }
        // Whoever is heard for a while carries the traffic.
        world.run(ms(500), &[]);
        let (chosen, _) = world.chosen();
        let alive = |path: usize| world.selector.view(path).heard == Heard::Both;
        prop_assert!(chosen.is_some_and(alive) || !(0..4).any(alive));
    }

    #[test]
    fn the_same_events_give_the_same_decisions(class in classes(), events in prop::collection::vec(event(), 1..100)) {
        let run = || {
            let mut world = World::good(class.clone(), [20.0; 4]);
            events.iter().for_each(|event| play(&mut world, event));
            (world.chosen(), world.moves.clone(), world.reasons())
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn the_chosen_one_is_explained_first_and_every_other_has_its_reason(class in classes(), events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::good(class, [20.0; 4]);
        events.iter().for_each(|event| play(&mut world, event));
        let reasons = world.reasons();
        prop_assert_eq!(reasons.len(), 4);
        prop_assert!(reasons.iter().skip(1).all(|(_, reason)| *reason != Reason::Chosen));
        prop_assert_eq!(world.chosen().0, (reasons[0].1 == Reason::Chosen).then_some(reasons[0].0));
    }
}
