//! Routes of ours.

use std::net::IpAddr;

use ipnet::IpNet;

/// The routing protocol number that marks a route or rule as ours.
pub const PROTOCOL: u8 = 80;

/// What IPv6 calls a route whose metric was not given.
const DEFAULT_METRIC_V6: u32 = 1024;

/// A route as the kernel keeps it. The kernel tells routes apart by table, destination and metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Routing table; 254 is `main`.
    pub table: u32,
    /// Where to.
    pub destination: IpNet,
    /// Its metric; lower is preferred.
    pub metric: u32,
    /// By which way.
    pub target: Target,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Out by a device.
    Via(Via),
    /// Nowhere: the sender is told so, and no later rule is asked.
    Unreachable,
}

/// A device, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Via {
    /// The device's name.
    pub device: String,
    /// The next hop, if there is one.
    pub gateway: Option<IpAddr>,
    /// The source address of packets that have none yet. The route is lost when this address is deleted.
    pub source: Option<IpAddr>,
}

impl Route {
    /// The table `main`.
    pub const MAIN: u32 = 254;

    /// A route out by a device. Metric 0 means 1024 for IPv6, as the kernel has it.
    pub fn via(table: u32, destination: IpNet, metric: u32, via: Via) -> Self {
        Self { table, destination, metric: normal_metric(destination, metric), target: Target::Via(via) }
    }

    /// A route that refuses.
    pub fn unreachable(table: u32, destination: IpNet, metric: u32) -> Self {
        Self { table, destination, metric: normal_metric(destination, metric), target: Target::Unreachable }
    }

    /// The device it uses.
    pub fn device(&self) -> Option<&str> {
        match &self.target {
            Target::Via(via) => Some(&via.device),
            Target::Unreachable => None,
        }
    }
}

fn normal_metric(destination: IpNet, metric: u32) -> u32 {
    match (destination, metric) {
        (IpNet::V6(_), 0) => DEFAULT_METRIC_V6,
        _ => metric,
    }
}

/// One change to the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteChange {
    /// Add a route where there is none with its table, destination and metric. A foreign one there is an error.
    Add(Route),
    /// Put a route in the place of one of ours with the same table, destination and metric, in one instant.
    Replace(Route),
    /// Remove a route of ours. Nothing happens if it is not there.
    Remove(Route),
}
