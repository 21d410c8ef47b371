//! Defects that are planted must be seen by the comparison, or that it sees none would mean nothing.

use std::collections::BTreeSet;

use patronus_core::apply::model::{Family, Route as KernelRoute, Rule, Selector, Target};
use patronus_tests::say;

use super::compare::{Counts, differences};
use super::draw::{Draw, Packet, Policy, Set};
use super::lab::{self, Lab};
use super::model::{answer, matches};
use super::world::{Order, World};

const SEED: u64 = 7;
/// A defect shows itself in one of so many sets.
const SETS: u16 = 25;
const PACKETS: u16 = 200;

/// What is wrong, and how it comes to be.
type Defect = (&'static str, fn(&mut Order));

const DEFECTS: [Defect; 14] = [
    ("all questions in the wrong order", |order| text(order, turn_questions)),
    ("all policies in the wrong order for the evaluator", |order| order.content.policies.reverse()),
    ("the marks of two classes exchanged", |order| text(order, swap_classes)),
    ("the tables of two classes exchanged", swap_tables),
    ("what is dropped passes", |order| text(order, |chains| chains.replacen(": drop", ": goto unclassed", 1))),
    ("a question of IPv6 is left out", |order| text(order, leave_out_ipv6)),
    ("no rules for IPv6", leave_out_rules),
    ("a class goes where it must not", |order| {
        order.desired.routes.retain(|it| it.table == KernelRoute::MAIN || it.target != Target::Unreachable);
    }),
    ("the field of DSCP is not looked at", |order| text(order, |chains| without(chains, "ip dscp 46 "))),
    ("a port is another", |order| text(order, |chains| chains.replacen(" . 443 :", " . 444 :", 1))),
    ("a protocol is another", |order| text(order, |chains| chains.replace(" . 47 :", " . 48 :"))),
    ("what the host sends is not sent anew", |order| {
        text(order, |chains| chains.replace("type route hook output", "type filter hook output"));
    }),
    ("policies concern probes", |order| {
        // All but the lab's own.
        text(order, |chains| chains.replace("udp sport 51837 return", "udp sport 51837 udp dport 9 return"));
    }),
    ("policies concern what goes into no tunnel", |order| {
        text(order, |chains| without(chains, "fib daddr oifname \"pt1*\" "));
    }),
];

#[test]
fn every_defect_that_is_planted_is_seen() {
    lab::run("planted defects", || async {
        let mut trial = Trial::new();
        for (name, defect) in DEFECTS {
            trial
                .see(name, |world, set, _| {
                    let mut order = world.order(set);
                    defect(&mut order);
                    order
                })
                .await;
        }
        trial.see("two policies exchanged", exchanged).await;
    });
}

/// One after the other.
struct Trial {
    world: World,
    lab: Lab,
}

impl Trial {
    fn new() -> Self {
        let world = World::new();
        let lab = Lab::new(&world);
        Self { world, lab }
    }

    /// Draws sets until the comparison sees what is wrong with an order.
    async fn see(&mut self, name: &str, order: impl Fn(&mut World, &Set, &[Packet]) -> Order) {
        let (mut draw, mut counts) = (Draw::new(SEED), Counts::default());
        for number in 1..=SETS {
            let (set, packets) = (draw.set(), draw.packets(PACKETS));
            let order = order(&mut self.world, &set, &packets);
            self.lab.apply(&order).await;
            let seen = differences(&self.lab, (&set, &order), &packets, &mut counts).await;
            lab::forget_flows();
            self.world.release(&BTreeSet::new());
            if !seen.is_empty() {
                say(&format!("defect seen in set {number} by {} of {PACKETS} packets: {name}\n", seen.len()));
                return;
            }
        }
        panic!("nobody saw in {SETS} sets: {name}");
    }
}

/// Of a set in which two policies that one packet matches have each other's place. Only the kernel's is wrong.
fn exchanged(world: &mut World, set: &Set, packets: &[Packet]) -> Order {
    let content = world.order(set).content;
    let mut wrong = set.clone();
    if let Some((one, other)) = packets.iter().find_map(|packet| rivals(set, packet)) {
        for (here, there) in [(one, other), (other, one)] {
            let Policy { name, priority, .. } = set.policies[there].clone();
            wrong.policies[here] = Policy { name, priority, ..set.policies[here].clone() };
        }
    }
    Order { content, ..world.order(&wrong) }
}

/// The places of the policy that decides about a packet and of another that would do something else.
fn rivals(set: &Set, packet: &Packet) -> Option<(usize, usize)> {
    let one = answer(set, packet).policy?;
    let place = |wanted: &Policy| set.policies.iter().position(|it| it == wanted);
    let other = set.policies.iter().find(|other| matches(other, packet) && other.action != one.action)?;
    Some((place(one)?, place(other)?))
}

fn text(order: &mut Order, change: impl Fn(&str) -> String) {
    order.desired.firewall = order.desired.firewall.as_deref().map(change);
}

fn without(chains: &str, words: &str) -> String {
    chains.replace(words, "")
}

/// The chain that asks, before, within and behind its questions.
fn questions(chains: &str) -> Option<(&str, Vec<&str>, &str)> {
    let start = chains.find("chain classify {")?;
    let start = start + chains[start..].find("}; ")? + 3;
    let end = start + chains[start..].find("goto unclassed; }")?;
    Some((&chains[..start], chains[start..end].split_inclusive("; ").collect(), &chains[end..]))
}

fn turn_questions(chains: &str) -> String {
    let Some((before, mut asked, behind)) = questions(chains) else { return chains.to_owned() };
    asked.reverse();
    format!("{before}{}{behind}", asked.concat())
}

fn leave_out_ipv6(chains: &str) -> String {
    let Some((before, mut asked, behind)) = questions(chains) else { return chains.to_owned() };
    if let Some(place) = asked.iter().position(|question| question.starts_with("ip6 ")) {
        asked.remove(place);
    }
    format!("{before}{}{behind}", asked.concat())
}

fn swap_classes(chains: &str) -> String {
    let names: Vec<&str> = chains.split("chain ").filter_map(|it| it.split_once(" {")).map(|(name, _)| name).collect();
    let classes: Vec<&str> = names.into_iter().filter(|name| name.starts_with("class_")).collect();
    let [one, other, ..] = classes[..] else { return chains.to_owned() };
    let (of_one, of_other) = (format!("chain {one} {{"), format!("chain {other} {{"));
    chains.replace(&of_one, "chain SWAP {").replace(&of_other, &of_one).replace("chain SWAP {", &of_other)
}

fn is_of_class(rule: &Rule) -> bool {
    matches!(rule.selector, Selector::Mark { .. })
}

fn swap_tables(order: &mut Order) {
    let rules = &mut order.desired.rules;
    let tables: BTreeSet<u32> = rules.iter().filter(|rule| is_of_class(rule)).map(|rule| rule.table).collect();
    let [one, other, ..] = tables.into_iter().collect::<Vec<u32>>()[..] else { return };
    let swapped = |table| match table {
        it if it == one => other,
        it if it == other => one,
        it => it,
    };
    *rules = rules.iter().map(|rule| Rule { table: swapped(rule.table), ..rule.clone() }).collect();
}

fn leave_out_rules(order: &mut Order) {
    order.desired.rules.retain(|rule| !(is_of_class(rule) && rule.selector.family() == Family::V6));
}
