//! Each invariant finds an agent that breaks it.

use patronus_sim::defect::Defect;
use patronus_sim::fault::Fault;
use patronus_sim::invariant::{Breach, Invariant};
use patronus_sim::setup::Setup;
use patronus_sim::wan::{Place, Port, Weather};
use patronus_sim::world::Failure;

use super::*;

/// Two sites and nothing happening for so long.
fn quiet(time: Duration) -> Scenario {
    let setup = Setup::mesh(3, 2, 2);
    Scenario {
        name: "quiet",
        setup,
        faults: vec![(time, Fault::Traffic(0, 1, true))],
        length: time,
        defects: Vec::new(),
    }
}

fn breach_of(mut scenario: Scenario, defect: Defect) -> Failure {
    assert!(scenario.play().is_ok(), "without it all is well");
    scenario.defects.push((0, defect));
    let error = scenario.play().unwrap_err();
    println!("{error}");
    error.downcast::<Box<Failure>>().map(|failure| *failure).unwrap()
}

#[test]
fn who_stays_on_a_dead_path_is_found() {
    let failure = breach_of(scenario("blackout", 1), Defect::Stubborn);
    assert_eq!(failure.breach.invariant, Invariant::LeavesTheDead);
    assert!(failure.breach.at < s(22), "{failure}");
    let text = failure.to_string();
    assert!(
        text.contains("leaves-the-dead") && text.contains("seed 1, sites with [2, 2]") && text.contains("100 % lost")
    );
}

#[test]
fn who_moves_without_a_cause_is_found() {
    assert_eq!(breach_of(quiet(s(60)), Defect::Restless).breach.invariant, Invariant::Rests);
}

#[test]
fn who_invents_figures_is_found() {
    let mut scenario = quiet(s(30));
    scenario.setup.weather = vec![(Place::From(Port { site: 1, uplink: 1 }), Weather::DEAD)];
    assert_eq!(breach_of(scenario, Defect::Inventive).breach.invariant, Invariant::InventsNothing);
}

#[test]
fn who_tells_better_figures_is_found() {
    assert_eq!(breach_of(quiet(s(60)), Defect::Optimist).breach.invariant, Invariant::TellsTheTruth);
}

#[test]
fn who_does_not_keep_a_demand_is_found() {
    for name in ["slow", "drop"] {
        assert_eq!(breach_of(scenario(name, 1), Defect::Stubborn).breach.invariant, Invariant::KeepsDemands);
    }
}

#[test]
fn who_stays_on_a_drained_uplink_is_found() {
    assert_eq!(breach_of(scenario("drain", 1), Defect::Stubborn).breach.invariant, Invariant::DrainsDry);
}

#[test]
fn who_goes_by_the_order_of_a_hash_map_is_found() {
    let mut scenario = scenario("blackout", 1);
    scenario.length = scenario.struck().unwrap() + ms(500);
    scenario.defects.push((1, Defect::Fickle));
    let found = (0..50).filter_map(|_| scenario.play_twice().err());
    let mut found = found.filter_map(|error| error.downcast::<Breach>().ok());
    assert!(found.any(|breach| breach.invariant == Invariant::Repeats));
}
