//! Whether rules concern the same packets. Lists of a rule are sorted and none of their entries is within another, so each
//! question about two lists is a few searches.

use ipnet::IpNet;
use patronus_types::policy::{Ports, Rule, Service};

/// Whether some packet matches both.
pub(super) fn meets(one: &Rule, other: &Rule) -> bool {
    let dscp = one.dscp.zip(other.dscp).is_none_or(|(one, other)| one == other);
    dscp && ranges_meet(one.src.as_deref(), other.src.as_deref())
        && ranges_meet(one.dst.as_deref(), other.dst.as_deref())
        && (one.services.is_empty() || other.services.is_empty() || services_meet(one, other))
        && ports_meet(&one.src_ports, &other.src_ports)
        && families(one).meet(families(other))
}

/// Whether every packet that matches `inner` matches `outer` too.
pub(super) fn covers(outer: &Rule, inner: &Rule) -> bool {
    let dscp = outer.dscp.is_none() || outer.dscp == inner.dscp;
    dscp && ranges_cover(outer.src.as_deref(), inner.src.as_deref())
        && ranges_cover(outer.dst.as_deref(), inner.dst.as_deref())
        && services_cover(outer, inner)
        && (outer.src_ports.is_empty()
            || !inner.src_ports.is_empty()
                && inner.src_ports.iter().all(|ports| outer.src_ports.iter().any(|outer| within(*ports, *outer))))
}

/// Whether no packet can match.
pub(super) fn is_empty(rule: &Rule) -> bool {
    !families(rule).v4 && !families(rule).v6
}

/// In which families a packet can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Families {
    pub v4: bool,
    pub v6: bool,
}

impl Families {
    fn meet(self, other: Self) -> bool {
        self.v4 && other.v4 || self.v6 && other.v6
    }
}

pub(super) fn families(rule: &Rule) -> Families {
    let has = |ranges: &Option<Vec<IpNet>>, v4: bool| {
        ranges.as_ref().is_none_or(|ranges| ranges.iter().any(|range| matches!(range, IpNet::V4(_)) == v4))
    };
    Families { v4: has(&rule.src, true) && has(&rule.dst, true), v6: has(&rule.src, false) && has(&rule.dst, false) }
}

/// Whether an address range lies within one of a list.
pub(super) fn is_within(range: &IpNet, list: &[IpNet]) -> bool {
    // The only one that can contain it is the last that does not begin after it.
    let after = list.partition_point(|it| it.network() <= range.network());
    after.checked_sub(1).is_some_and(|before| list[before].contains(range))
}

fn ranges_cover(outer: Option<&[IpNet]>, inner: Option<&[IpNet]>) -> bool {
    match (outer, inner) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(outer), Some(inner)) => inner.iter().all(|range| is_within(range, outer)),
    }
}

fn ranges_meet(one: Option<&[IpNet]>, other: Option<&[IpNet]>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    let (few, many) = if one.len() < other.len() { (one, other) } else { (other, one) };
    few.iter().any(|range| {
        let after = many.partition_point(|it| it.network() < range.network());
        is_within(range, many) || many.get(after).is_some_and(|next| range.contains(next))
    })
}

fn services_meet(one: &Rule, other: &Rule) -> bool {
    one.services.iter().any(|one| {
        let same = |other: &&Service| other.protocol == one.protocol;
        other.services.iter().filter(same).any(|other| match (one.ports, other.ports) {
            (Some(one), Some(other)) => one.first <= other.last && other.first <= one.last,
            _ => true,
        })
    })
}

fn services_cover(outer: &Rule, inner: &Rule) -> bool {
    let covered = |inner: &Service| {
        outer.services.iter().any(|outer| {
            let ports = outer.ports.is_none_or(|outer| inner.ports.is_some_and(|inner| within(inner, outer)));
            outer.protocol == inner.protocol && ports
        })
    };
    outer.services.is_empty() || !inner.services.is_empty() && inner.services.iter().all(covered)
}

fn within(inner: Ports, outer: Ports) -> bool {
    outer.first <= inner.first && inner.last <= outer.last
}

fn ports_meet(one: &[Ports], other: &[Ports]) -> bool {
    let meet = |one: &Ports, other: &Ports| one.first <= other.last && other.first <= one.last;
    one.is_empty() || other.is_empty() || one.iter().any(|one| other.iter().any(|other| meet(one, other)))
}
