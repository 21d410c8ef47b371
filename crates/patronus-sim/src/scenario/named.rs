//! Plays with a name: each of one thing that happens to networks.

use std::time::Duration;

use super::Scenario;
use crate::fault::Fault;
use crate::setup::{Demand, Setup};
use crate::wan::{Place, Port, Weather};

/// Their names.
pub const NAMES: [&str; 20] = [
    "blackout",
    "blackout-fast",
    "black-hole",
    "one-way",
    "device-gone",
    "brownout",
    "on-off-loss",
    "return",
    "storm",
    "stall",
    "restart",
    "kill",
    "leap",
    "sleep",
    "rubbish",
    "dies-while-away",
    "drain",
    "slow",
    "drop",
    "idle",
];

/// The first uplink of the first site, and that of the second.
const NEAR: Port = Port { site: 0, uplink: 0 };
const FAR: Port = Port { site: 1, uplink: 0 };

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The play of a name; none where there is none.
pub fn named(name: &str, seed: u64) -> Option<Scenario> {
    let name = NAMES.into_iter().find(|known| *known == name)?;
    // When it begins is part of what differs between seeds: phases do.
    let at = s(20) + Duration::from_millis(seed * 37 % 1000);
    let mut setup = pair(seed);
    let lost = |loss| Fault::Uplink(NEAR, Weather::lossy(loss));
    let dead = Fault::Uplink(NEAR, Weather::DEAD);
    let (faults, length) = match name {
        "blackout-fast" => {
            setup.settings.interval_ms = 20;
            (vec![(at, dead)], s(24))
        }
        "black-hole" => (vec![(at, Fault::Uplink(FAR, Weather::DEAD))], s(24)),
        "one-way" => (vec![(at, Fault::Weather(Place::From(NEAR), Weather::DEAD))], s(24)),
        "device-gone" => (vec![(at, Fault::Device(NEAR, false)), (at + s(10), Fault::Device(NEAR, true))], s(80)),
        "brownout" => (vec![(at + s(10), lost(0.2))], s(45)),
        "on-off-loss" => {
            let flip = |turn: u32| (at + s(10) * turn, lost(if turn.is_multiple_of(2) { 0.3 } else { 0.0 }));
            ((0..60).map(flip).collect(), at + s(600))
        }
        "return" => (vec![(at, dead), (at + s(10), Fault::Uplink(NEAR, Weather::CLEAR))], s(80)),
        "storm" => {
            setup = star(seed, 100);
            (vec![(at, dead)], s(23))
        }
        "stall" => {
            let stalls = [110, 250, 400, 2000].map(Duration::from_millis);
            ((0..4).map(|turn| (at + s(10) * turn, Fault::Stall(1, stalls[turn as usize]))).collect(), s(80))
        }
        "restart" => (vec![(at, Fault::Leave(1)), (at + s(5), Fault::Begin(1))], s(60)),
        "kill" => (vec![(at, Fault::Kill(1)), (at + s(5), Fault::Begin(1))], s(60)),
        "leap" => ((0..4).map(|turn| (at + s(10) * turn, Fault::Leap(1, s(1) * 20u32.pow(turn) / 4))).collect(), s(80)),
        "sleep" => (vec![(at, Fault::Sleep(1, s(7))), (at + s(20), Fault::Sleep(0, s(1)))], s(80)),
        "rubbish" => {
            setup = Setup { seed, costs: vec![vec![50, 100]; 3], ..Setup::mesh(seed, 3, 2) };
            (vec![(at, Fault::Rubbish(2, true)), (at + s(60), Fault::Rubbish(2, false))], s(120))
        }
        "dies-while-away" => (vec![(at, Fault::Leave(1)), (at + s(1), dead), (at + s(5), Fault::Begin(1))], s(100)),
        "drain" => (vec![(at, Fault::Drain(NEAR, true)), (at + s(20), Fault::Drain(NEAR, false))], s(80)),
        "slow" => {
            setup.demands = vec![Demand { latency_ms: Some(80), ..Demand::default() }];
            (vec![(at, Fault::Uplink(NEAR, Weather::slow(60))), (at + s(30), lost(0.0))], s(140))
        }
        "drop" => {
            setup.demands = vec![Demand { latency_ms: Some(80), prefer: vec![0], drops: true }];
            (vec![(at, Fault::Uplink(NEAR, Weather::slow(60))), (at + s(30), lost(0.0))], s(140))
        }
        "idle" => {
            setup.traffic.clear();
            (vec![(at, dead)], s(60))
        }
        "blackout" => (vec![(at, dead)], s(24)),
        _ => return None,
    };
    Some(Scenario { name, setup, faults, length, defects: Vec::new() })
}

/// Two sites with two uplinks each, the first of which is the cheaper one.
fn pair(seed: u64) -> Setup {
    Setup { costs: vec![vec![50, 100]; 2], ..Setup::mesh(seed, 2, 2) }
}

/// A site with two uplinks, and so many around it with one.
fn star(seed: u64, spokes: usize) -> Setup {
    let costs = std::iter::once(vec![50, 100]).chain(std::iter::repeat_n(vec![100], spokes)).collect();
    let pairs: Vec<_> = (1..=spokes).map(|spoke| (0, spoke)).collect();
    Setup { costs, traffic: pairs.clone(), pairs, ..Setup::mesh(seed, 1, 1) }
}
