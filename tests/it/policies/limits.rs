//! How much of a flood gets past a limit: no more than its rate and what may pass at once, and no less.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use patronus_tests::say;

use super::draw::{Action, Limit, Packet, Policy, Set, State, UDP, address};
use super::lab::{self, Lab};
use super::packet::{SYN, write_segment};
use super::world::World;

/// The bytes of a packet of IPv4 with all headers.
const LENGTH: usize = 1000;
/// Those of IPv4 and UDP, and what tells packets apart.
const HEADERS: usize = 20 + 8 + 8;
const SENT: u16 = 5000;
const PORTS: [u16; 2] = [2000, 3000];

/// What was sent, and how fast.
struct Flood {
    /// Packets to each port.
    sent: u16,
    took: Duration,
    /// What of it was left when what may pass at once had been sent.
    behind: Duration,
    /// The longest time in which nothing was sent.
    pause: Duration,
}

/// Each of two ports has a policy with the limit.
fn limited(limit: &Limit) -> Set {
    let policy = |port: u16| Policy {
        name: format!("limit-{port}"),
        priority: 100,
        src: Vec::new(),
        dst: Vec::new(),
        protocol: Some(UDP),
        src_ports: Vec::new(),
        dst_ports: vec![(port, port)],
        dscp: None,
        app: None,
        action: Action::Limit(limit.clone()),
    };
    Set { policies: PORTS.map(policy).to_vec(), state: State::default() }
}

fn packet(id: u16, dst: IpAddr) -> Packet {
    let src = address("10.1.0.10");
    // Each is a flow of its own, and of those to one port all have the same limit.
    Packet { id, local: false, src, dst, protocol: UDP, src_port: id, dst_port: PORTS[usize::from(id % 2)], dscp: 0 }
}

/// Sends so many packets to each port; `burst` of them may pass at once.
fn flood(lab: &Lab, sent: u16, burst: u16) -> Flood {
    let dst = address("10.2.0.10");
    let write = |id| write_segment(&packet(id, dst), SYN, LENGTH - HEADERS);
    let packets: Vec<Vec<u8>> = (1..=2 * sent).map(write).collect();
    let began = Instant::now();
    let (mut last, mut pause, mut burst_sent) = (began, Duration::ZERO, began);
    for (before, packet) in packets.iter().enumerate() {
        if before == 2 * usize::from(burst) {
            burst_sent = Instant::now();
        }
        lab.tun("lan").inject(packet);
        pause = pause.max(last.elapsed());
        last = Instant::now();
    }
    Flood { sent, took: began.elapsed(), behind: burst_sent.elapsed(), pause }
}

/// What passes: `burst` at once and `rate` in each second, in packets.
fn check(name: &str, (rate, burst): (f64, f64), passed: usize, flood: &Flood) {
    let passed = f64::from(u32::try_from(passed).unwrap());
    let in_time = |time: Duration| burst + rate * time.as_secs_f64();
    // What is spared is lost once it is more than may pass at once: before that has been sent, and in a long pause.
    let steady = flood.pause.as_secs_f64() < burst / rate;
    let (least, most) = (if steady { in_time(flood.behind) } else { burst }, in_time(flood.took));
    say(&format!("{name}: {passed} of {} passed in {:?}, {least:.1} to {most:.1} may\n", flood.sent, flood.took));
    assert!(least - 1.0 <= passed && passed <= most + 1.0, "{name}");
    assert!(most + 1.0 < f64::from(flood.sent), "{name}: too few were sent");
}

async fn try_limit(name: &str, limit: Limit, (rate, burst): (f64, u16)) {
    let mut world = World::new();
    let lab = Lab::new(&world);
    lab.apply(&world.order(&limited(&limit))).await;
    let flood = flood(&lab, SENT, burst);
    let left = lab.collect().await;
    assert!(left.values().all(|device| device == "pt100"), "by the best path");
    for place in 0..2 {
        let passed = left.keys().filter(|id| *id % 2 == place).count();
        check(name, (rate, burst.into()), passed, &flood);
    }
}

#[test]
fn packets_pass_by_rate_and_burst() {
    lab::run("a limit in packets", || {
        try_limit("a limit in packets", Limit { rate: 500, unit: "packets/s", burst: 200 }, (500.0, 200))
    });
}

#[test]
fn bits_pass_by_rate_and_burst() {
    lab::run("a limit in bits", || {
        try_limit("a limit in bits", Limit { rate: 4_000_000, unit: "bit/s", burst: 700_000 }, (500.0, 700))
    });
}

#[test]
fn of_bits_what_comes_in_a_second_passes_at_once() {
    lab::run("a limit in bits with a small burst", || {
        let limit = Limit { rate: 4_000_000, unit: "bit/s", burst: 20_000 };
        try_limit("a limit in bits with a small burst", limit, (500.0, 500))
    });
}
