//! A policy as a site carries it out: names are resolved, numbers are all that is left.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Action, Dscp, Ports, Service};
use crate::Name;

/// One policy in a bundle. The bundle's order is the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rule {
    /// The policy's name.
    pub name: Name,
    /// From one of these; from anywhere where there is no list, from nowhere where it is empty. Sorted, none within another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::foreign::schema::Cidr>>"))]
    pub src: Option<Vec<IpNet>>,
    /// To one of these, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::foreign::schema::Cidr>>"))]
    pub dst: Option<Vec<IpNet>>,
    /// By one of these; by any where it is empty. Sorted, none within another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
    /// From one of these ports; from any where it is empty. Only where each of the services has ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub src_ports: Vec<Ports>,
    /// The class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dscp: Option<Dscp>,
    /// What becomes of the packets.
    pub action: Action,
}
