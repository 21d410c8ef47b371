//! Routes and rules that are to be there. A route takes the place of one with its table, destination and metric in one
//! instant; nothing is removed here.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Plan, Step, missing};
use crate::apply::Desired;
use crate::apply::model::{Observed, Route, RouteChange, RuleChange, Target};

/// What makes two routes the same place.
pub(super) type Key = (u32, IpNet, u32);

pub(super) fn key(route: &Route) -> Key {
    (route.table, route.destination, route.metric)
}

/// Uplink tables, then the rules that lead to them. Answers the uplinks whose routing changes.
pub(super) fn add_uplinks(plan: &mut Plan, now: &Observed, desired: &Desired) -> BTreeSet<u8> {
    let mut wanted: Vec<&Route> = desired.routes.iter().filter(|route| route.table != Route::MAIN).collect();
    wanted.sort_by_key(|route| (order(route), route.table));
    let changes = changes(wanted.into_iter(), &now.routes);
    let rules: Vec<RuleChange> = missing(&desired.rules, &now.rules).into_iter().map(RuleChange::Add).collect();
    let tables: BTreeSet<u32> = changes
        .iter()
        .map(|change| match change {
            RouteChange::Add(route) | RouteChange::Replace(route) | RouteChange::Remove(route) => route.table,
        })
        .chain(rules.iter().map(|change| match change {
            RuleChange::Add(rule) | RuleChange::Remove(rule) => rule.table,
        }))
        .collect();
    push(plan, changes);
    if !rules.is_empty() {
        plan.apply.push(Step::ChangeRules(rules));
    }
    (0..4).filter(|&uplink| tables.contains(&desired.owner.uplink_table(uplink))).collect()
}

/// First `unreachable`, so that no packet leaves otherwise; then the networks of a link; then what needs them.
fn order(route: &Route) -> u8 {
    match &route.target {
        Target::Unreachable => 0,
        Target::Via(via) if via.gateway.is_none() => 1,
        Target::Via(_) => 2,
    }
}

/// The routes over the tunnels, in one batch, behind each its `unreachable` twin.
pub(super) fn add_main(plan: &mut Plan, now: &Observed, desired: &Desired) {
    let mut batch = changes(desired.twins.iter(), &now.twins);
    batch.extend(changes(desired.routes.iter().filter(|route| route.table == Route::MAIN), &now.routes));
    push(plan, batch);
}

fn changes<'a>(wanted: impl Iterator<Item = &'a Route>, there: &BTreeSet<Route>) -> Vec<RouteChange> {
    let keys: BTreeSet<Key> = there.iter().map(key).collect();
    let change = |route: &Route| match keys.contains(&key(route)) {
        true => RouteChange::Replace(route.clone()),
        false => RouteChange::Add(route.clone()),
    };
    wanted.filter(|route| !there.contains(*route)).map(change).collect()
}

fn push(plan: &mut Plan, changes: Vec<RouteChange>) {
    if !changes.is_empty() {
        plan.apply.push(Step::ChangeRoutes(changes));
    }
}
