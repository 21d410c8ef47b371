//! Flows that are there when policies change: each goes on as it was given, or is asked about again.

use std::collections::BTreeMap;

use patronus_tests::say;

use super::draw::{Action, Draw, Packet, Policy, Route, Set, State, TCP, address};
use super::lab::{self, Lab};
use super::memory::Flow;
use super::model::answer;
use super::packet::{ACK, SYN, SYN_ACK, Segment, write_segment};
use super::world::World;

const SEED: u64 = 11;
/// Each begins with flows of its own.
const RUNS: u16 = 4;
const CHANGES: u16 = 10;
const FLOWS: u16 = 100;

#[test]
fn flows_go_on_by_what_they_were_given_as_long_as_it_is_there() {
    lab::run("flows while policies change", || async {
        let (mut world, mut draw, mut seen) = (World::new(), Draw::new(SEED), BTreeMap::new());
        let lab = Lab::new(&world);
        for run in 0..RUNS {
            lab::forget_flows();
            let all = broad(&mut draw);
            let mut flows: Vec<Flow> = draw.packets(FLOWS).into_iter().map(Flow::new).collect();
            for change in 0..CHANGES {
                // Where something is dropped or limited all is asked about again, so half of the flows never meet that.
                let set = if run % 2 == 0 { draw.variant(&all) } else { without_bars(draw.variant(&all)) };
                world.release(&lab.flow_marks().await);
                lab.apply(&world.order(&set)).await;
                let wrong = go_on(&lab, &set, &mut flows, &mut seen).await;
                assert!(wrong.is_empty(), "seed {SEED}, run {run}, change {change}: {}\n{}", wrong.len(), wrong[0]);
            }
        }
        say(&format!("flows: {RUNS} times {FLOWS} through {CHANGES} changes: {seen:?}\n"));
        assert!(seen.len() == 4 && seen.values().all(|count| *count >= 50), "{seen:?}");
    });
}

/// Very many policies, each of which concerns much.
fn broad(draw: &mut Draw) -> Set {
    let mut set = draw.set();
    set.policies.extend((0..3).flat_map(|_| draw.set().policies));
    for (number, policy) in set.policies.iter_mut().enumerate() {
        policy.name = format!("p{number}");
        if number % 2 == 0 { policy.src.clear() } else { policy.dst.clear() }
    }
    set
}

fn without_bars(mut set: Set) -> Set {
    set.policies.retain(|policy| matches!(policy.action, Action::Route(_)));
    set
}

/// Sends the next packet of each flow. Answers what is not as it must be.
async fn go_on(lab: &Lab, set: &Set, flows: &mut [Flow], seen: &mut BTreeMap<&'static str, u32>) -> Vec<String> {
    let packets: Vec<Packet> = flows.iter().map(|flow| flow.packet).collect();
    let outcomes = lab.outcomes(&packets).await;
    let mut wrong = Vec::new();
    for flow in flows {
        let before = flow.clone();
        let next = flow.next(set);
        let kernel = &outcomes[&flow.packet.id];
        let as_new = next.outcome == answer(set, &flow.packet).outcome;
        let kind = match (next.kept, as_new) {
            (true, true) => "kept, and would be given the same",
            (true, false) => "kept, and would be given something else",
            (false, _) if before.has_class() => "asked about again",
            (false, _) => "asked about",
        };
        *seen.entry(kind).or_default() += 1;
        if *kernel != next.outcome {
            wrong.push(format!("{before:?}\n  model: {next:?}\n  kernel: {kernel:?}\n  {set:?}"));
        }
    }
    wrong
}

/// What one policy sends by an uplink.
fn by(uplink: &'static str) -> Set {
    let policy = Policy {
        name: uplink.to_owned(),
        priority: 100,
        src: Vec::new(),
        dst: Vec::new(),
        protocol: None,
        src_ports: Vec::new(),
        dst_ports: Vec::new(),
        dscp: None,
        app: None,
        action: Action::Route(Route { prefer: vec![uplink], drops: false }),
    };
    Set { policies: vec![policy], state: State::default() }
}

#[test]
fn both_directions_of_a_flow_are_one() {
    lab::run("answers to flows", || async {
        let mut world = World::new();
        let lab = Lab::new(&world);
        let ask = Packet {
            id: 1,
            local: false,
            src: address("10.1.0.10"),
            dst: address("10.2.0.10"),
            protocol: TCP,
            src_port: 1000,
            dst_port: 443,
            dscp: 0,
        };
        let answer =
            Packet { id: 2, src: ask.dst, dst: ask.src, src_port: ask.dst_port, dst_port: ask.src_port, ..ask };
        let conversation: [(&Packet, &str, Segment); 3] =
            [(&ask, "lan", SYN), (&answer, "pt101", SYN_ACK), (&ask, "lan", ACK)];
        lab.apply(&world.order(&by("lte"))).await;
        for ((packet, from, segment), to) in conversation.into_iter().zip(["pt110", "lan", "pt110"]) {
            lab.tun(from).inject(&write_segment(packet, segment, 0));
            assert_eq!(lab.drain().await, [(to.to_owned(), packet.id)]);
        }
        // The other end may have begun it as well.
        lab::forget_flows();
        for ((packet, from, segment), to) in
            [(&answer, "pt101", SYN), (&ask, "lan", SYN_ACK)].into_iter().zip(["lan", "pt110"])
        {
            lab.tun(from).inject(&write_segment(packet, segment, 0));
            assert_eq!(lab.drain().await, [(to.to_owned(), packet.id)]);
        }
    });
}
