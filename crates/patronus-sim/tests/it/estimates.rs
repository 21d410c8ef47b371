//! What agents tell of paths, beside what is so.

use patronus_sim::fault::Fault;
use patronus_sim::setup::Setup;
use patronus_sim::wan::{Place, Port, Weather};

use super::*;

#[test]
fn ten_minutes_of_steady_loss_are_told_to_a_tenth() {
    let loss = 0.2;
    let mut setup = Setup::mesh(1, 2, 2);
    setup.base = Weather { jitter: ms(8), ..Weather::slow(25) };
    setup.weather = vec![(Place::From(Port { site: 0, uplink: 1 }), Weather::lossy(loss))];
    let mut world = World::new(setup).unwrap();
    world.run(s(5)).unwrap();
    world.site_mut(0).unwrap().take_minute();
    world.run(s(600)).unwrap();
    let told = world.site_mut(0).unwrap().take_minute();
    for (path, summary) in told.iter().enumerate() {
        let packets = f64::from(summary.outgoing.lost + summary.outgoing.came);
        let (told, is) = (f64::from(summary.outgoing.lost) / packets, if path < 2 { 0.0 } else { loss });
        assert!(packets > 5500.0 && (told - is).abs() <= is / 10.0, "{path}: {told} for {is} of {packets}");
        let latency = f64::from(u32::try_from(summary.latency_sum_us / u64::from(summary.trips)).unwrap()) / 1000.0;
        assert!((latency - 58.0).abs() <= 5.8, "{path}: {latency} ms");
    }
}

#[test]
fn what_never_answered_is_not_measured() {
    let mut setup = Setup::mesh(7, 2, 2);
    setup.weather = vec![(Place::From(Port { site: 1, uplink: 1 }), Weather::DEAD)];
    let mut world = World::new(setup).unwrap();
    world.plan(s(5), Fault::Stall(0, ms(700)));
    world.run(s(20)).unwrap();
    let figures = |way| world.view((0, 1, way)).unwrap().figures;
    assert!(figures((0, 0)).is_some() && figures((1, 0)).is_some());
    assert!(figures((0, 1)).is_none() && figures((1, 1)).is_none());
}
