//! The model, the evaluator and the kernel are asked the same.

use std::collections::BTreeMap;

use super::draw::{Action, Packet, Route, Set};
use super::lab::{Lab, forget_flows};
use super::model::{Answer, Outcome, answer};
use super::world::{Order, evaluated};

/// Where the three do not agree, in words. Counts what was asked.
pub async fn differences(
    lab: &Lab,
    (set, order): (&Set, &Order),
    packets: &[Packet],
    seen: &mut Counts,
) -> Vec<String> {
    forget_flows();
    let outcomes = lab.outcomes(packets).await;
    let mut differences = Vec::new();
    for packet in packets {
        let wanted = answer(set, packet);
        let evaluator = evaluated(&order.content.policies, packet).filter(|_| wanted.asked);
        let kernel = &outcomes[&packet.id];
        seen.count(packet, &wanted);
        if (evaluator, kernel) != (wanted.policy.map(|policy| policy.name.as_str()), &wanted.outcome) {
            differences.push(format!(
                "{packet:?}\n  model: {wanted:?}\n  evaluator: policy {evaluator:?}\n  kernel: {kernel:?}\n  {set:?}\n{}",
                order.desired.firewall.as_deref().unwrap_or_default()
            ));
        }
    }
    differences
}

/// How many packets of each kind there were.
#[derive(Default)]
pub struct Counts(pub BTreeMap<&'static str, u32>);

impl Counts {
    fn count(&mut self, packet: &Packet, answer: &Answer) {
        let by = match (answer.asked, answer.policy.map(|policy| &policy.action)) {
            (false, _) => "not asked about",
            (true, None) => "by no policy",
            (true, Some(Action::Drop)) => "drop",
            (true, Some(Action::Limit(_))) => "rate_limit",
            (true, Some(Action::Route(route))) if *route == Route::default() => "default route",
            (true, Some(Action::Route(_))) => "route",
        };
        let ends = match &answer.outcome {
            Outcome::Leaves(device) if device.starts_with("pt") => "left by a tunnel",
            Outcome::Leaves(_) => "left otherwise",
            Outcome::Arrives => "arrived",
            Outcome::Dropped => "dropped",
            Outcome::Unreachable => "unreachable",
        };
        let family = if packet.src.is_ipv4() { "IPv4" } else { "IPv6" };
        let origin = if packet.local { "local" } else { "forwarded" };
        let order = if answer.contested { "by order" } else { "by one alone" };
        for kind in [by, ends, family, origin, order] {
            *self.0.entry(kind).or_default() += 1;
        }
    }

    /// At least so many of each of all kinds.
    pub fn assert_all(&self, least: u32) {
        assert!(self.0.len() == 17 && self.0.values().all(|count| *count >= least), "{:?}", self.0);
    }
}
