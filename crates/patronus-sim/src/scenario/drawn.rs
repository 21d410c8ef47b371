//! Plays that a seed draws.

use std::time::Duration;

use patronus_types::path::PathSettings;

use super::Scenario;
use crate::fault::Fault;
use crate::random::Random;
use crate::setup::{Demand, Setup};
use crate::wan::{Place, Port, Weather};

/// How long a play is.
const LENGTH: Duration = Duration::from_secs(150);
/// When, in milliseconds, things may begin to happen.
const STRIKES_MS: std::ops::Range<u64> = 15_000..120_000;
/// How many do at most.
const FAULTS: u64 = 8;

/// The play of a seed, with up to so many sites.
pub fn drawn(seed: u64, most_sites: usize) -> Scenario {
    let mut random = Random::new(seed, 0xfa_17);
    let setup = setup(seed, most_sites, &mut random);
    let mut faults = Vec::new();
    for _ in 0..random.within(1..FAULTS + 1) {
        let at = random.millis(STRIKES_MS);
        befall(&setup, at, &mut random, &mut faults);
    }
    Scenario { name: "drawn", setup, faults, length: LENGTH, defects: Vec::new() }
}

fn setup(seed: u64, most_sites: usize, random: &mut Random) -> Setup {
    // Mostly small ones: what is wrong shows there too, and they are quick.
    let most = if random.chance(0.7) { 2 } else { most_sites.max(2) };
    let sites = usize::try_from(random.within(2..most as u64 + 1)).unwrap_or(2);
    let mut setup = Setup::mesh(seed, sites, 1);
    for costs in &mut setup.costs {
        let uplinks = *random.pick(&[1, 2, 2, 2, 3]).unwrap_or(&2);
        *costs = (0..uplinks).map(|_| *random.pick(&[100, 100, 50]).unwrap_or(&100)).collect();
    }
    setup.settings = PathSettings {
        interval_ms: *random.pick(&[100, 100, 100, 200, 50]).unwrap_or(&100),
        hold_s: *random.pick(&[30, 30, 10]).unwrap_or(&30),
        ..PathSettings::default()
    };
    setup.base = Weather { jitter: random.millis(0..6), ..Weather::slow(random.within(2..30)) };
    setup.traffic.retain(|_| random.chance(0.7));
    for port in ports(&setup) {
        setup.weather.push((Place::From(port), Weather::slow(random.within(0..20))));
    }
    if random.chance(0.3) {
        let latency_ms = Some(u32::try_from(random.within(80..200)).unwrap_or(100));
        setup.demands.push(Demand { latency_ms, prefer: vec![0], drops: random.chance(0.3) });
    }
    setup
}

fn ports(setup: &Setup) -> Vec<Port> {
    let sites = 0..setup.costs.len();
    sites.flat_map(|site| (0..setup.uplinks(site)).map(move |uplink| Port { site, uplink })).collect()
}

/// One thing, and that it ends, mostly.
fn befall(setup: &Setup, at: Duration, random: &mut Random, faults: &mut Vec<(Duration, Fault)>) {
    let (ports, links) = (ports(setup), setup.links());
    let (Some(&port), Some(&link)) = (random.pick(&ports), random.pick(&links)) else { return };
    let until = at + random.millis(100..60_000);
    let weather = weather(random);
    let (begin, end) = match random.within(0..12) {
        0..3 => (Fault::Uplink(port, Weather::DEAD), Some(Fault::Uplink(port, Weather::CLEAR))),
        3 => (Fault::Uplink(port, weather), Some(Fault::Uplink(port, Weather::CLEAR))),
        4..6 => {
            let place = Place::Between(link);
            (Fault::Weather(place, weather), Some(Fault::Weather(place, Weather::CLEAR)))
        }
        6 => (
            Fault::Weather(Place::Between(link), Weather::DEAD),
            Some(Fault::Weather(Place::Between(link), Weather::CLEAR)),
        ),
        7 => (Fault::Device(port, false), Some(Fault::Device(port, true))),
        8 => (Fault::Drain(port, true), Some(Fault::Drain(port, false))),
        9 => (stall(port.site, random), None),
        10 => {
            let leaves = if random.chance(0.5) { Fault::Leave(port.site) } else { Fault::Kill(port.site) };
            (leaves, Some(Fault::Begin(port.site)))
        }
        _ => {
            let (low, high) = *random.pick(&setup.pairs).unwrap_or(&(0, 1));
            (Fault::Traffic(low, high, true), Some(Fault::Traffic(low, high, false)))
        }
    };
    faults.push((at, begin));
    faults.extend(end.map(|end| (until, end)));
}

fn stall(site: usize, random: &mut Random) -> Fault {
    match random.within(0..4) {
        0 => Fault::Sleep(site, random.millis(50..5000)),
        1 => Fault::Leap(site, random.millis(50..20_000)),
        _ => Fault::Stall(site, random.millis(20..3000)),
    }
}

fn weather(random: &mut Random) -> Weather {
    match random.within(0..5) {
        0 => Weather::lossy(*random.pick(&[0.01, 0.05, 0.2, 0.3]).unwrap_or(&0.1)),
        1 => Weather::slow(random.within(5..150)),
        2 => Weather { jitter: random.millis(5..60), ..Weather::CLEAR },
        3 => Weather { doubled: 0.1, overtaken: 0.05, ..Weather::CLEAR },
        _ => Weather::DEAD,
    }
}
