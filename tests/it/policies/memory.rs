//! What must become of the packets of a flow, by what those before them were given.

use super::draw::{Action, Packet, Route, Set};
use super::model::{Outcome, answer, by_default, by_route};

/// What a flow was given: the default or a route, and under which policies where that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    route: Option<Route>,
    under: Option<String>,
}

/// A flow all packets of which look like the first.
#[derive(Debug, Clone)]
pub struct Flow {
    pub packet: Packet,
    class: Option<Class>,
    /// Whether the kernel knows it: only once a packet got through.
    known: bool,
}

/// What becomes of a packet, and why it is not what becomes of a new flow's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    pub outcome: Outcome,
    /// The flow had a class that is still there.
    pub kept: bool,
}

impl Flow {
    pub fn new(packet: Packet) -> Self {
        Self { packet, class: None, known: false }
    }

    pub fn has_class(&self) -> bool {
        self.class.is_some()
    }

    /// The next packet goes on its way.
    pub fn next(&mut self, set: &Set) -> Next {
        let fresh = answer(set, &self.packet);
        if !fresh.asked || set.policies.is_empty() {
            self.known |= got_through(&fresh.outcome);
            return Next { outcome: fresh.outcome, kept: false };
        }
        let kept = self.class.clone().filter(|class| is_there(set, class));
        let is_kept = kept.is_some();
        let class = match (kept, fresh.policy.map(|policy| &policy.action)) {
            (Some(class), _) => class,
            (None, Some(Action::Drop)) => return Next { outcome: fresh.outcome, kept: false },
            (None, Some(Action::Limit(_))) => {
                self.known = true;
                self.class = None;
                return Next { outcome: fresh.outcome, kept: false };
            }
            (None, Some(Action::Route(route))) if *route != Route::default() => of_route(set, route),
            (None, _) => of_default(set),
        };
        let outcome = match &class.route {
            Some(route) => by_route(set, route, self.packet.dst),
            None => by_default(set, self.packet.dst),
        };
        self.known |= got_through(&outcome);
        if self.known {
            self.class = Some(class);
        }
        Next { outcome, kept: is_kept }
    }
}

fn got_through(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Leaves(_) | Outcome::Arrives)
}

fn is_there(set: &Set, class: &Class) -> bool {
    match &class.route {
        None => *class == of_default(set),
        Some(route) => has(set, |action| *action == Action::Route(route.clone())) && *class == of_route(set, route),
    }
}

/// What the default took is asked about again with every change.
fn of_default(set: &Set) -> Class {
    Class { route: None, under: Some(words(set)) }
}

/// So is what has a route, where something is barred that it might be meant by.
fn of_route(set: &Set, route: &Route) -> Class {
    let bars = has(set, |action| !matches!(action, Action::Route(_)));
    Class { route: Some(route.clone()), under: bars.then(|| words(set)) }
}

fn has(set: &Set, wanted: impl Fn(&Action) -> bool) -> bool {
    set.policies.iter().any(|policy| wanted(&policy.action))
}

fn words(set: &Set) -> String {
    format!("{:?}", set.policies)
}
