//! From rules to what the kernel asks: verdict maps instead of one rule after the other.
//!
//! Rules that concern no common packet need no order among them, so they go into one map, which the kernel asks once. A rule
//! joins the last map that it can: it meets nothing in it, and nothing behind it in the order that it must come after. However
//! many policies there are, there are as many maps as their deepest pile, mostly one for each family.

mod entries;
mod text;

use patronus_types::policy::{Action, Dscp, RateLimit, Route, Rule};

use super::overlap::{is_empty, meets};

pub use entries::{Entry, Key, Transport};
pub use text::{Numbers, firewall};

/// What a match leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The class of this place in [`classes`].
    Class(usize),
    /// What no policy matches: the best path.
    Default,
    /// Nowhere.
    Drop,
    /// The limit of this place in [`Program::limits`].
    Limit(usize),
}

/// One question to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Everything that gets so far.
    All(Verdict),
    /// One map for each family.
    Map {
        /// Only packets of this class.
        dscp: Option<Dscp>,
        /// Whether protocol and ports are part of the question.
        ports: bool,
        /// No two of them meet.
        entries: Vec<Entry>,
    },
    /// One rule that would be too many entries: sets for each part of it.
    Rule {
        /// Its place among the rules.
        rule: usize,
        /// What it leads to.
        verdict: Verdict,
    },
}

/// What the kernel is asked, in order; what nothing matches takes the default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The questions.
    pub steps: Vec<Step>,
    /// The limits, each with a count of its own.
    pub limits: Vec<RateLimit>,
}

/// The different routes of rules, but the default one, sorted: each is a class.
pub fn classes(rules: &[Rule]) -> Vec<&Route> {
    let routes = rules.iter().filter_map(|rule| match &rule.action {
        Action::Route(route) if *route != Route::default() => Some(route),
        _ => None,
    });
    let mut routes: Vec<&Route> = routes.collect();
    routes.sort_unstable();
    routes.dedup();
    routes
}

/// The class of what a rule decides about, as a selector numbers them: 0 is the default, and the place in [`classes`] and one
/// is each other.
pub fn class_of(rules: &[Rule], rule: &Rule) -> usize {
    match &rule.action {
        Action::Route(route) => classes(rules).binary_search(&route).map_or(0, |place| place + 1),
        Action::Drop | Action::RateLimit(_) => 0,
    }
}

/// Compiles rules.
pub fn compile(rules: &[Rule]) -> Program {
    let mut limits = Vec::new();
    let verdicts: Vec<Verdict> = verdicts(rules, &mut limits);
    let mut groups: Vec<Group> = Vec::new();
    for rule in (0..rules.len()).filter(|rule| !is_empty(&rules[*rule])) {
        let shape = Shape::of(&rules[rule]);
        match place(&groups, shape, (rules, &verdicts), rule) {
            Some(group) => groups[group].rules.push(rule),
            None => groups.push(Group { shape, rules: vec![rule] }),
        }
        if shape == Shape::All {
            // Whatever comes behind it is never asked.
            break;
        }
    }
    let steps = groups.iter().map(|group| group.step(rules, &verdicts)).collect();
    Program { steps, limits }
}

fn verdicts(rules: &[Rule], limits: &mut Vec<RateLimit>) -> Vec<Verdict> {
    let classes = classes(rules);
    let verdict = |rule: &Rule| match &rule.action {
        Action::Drop => Verdict::Drop,
        Action::Route(route) => classes.binary_search(&route).map_or(Verdict::Default, Verdict::Class),
        Action::RateLimit(limit) => {
            limits.push(*limit);
            Verdict::Limit(limits.len() - 1)
        }
    };
    rules.iter().map(verdict).collect()
}

/// What rules must have in common to be in one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    All,
    Map { dscp: Option<Dscp>, ports: bool },
    Alone,
}

impl Shape {
    fn of(rule: &Rule) -> Self {
        let is_all = rule.src.is_none() && rule.dst.is_none() && rule.services.is_empty() && rule.dscp.is_none();
        match entries::count(rule) {
            _ if is_all => Self::All,
            Some(_) => Self::Map { dscp: rule.dscp, ports: !rule.services.is_empty() },
            None => Self::Alone,
        }
    }
}

struct Group {
    shape: Shape,
    rules: Vec<usize>,
}

impl Group {
    fn step(&self, rules: &[Rule], verdicts: &[Verdict]) -> Step {
        let first = self.rules[0];
        match self.shape {
            Shape::All => Step::All(verdicts[first]),
            Shape::Alone => Step::Rule { rule: first, verdict: verdicts[first] },
            Shape::Map { dscp, ports } => {
                let of = |&rule: &usize| entries::of(&rules[rule], verdicts[rule]);
                Step::Map { dscp, ports, entries: self.rules.iter().flat_map(of).collect() }
            }
        }
    }
}

/// The last group that a rule can join, if there is one.
fn place(groups: &[Group], shape: Shape, (rules, verdicts): (&[Rule], &[Verdict]), rule: usize) -> Option<usize> {
    if !matches!(shape, Shape::Map { .. }) {
        return None;
    }
    for (index, group) in groups.iter().enumerate().rev() {
        let met: Vec<usize> = group.rules.iter().copied().filter(|other| meets(&rules[rule], &rules[*other])).collect();
        if met.is_empty() && group.shape == shape {
            return Some(index);
        }
        // It must be asked after what decides otherwise about the same packets.
        if met.iter().any(|other| verdicts[*other] != verdicts[rule]) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests;
