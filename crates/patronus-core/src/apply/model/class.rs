//! The numbers of classes of traffic: one is used once on a host, whichever network's it is.

use std::ops::RangeInclusive;

use super::{Route, Rule};

/// The first of the tables, for number 0, which no class has.
const TABLE: u32 = 20_000;
/// The same of priorities.
const PRIORITY: u32 = 4_600;

/// The routing table of a class.
pub fn class_table(id: u8) -> u32 {
    TABLE + u32::from(id)
}

/// Priority of the rules that send what is marked with a class to its table.
pub fn class_rule_priority(id: u8) -> u32 {
    PRIORITY + u32::from(id)
}

/// All priorities that rules of classes may have.
pub fn class_rule_priorities() -> RangeInclusive<u32> {
    class_rule_priority(1)..=class_rule_priority(u8::MAX)
}

/// The class in whose table a route is.
pub fn class_of_route(route: &Route) -> Option<u8> {
    number(route.table, TABLE)
}

/// The class whose rule it is.
pub fn class_of_rule(rule: &Rule) -> Option<u8> {
    number(rule.priority, PRIORITY)
}

fn number(it: u32, first: u32) -> Option<u8> {
    it.checked_sub(first).and_then(|id| u8::try_from(id).ok()).filter(|id| *id > 0)
}
