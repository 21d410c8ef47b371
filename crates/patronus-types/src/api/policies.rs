//! Writing and testing policies.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::policy::{Action, Dscp, Point, Policy, Service};
use crate::{Name, Ref};

/// A policy that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Written {
    /// The policy as it is now.
    #[serde(flatten)]
    pub policy: Policy,
    /// What has no effect, or not the one that may be meant, in all policies of the network.
    pub warnings: Vec<String>,
}

/// `POST /v1/policies/test`: packets, or nothing for what the policies themselves expect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestRequest {
    /// The network, where the request does not say it otherwise (`?network=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ref>,
    /// From where: a site or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Point>,
    /// To where, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Point>,
    /// The protocol, and the destination port where it has ports; TCP without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The source port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    /// The class; 0 without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dscp: Option<Dscp>,
}

/// What the policies do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestResponse {
    /// By pairs of addresses that are treated alike; none where no packets were asked about.
    pub verdicts: Vec<TestVerdict>,
    /// How many expectations of policies were looked at; none where packets were asked about.
    pub expectations: u64,
    /// Those that are not true, in words.
    pub failed: Vec<String>,
}

/// An application that policies can name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct App {
    /// Its name.
    pub name: Name,
    /// What it is made of.
    pub services: Vec<Service>,
    /// Whether it is known without being declared; otherwise the network declares it.
    pub built_in: bool,
}

/// `GET /v1/apps`: every application that policies of the network can name, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppList {
    /// All of them.
    pub items: Vec<App>,
}

/// What becomes of some packets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TestVerdict {
    /// An address from which they come.
    #[cfg_attr(feature = "schema", schemars(with = "crate::foreign::schema::Address"))]
    pub src: IpAddr,
    /// An address to which they go.
    #[cfg_attr(feature = "schema", schemars(with = "crate::foreign::schema::Address"))]
    pub dst: IpAddr,
    /// How many pairs of addresses of the two ends this is true of.
    pub pairs: u64,
    /// The policy that decides; none where the best path is taken.
    pub policy: Option<Name>,
    /// What it does.
    pub action: Option<Action>,
    /// The policies that were asked before it, and why they do not match.
    pub missed: Vec<Missed>,
}

/// A policy that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Missed {
    /// The policy.
    pub policy: Name,
    /// The first thing that does not fit.
    pub reason: String,
}
