//! What it costs to measure paths, to choose among them, and to compile policies: `cargo bench -p patronus-core --bench path`.
//!
//! Prints each promised figure beside its bound, and the ratio of both; fails where one is above 1. One core, no system calls.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement needs a clock and an output")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use patronus_core::path::estimate::Estimate;
use patronus_core::path::hearing::Heard;
use patronus_core::path::packet::Packet;
use patronus_core::path::prober::{Action, Peer, Plan, Prober};
use patronus_core::path::score::{Figures, Scores};
use patronus_core::path::select::{Class, Selector, View, Way};
use patronus_core::path::summary::{self, Summary};
use patronus_core::policy::{Flow, compile, evaluate, keys, lint, resolve};
use patronus_types::path::PathSettings;
use patronus_types::policy::Apps;
use patronus_types::policy::{PolicySpec, Protocol};

const ROUNDS: usize = 7;
const MS: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let (fold, block) = fold();
    let kept = [
        figure("decision, 100,000 paths loaded", lookup(), 20.0, "ns"),
        figure("one measurement into its estimate", estimate(), 200.0, "ns"),
        figure("the same, from packet to selector", packet(), 200.0, "ns"),
        figure("score of 1,000 paths", rescore() / 1000.0, 5.0, "us"),
        figure("storm: 100 paths fail, all moved", storm() / 1e6, 1000.0, "ms"),
        figure("1,000 paths at 1 s, of a core", prober() * 100.0, 2.0, "%"),
        figure("health of 1,000 paths folded", fold / 1e6, 10.0, "ms"),
    ];
    println!("{:36} {block:>9.1} bytes of a block", "a path and minute");
    policies();
    if kept.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Says how it is, and whether that is within its bound.
fn figure(name: &str, is: f64, bound: f64, unit: &str) -> bool {
    println!("{name:36} {is:>9.2} {unit:3} of {bound:>6} {unit:3} ratio {:.3}", is / bound);
    is <= bound
}

/// Nanoseconds of the best of several rounds, for each of `count` things done in one.
fn best(count: usize, mut work: impl FnMut()) -> f64 {
    let mut once = || {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e9
    };
    let least = (0..ROUNDS).map(|_| once()).fold(f64::INFINITY, f64::min);
    least / number(count)
}

#[allow(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn number(count: usize) -> f64 {
    count as f64
}

fn ways() -> Vec<Way> {
    (0..4).map(|path| Way { local: path / 2, remote: path % 2, cost: 200, drained: false, begins: true }).collect()
}

fn view(now: Duration, latency_ms: f32) -> View {
    let figures = Some(Figures { latency_ms, loss: 0.0, jitter_ms: 1.0 });
    View {
        heard: Heard::Both,
        last: Some(now),
        proven: Some(now),
        intervals: (100 * MS, 100 * MS),
        figures,
        ..View::UNKNOWN
    }
}

fn lookup() -> f64 {
    let pairs = 25_000;
    let mut selector = Selector::new(PathSettings::default(), &vec![ways(); pairs], vec![Class::default(); 4]);
    selector.handle_timeout(MS);
    // Far apart, so that no answer lies in a cache because of the one before.
    let asked: Vec<(usize, usize)> = (0..100_000).map(|step| (step * 7919 % pairs, step % 4)).collect();
    best(asked.len(), || asked.iter().for_each(|&(pair, class)| _ = black_box(selector.decision(pair, class))))
}

fn estimate() -> f64 {
    let mut estimate = Estimate::default();
    let mut seq = 0u32;
    best(100_000, || {
        for _ in 0..100_000 {
            seq = seq.wrapping_add(1);
            black_box(estimate.handle_seq(seq));
            black_box(estimate.handle_told(seq, seq));
            black_box(estimate.handle_trip(Duration::from_micros(20_000 + u64::from(seq % 64)), 100 * MS));
            black_box(estimate.figures());
        }
    })
}

fn plan(peers: u32, ways: &[Way]) -> Plan {
    let peer = |index: u32| Peer {
        name: text(&format!("s{index}")),
        address: Ipv4Addr::from(0x0ad2_0000 + index).into(),
        ways: ways.to_vec(),
    };
    let peers = (1..=peers).map(peer).collect();
    Plan {
        settings: PathSettings::default(),
        mtu: 1420,
        metered: vec![false; 2],
        peers,
        classes: vec![Class::default(); 4],
    }
}

/// What the far end would send back at once.
fn answer(packet: &Packet, now: Duration) -> [u8; 40] {
    let time = u64::try_from(now.as_nanos()).unwrap_or_default();
    let far = Packet {
        hears: true,
        full: false,
        local: packet.remote,
        remote: packet.local,
        ack: packet.seq,
        echo: packet.time,
        hold_us: 0,
        received: packet.seq,
        time,
        ..*packet
    };
    far.encode()
}

/// Packets that acknowledge ours, each with a round trip to take.
fn packet() -> f64 {
    const EACH: u32 = 8000;
    let far: IpAddr = Ipv4Addr::from(0x0ad2_0001).into();
    let mut prober = Prober::new(plan(1, &ways()[..1]), 1, MS);
    let (mut now, mut sent, mut ack) = (MS, 0, None);
    while sent < EACH * 8 {
        now = prober.poll_timeout().unwrap_or(now).max(now);
        prober.handle_timeout(now);
        while let Some(action) = prober.poll_action() {
            let Action::Send(burst) = action else { continue };
            (sent, ack) = (sent + 1, ack.or(burst.packets.first().map(|(_, packet, _)| packet.seq)));
        }
    }
    let (mut seq, mut ack) = (0u32, ack.unwrap_or_default());
    best(8000, || {
        for _ in 0..EACH {
            (seq, ack, now) = (seq.wrapping_add(1), ack.wrapping_add(1), now + 20 * MS);
            let echo = u64::try_from((now - 20 * MS).as_nanos()).unwrap_or_default();
            let packet = Packet { hears: true, interval_ms: 20, seq, ack, received: seq, echo, ..Packet::default() };
            prober.handle_packet((0, 0), far, &packet.encode(), now);
        }
        assert!(prober.selector().view(0).figures.is_some_and(|figures| figures.latency_ms > 19.0));
    })
}

fn rescore() -> f64 {
    let mut scores = Scores::new(1000);
    for path in 0..1000u16 {
        let by = f32::from(path);
        scores.set(path.into(), Figures { latency_ms: by / 3.0, loss: by / 20_000.0, jitter_ms: by / 50.0 });
    }
    best(1000, || (0..1000).for_each(|_| black_box(&mut scores).rescore()))
}

fn storm() -> f64 {
    let mut selector = Selector::new(PathSettings::default(), &vec![ways(); 100], vec![Class::default(); 4]);
    let mut now = 1000 * MS;
    (0..400).for_each(|path| selector.handle_view(path, view(now, 20.0)));
    selector.handle_timeout(now);
    let mut left = 0;
    let time = best(1, || {
        while selector.poll_action().is_some() {}
        now += 60_000 * MS;
        (0..400).for_each(|path| selector.handle_view(path, view(now, 20.0)));
        selector.handle_timeout(now);
        let failed: Vec<usize> = (0..100).filter_map(|pair| selector.decision(pair, 0).path).collect();
        now += 330 * MS;
        (0..400).filter(|path| !failed.contains(path)).for_each(|path| selector.handle_view(path, view(now, 20.0)));
        failed.iter().for_each(|path| {
            let gone = View { heard: Heard::Silent, since: now, ..selector.view(*path) };
            selector.handle_view(*path, gone);
        });
        selector.handle_timeout(now);
        left +=
            failed.iter().enumerate().filter(|(pair, path)| selector.decision(*pair, 0).path != Some(**path)).count();
    });
    if left == 100 * ROUNDS { time } else { f64::INFINITY }
}

/// Seconds of work for each second of a thousand paths, all answered at once.
fn prober() -> f64 {
    let mut prober = Prober::new(plan(1000, &ways()[..1]), 1, MS);
    let mut now = MS;
    let start_after = 20_000 * MS;
    let (mut work, mut began) = (Duration::ZERO, now);
    while now < start_after + 60_000 * MS {
        if now < start_after {
            (work, began) = (Duration::ZERO, now);
        }
        now = prober.poll_timeout().unwrap_or(now).max(now);
        let start = Instant::now();
        prober.handle_timeout(now);
        let actions: Vec<Action> = std::iter::from_fn(|| prober.poll_action()).collect();
        work += start.elapsed();
        let sent =
            actions.iter().filter_map(|action| if let Action::Send(burst) = action { Some(burst) } else { None });
        let answers: Vec<_> =
            sent.flat_map(|burst| &burst.packets).map(|(to, packet, _)| (*to, answer(packet, now))).collect();
        let start = Instant::now();
        answers.iter().for_each(|(from, bytes)| prober.handle_packet((0, 0), *from, bytes, now + MS));
        work += start.elapsed();
        now += MS;
    }
    work.as_secs_f64() / now.saturating_sub(began).as_secs_f64()
}

/// Nanoseconds to read a block of a thousand paths and add it to their hour, and the bytes of each path in it.
fn fold() -> (f64, f64) {
    let mut minute = Summary::default();
    (0..60).for_each(|step| minute.add_trip(Duration::from_micros(20_000 + step), Duration::from_micros(700)));
    (0..60).for_each(|_| minute.add_score(97.0));
    (minute.outgoing.came, minute.incoming.came) = (60, 60);
    let rows: Vec<(u32, Summary)> = (0..1000).map(|key| (key * 16, minute)).collect();
    let block = summary::encode(&rows);
    let mut hour = vec![Summary::default(); 1000];
    let time = best(1, || {
        let rows = summary::decode(black_box(&block)).unwrap_or_default();
        hour.iter_mut().zip(&rows).for_each(|(hour, (_, minute))| hour.merge(minute));
    });
    (time, number(block.len()) / 1000.0)
}

fn policies() {
    let specs: Vec<PolicySpec> = (0..1000).map(policy).collect();
    let Ok(rules) = resolve(&specs, &[], &Apps::default()) else { return println!("the sample policies do not hold") };
    let flow = |dst| Flow {
        src: Ipv4Addr::new(10, 0, 0, 1).into(),
        dst,
        protocol: Protocol::TCP,
        src_port: Some(40_000),
        dst_port: Some(443),
        dscp: 0,
    };
    let last = flow(Ipv4Addr::new(10, 103, 249, 1).into());
    let scan = best(1000, || (0..1000).for_each(|_| _ = black_box(evaluate(&rules, black_box(&last)))));
    let compiling = best(1, || drop(black_box(compile::compile(&rules))));
    let linting = best(1, || drop(black_box(lint(&specs, &rules, &[]))));
    let program = compile::compile(&rules);
    let ids = (1..=u8::MAX).take(keys(&rules).len()).collect();
    let numbers = compile::Numbers { prefix: "pt1".to_owned(), probe_port: 51_837, shift: 24, ids };
    let text = compile::firewall(&program, &rules, &numbers);
    println!("{:36} {:>9.2} us", "1,000 policies: scan to the last", scan / 1000.0);
    println!("{:36} {:>9.2} ms", "  compiled", compiling / 1e6);
    println!("{:36} {:>9.2} ms", "  linted", linting / 1e6);
    println!("{:36} {:>9} questions, {} kB of nft", "  for the kernel", program.steps.len(), text.len() / 1000);
}

fn policy(number: usize) -> PolicySpec {
    let (high, low, uplink) = (100 + number / 250, number % 250, ["fiber", "lte", "dsl"][number % 3]);
    let json = format!(
        r#"{{"name": "p{number}", "priority": 10, "action": "route", "route": {{"prefer": ["{uplink}"]}},
            "match_criteria": {{"dst": "10.{high}.{low}.0/24", "protocol": "tcp", "dst_ports": 443}}}}"#
    );
    let Ok(spec) = serde_json::from_str(&json) else { unreachable!("a constant") };
    spec
}

fn text<T: std::str::FromStr>(text: &str) -> T {
    let Ok(value) = text.parse() else { unreachable!("a constant") };
    value
}
