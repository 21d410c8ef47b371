//! From what is to what shall be, in an order that loses nothing.
//!
//! First everything is added (devices, addresses, peers), then AllowedIPs move, then uplink tables and rules, then routes
//! in one batch, then the firewall; at last a probe goes to every peer that may be waiting for one. That is
//! [`Plan::apply`]. What is no longer wanted goes in [`Plan::clean`], once the new state has proven itself: routes and
//! rules before addresses, addresses before peers, peers before devices.

mod clean;
mod memory;
mod peers;
mod ports;
mod routes;
mod step;
mod tunnels;
mod words;

use std::collections::BTreeSet;

use patronus_types::Name;
use patronus_types::api::agent::Steps;

use super::Desired;
use super::model::{Firewall, Observed, Route, class_of_route, class_of_rule};
use crate::digest::sha256;

pub use memory::Memory;
pub use step::Step;

/// What is to be done, and what that means for each tunnel and peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Adds and moves.
    pub apply: Vec<Step>,
    /// Takes away what is no longer wanted.
    pub clean: Vec<Step>,
    /// How many tunnels and peers are kept, changed and so on; a peer counts once for each tunnel.
    pub counts: Steps,
    /// What becomes of each tunnel and peer that is not simply kept.
    pub verdicts: Vec<Verdict>,
    /// What stays otherwise than it is desired, and why, in words.
    pub warnings: Vec<String>,
}

/// What becomes of a tunnel or peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The interface.
    pub interface: String,
    /// The peer, by name where it is known; none for the interface itself.
    pub peer: Option<String>,
    /// What is done.
    pub action: Action,
    /// Why, in a few words.
    pub reason: String,
}

/// What is done to a tunnel or peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Left as it is.
    Keep,
    /// Changed in place, without loss.
    Change,
    /// Its sessions end and begin again.
    Restart,
    /// Made.
    Create,
    /// Removed.
    Remove,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.apply.is_empty() && self.clean.is_empty()
    }

    fn note(&mut self, interface: &str, peer: Option<String>, (action, reason): (Action, String)) {
        let count = match action {
            Action::Keep => &mut self.counts.kept,
            Action::Change => &mut self.counts.changed,
            Action::Restart => &mut self.counts.restarted,
            Action::Create => &mut self.counts.created,
            Action::Remove => &mut self.counts.removed,
        };
        *count = count.saturating_add(1);
        if action != Action::Keep {
            self.verdicts.push(Verdict { interface: interface.to_owned(), peer, action, reason });
        }
    }
}

/// The steps from the observed state to the desired one.
///
/// `memory` is what earlier applies have put there: without it, `unreachable` routes that are no longer wanted stay
/// (they could be another network's), and an endpoint that was learnt is set back to the declared one.
///
/// An interface of somebody else with a name of ours is not known here from one whose making was cut short before it got
/// its alias: the step that makes it refuses the one and finishes the other, and comes first.
pub fn plan(desired: &Desired, observed: &Observed, memory: &Memory) -> Plan {
    let mut plan = Plan::default();
    // What is there while the plan is carried out; a restart takes addresses and routes along.
    let mut now = observed.clone();
    claim(&mut now, desired, memory);
    let touched = tunnels::add(&mut plan, &mut now, desired, memory);
    peers::move_allowed_ips(&mut plan, &now, desired);
    sysctls(&mut plan, &now, desired);
    let uplinks = routes::add_uplinks(&mut plan, &now, desired);
    peers::repeat_endpoints(&mut plan, &now, (desired, &uplinks));
    routes::add_main(&mut plan, &now, desired);
    firewall(&mut plan, &now, desired);
    plan.apply.extend(touched.into_iter().map(|(interface, peers)| Step::Probe { interface, peers }));
    clean::add(&mut plan, &now, (desired, memory));
    plan
}

/// Takes what belongs to classes for the network's own where the class is its own, and leaves it alone otherwise.
fn claim(now: &mut Observed, desired: &Desired, memory: &Memory) {
    let mut own = memory.classes.clone();
    own.extend(desired.rules.iter().filter_map(class_of_rule));
    now.rules.retain(|rule| class_of_rule(rule).is_none_or(|id| own.contains(&id)));
    let is_own = |route: &Route| class_of_route(route).is_some_and(|id| own.contains(&id));
    let claimed: Vec<Route> = now.twins.iter().filter(|route| is_own(route)).cloned().collect();
    now.twins.retain(|route| class_of_route(route).is_none());
    now.routes.extend(claimed);
}

fn sysctls(plan: &mut Plan, now: &Observed, desired: &Desired) {
    for (path, value) in &desired.sysctls {
        if now.sysctls.get(path).is_some_and(|is| is != value) {
            plan.apply.push(Step::SetSysctl { path: path.clone(), value: value.clone() });
        }
    }
}

fn firewall(plan: &mut Plan, now: &Observed, desired: &Desired) {
    let Some(chains) = &desired.firewall else { return };
    let is = match &now.firewall {
        Firewall::Unavailable(_) => return,
        Firewall::Missing => None,
        Firewall::Present(digest) => Some(digest.as_str()),
    };
    if is != Some(&sha256(chains.as_bytes()).to_string()) {
        let required = desired.needs_firewall;
        plan.apply.push(Step::ReplaceFirewall { chains: chains.clone(), required });
    }
}

/// The name of a peer for people: the site's where it is known.
fn shown(name: Option<&Name>, key: &patronus_types::PublicKey) -> String {
    name.map_or_else(|| key.to_string(), Name::to_string)
}

/// Elements of `wanted` that are not in `there`.
fn missing<T: Ord + Clone>(wanted: &BTreeSet<T>, there: &BTreeSet<T>) -> Vec<T> {
    wanted.difference(there).cloned().collect()
}
