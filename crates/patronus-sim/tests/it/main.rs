//! Networks of sites in virtual time: what is promised of a named fault, what holds for any, and that what holds can fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests tell")]

mod defects;
mod estimates;
mod faults;
mod seeds;

use std::time::Duration;

use patronus_sim::World;
use patronus_sim::scenario::{NAMES, Outcome, Scenario, named};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn scenario(name: &str, seed: u64) -> Scenario {
    named(name, seed).unwrap_or_else(|| panic!("there is no {name}"))
}

/// Plays it, and gives back the world as it is at its end.
fn play(scenario: &Scenario) -> (World, Outcome) {
    let mut world = World::new(scenario.setup.clone()).unwrap();
    scenario.play_in(&mut world).unwrap_or_else(|failure| panic!("{}: {failure}", scenario.name));
    let outcome = scenario.outcome(&world).unwrap();
    (world, outcome)
}
