//! What is promised of single faults, in virtual time.

use super::*;

/// The hold time by a clock that is fast.
const HOLD: Duration = Duration::from_millis(29_990);

fn left_after(name: &str, seed: u64) -> Duration {
    let (_, outcome) = play(&scenario(name, seed));
    assert_eq!(outcome.moves, 2, "{name}: both ends leave once: {outcome:?}");
    outcome.left_after.unwrap()
}

#[test]
fn a_dead_path_is_left_in_time() {
    for (name, most) in
        [("blackout", ms(400)), ("black-hole", ms(400)), ("one-way", ms(400)), ("blackout-fast", ms(100))]
    {
        let worst = (0..5).map(|seed| left_after(name, seed)).max().unwrap();
        assert!(worst <= most, "{name}: {worst:?}");
    }
}

#[test]
fn both_ends_leave_a_path_that_is_dead_one_way_in_the_same_moment() {
    for seed in 0..5 {
        let (world, _) = play(&scenario("one-way", seed));
        let at: Vec<Duration> = world.moves().iter().map(|it| it.at).collect();
        assert!(at[1] - at[0] <= ms(20), "{at:?}");
    }
}

#[test]
fn a_device_that_is_gone_is_left_at_once_at_its_own_end() {
    let play_of = scenario("device-gone", 1);
    let (world, _) = play(&play_of);
    let own = world.moves().iter().find(|it| it.site == 0).unwrap();
    assert!(own.at - play_of.struck().unwrap() <= ms(1), "{own:?}");
}

/// Within 3 s, as far as chance allows: the first loss doubles the packets, and the third ends the wait.
#[test]
fn a_brownout_is_left_within_three_seconds() {
    let mut after = Vec::new();
    for seed in 0..15 {
        let play_of = scenario("brownout", seed);
        let (world, outcome) = play(&play_of);
        assert_eq!(outcome.moves, 2, "seed {seed}: {:?}", world.moves());
        after.extend(world.moves().iter().map(|it| it.at - play_of.struck().unwrap()));
    }
    after.sort();
    let within = after.iter().filter(|after| **after <= s(3)).count();
    println!(
        "of {}: {within} within 3 s, half within {:?}, the last after {:?}",
        after.len(),
        after[after.len() / 2],
        after.last()
    );
    assert!(within + 1 >= after.len() && *after.last().unwrap() < s(5), "{after:?}");
}

#[test]
fn ten_minutes_of_loss_on_and_off_are_no_cause_to_flap() {
    let (world, outcome) = play(&scenario("on-off-loss", 1));
    for site in 0..2 {
        let at: Vec<Duration> = world.moves().iter().filter(|it| it.site == site).map(|it| it.at).collect();
        assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= HOLD), "{at:?}");
    }
    assert!(outcome.moves <= 6, "in all: {outcome:?}");
}

#[test]
fn return_waits_for_the_hold_time_and_loses_nothing() {
    let play_of = scenario("return", 2);
    let mut world = World::new(play_of.setup.clone()).unwrap();
    let mended = play_of.faults[1].0;
    play_of.faults.iter().for_each(|(at, fault)| world.plan(*at, *fault));
    world.run(mended).unwrap();
    let lost = |world: &World| world.flows().map(|flow| flow.lost).sum::<f64>();
    let (before, moves) = (lost(&world), world.moves().len());
    world.run(s(60)).unwrap();
    let back: Vec<_> = world.moves()[moves..].iter().filter(|it| it.uplinks.1 == Some((0, 0))).collect();
    assert!(back.len() == 2 && back.iter().all(|it| it.at - mended >= HOLD), "{back:?}");
    assert_eq!(lost(&world), before);
}

#[test]
fn a_storm_is_over_within_a_second() {
    let (_, outcome) = play(&scenario("storm", 0));
    println!("{outcome:?}");
    assert_eq!(outcome.moves, 200, "100 sites, both ends");
    assert!(outcome.left_after.unwrap() <= s(1), "{outcome:?}");
}

#[test]
fn an_agent_that_is_away_moves_nothing() {
    for name in ["restart", "kill", "leap"] {
        for seed in 0..3 {
            let (world, outcome) = play(&scenario(name, seed));
            assert_eq!((outcome.moves, outcome.lost), (0, 0.0), "{name} {seed}: {:?}", world.moves());
        }
    }
}

#[test]
fn a_stall_loses_nothing() {
    for name in ["stall", "sleep"] {
        for seed in 0..3 {
            let (world, outcome) = play(&scenario(name, seed));
            assert_eq!(outcome.lost, 0.0, "{name}");
            assert!(outcome.moves <= 4, "{name} {seed}: {:?}", world.moves());
        }
    }
}

#[test]
fn what_died_while_an_agent_was_away_is_left_soon_after_it_is_back() {
    for seed in 0..3 {
        let play_of = scenario("dies-while-away", seed);
        let (_, outcome) = play(&play_of);
        let back = play_of.faults[2].0 - play_of.struck().unwrap();
        assert!(outcome.left_after.unwrap() <= back + s(4), "{outcome:?}");
    }
}

#[test]
fn a_far_end_that_sends_rubbish_is_no_matter_for_others() {
    let (mut world, _) = play(&scenario("rubbish", 3));
    let others: Vec<_> = world.moves().iter().filter(|it| it.site != 2 && it.peer != 2).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(world.site_mut(0).unwrap().refused() > 100);
    assert!(world.flow(0, 1, 0).unwrap().lost == 0.0);
}

#[test]
fn drained_uplinks_and_slow_ones_are_left_without_loss() {
    for (name, moves) in [("drain", 4), ("slow", 4)] {
        let (world, outcome) = play(&scenario(name, 1));
        assert_eq!((outcome.moves, outcome.lost), (moves, 0.0), "{name}: {:?}", world.moves());
    }
}

#[test]
fn what_is_to_be_dropped_goes_nowhere_while_its_uplink_is_slow() {
    let mut play_of = scenario("drop", 1);
    let uplinks = |play_of: &Scenario| play(play_of).0.flow(0, 1, 1).unwrap().uplinks;
    assert_eq!(uplinks(&play_of), Some((0, 0)));
    play_of.length = play_of.struck().unwrap() + s(2);
    assert_eq!(uplinks(&play_of), None);
}

/// Silence takes three of the intervals that are in force where no traffic flows.
#[test]
fn without_traffic_a_dead_path_is_left_in_some_seconds() {
    let (_, outcome) = play(&scenario("idle", 1));
    assert!(outcome.left_after.unwrap() <= s(5), "{outcome:?}");
}

#[test]
fn each_name_has_a_play() {
    assert!(NAMES.into_iter().all(|name| scenario(name, 1).name == name));
    assert!(named("none", 1).is_none());
}
