//! A policy: which packets, and what becomes of them.
//!
//! Policies are asked in order of priority, higher first, and of name; the first that matches decides. What no policy
//! matches is routed by the best path.

mod apps;
mod expect;
mod place;
mod ports;
mod rule;

use serde::{Deserialize, Serialize};

use crate::schema::word_type;
use crate::{Decimal, Name, NetworkId, PolicyId, Ref, Timestamp};

pub use apps::Apps;
pub use expect::{Expectation, Expected, Point};
pub use place::{Place, Requirement, Selector, UplinkRef};
pub use ports::{Dscp, Ports, Protocol, Service};
pub use rule::Rule;

/// What becomes of packets that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ActionKind {
    /// They take a path as `route` says.
    Route,
    /// They go nowhere.
    Drop,
    /// They take the best path, no more of them than `rate_limit` says.
    RateLimit,
}

word_type!(ActionKind, "action", { Route: "route", Drop: "drop", RateLimit: "rate_limit" });

/// Which packets. All that is given must hold; where nothing is given, all packets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MatchCriteria {
    /// From one of these: ranges, `site:NAME`, or labels of sites as `key=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "ports::one_or_many")]
    pub src: Vec<Place>,
    /// To one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "ports::one_or_many")]
    pub dst: Vec<Place>,
    /// The protocol above IP, by name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// From one of these ports; of TCP or UDP where no protocol is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "ports::one_or_many")]
    pub src_ports: Vec<Ports>,
    /// To one of these ports, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "ports::one_or_many")]
    pub dst_ports: Vec<Ports>,
    /// The class in the IP header, 0 to 63 or by name as `ef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dscp: Option<Dscp>,
    /// A named application: a set of protocols and ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Name>,
}

/// Which path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Route {
    /// Local uplinks by name or label, the best first; others come after them, as by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefer: Vec<UplinkRef>,
    /// What a path must keep to.
    #[serde(skip_serializing_if = "Sla::is_anything")]
    pub sla: Sla,
    /// What happens where no path does.
    pub fallback: Fallback,
}

/// Limits to what a path may be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sla {
    /// Milliseconds of a round trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Decimal>,
    /// Percent of packets lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_loss_pct: Option<Decimal>,
    /// Milliseconds from one round trip to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<Decimal>,
}

impl Sla {
    /// Whether it limits nothing.
    pub fn is_anything(&self) -> bool {
        *self == Self::default()
    }
}

/// What happens where no path is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Fallback {
    /// The best of the others carries the traffic.
    #[default]
    Any,
    /// Nothing does. With `prefer`, only the uplinks named there are good enough.
    Drop,
}

word_type!(Fallback, "fallback", { Any: "any", Drop: "drop" });

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RateUnit {
    /// Bits of IP packets.
    #[serde(rename = "bit/s")]
    Bits,
    /// Packets.
    #[serde(rename = "packets/s")]
    Packets,
}

word_type!(RateUnit, "unit of a rate", { Bits: "bit/s", Packets: "packets/s" });

/// How much may pass; what is beyond is dropped. Each policy counts for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateLimit {
    /// So many a second.
    pub rate: u64,
    /// Of what.
    pub unit: RateUnit,
    /// How much may pass at once after a pause: bytes for `bit/s`, packets for `packets/s`. Without one, what passes in
    /// 100 milliseconds, and at least ten packets. Bytes are never less than what passes in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// An action with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Action {
    /// Take a path.
    Route(Route),
    /// Go nowhere.
    Drop,
    /// Take the best path within a rate.
    RateLimit(RateLimit),
}

impl Action {
    /// Its word.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Route(_) => ActionKind::Route,
            Self::Drop => ActionKind::Drop,
            Self::RateLimit(_) => ActionKind::RateLimit,
        }
    }
}

/// What an operator declares of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PolicySpec {
    /// The name, unique in the network.
    pub name: Name,
    /// 0 to 1000; higher is asked first.
    #[serde(deserialize_with = "crate::bound::priority")]
    pub priority: u16,
    /// Which packets.
    pub match_criteria: MatchCriteria,
    /// What becomes of them.
    pub action: ActionKind,
    /// For `route`: which path; the best one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// For `rate_limit`: how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What must be true of the network's policies, as `from ams to fra tcp/443 → route via fiber`; a write of any policy
    /// that makes it untrue is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

impl PolicySpec {
    /// What becomes of the packets; none where the object beside `action` is missing or another's.
    pub fn action(&self) -> Option<Action> {
        match (self.action, &self.route, self.rate_limit) {
            (ActionKind::Route, route, None) => Some(Action::Route(route.clone().unwrap_or_default())),
            (ActionKind::Drop, None, None) => Some(Action::Drop),
            (ActionKind::RateLimit, None, Some(limit)) => Some(Action::RateLimit(limit)),
            _ => None,
        }
    }
}

/// A policy as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PolicyInput {
    /// The network it belongs to, where the request does not say it otherwise (`?network=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ref>,
    /// The name, unique in the network.
    pub name: Name,
    /// 0 to 1000; higher is asked first.
    #[serde(deserialize_with = "crate::bound::priority")]
    pub priority: u16,
    /// Which packets.
    pub match_criteria: MatchCriteria,
    /// What becomes of them.
    pub action: ActionKind,
    /// For `route`: which path; the best one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// For `rate_limit`: how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What must be true of the network's policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

impl PolicyInput {
    /// What is declared.
    pub fn into_spec(self) -> PolicySpec {
        let Self { name, priority, match_criteria, action, route, rate_limit, expect, network: _ } = self;
        PolicySpec { name, priority, match_criteria, action, route, rate_limit, expect }
    }
}

impl From<PolicySpec> for PolicyInput {
    fn from(spec: PolicySpec) -> Self {
        let PolicySpec { name, priority, match_criteria, action, route, rate_limit, expect } = spec;
        Self { network: None, name, priority, match_criteria, action, route, rate_limit, expect }
    }
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// The network it is in.
    pub network_id: NetworkId,
    /// What was declared.
    #[serde(flatten)]
    pub spec: PolicySpec,
    /// Grows with every write; the ETag of the object.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests;
