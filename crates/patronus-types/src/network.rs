//! A network: one overlay of sites.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::{Name, NetworkId, TenantId, Timestamp};

/// Who has tunnels with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Topology {
    /// Every site with every other.
    #[default]
    Mesh,
    /// Spokes with their hub, hubs with one another.
    HubSpoke,
}

/// What carries the tunnels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TunnelDriver {
    /// WireGuard, in the kernel or in userspace.
    #[default]
    Wireguard,
}

/// What an operator declares of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NetworkSpec {
    /// The name, unique in the tenant.
    pub name: Name,
    /// The IPv4 range from which each site gets its overlay address; /8 to /30.
    #[serde(default = "default_range")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::foreign::Cidr"))]
    pub range: Ipv4Net,
    /// The IPv6 range for overlay addresses, if the network has IPv6; /32 to /112.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::foreign::Cidr>"))]
    pub range6: Option<Ipv6Net>,
    /// Who has tunnels with whom.
    #[serde(default)]
    pub topology: Topology,
    /// What carries the tunnels.
    #[serde(default)]
    pub driver: TunnelDriver,
    /// MTU of every tunnel in bytes, 1280 to 8920; without one, the smallest uplink's MTU less 80.
    #[serde(default)]
    pub mtu: Option<u16>,
    /// How often agents ask for changes, in seconds, 1 to 3600.
    #[serde(default = "default_poll_interval_s")]
    pub poll_interval_s: u16,
}

fn default_range() -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 210, 0, 0), 16)
}

fn default_poll_interval_s() -> u16 {
    5
}

impl NetworkSpec {
    /// A network with every default.
    pub fn named(name: Name) -> Self {
        Self {
            name,
            range: default_range(),
            range6: None,
            topology: Topology::default(),
            driver: TunnelDriver::default(),
            mtu: None,
            poll_interval_s: default_poll_interval_s(),
        }
    }
}

/// One network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// What was declared.
    #[serde(flatten)]
    pub spec: NetworkSpec,
    /// Grows with every write; the ETag of the object.
    pub version: u64,
    /// Grows with every write that changes what would be compiled.
    pub generation: u64,
    /// The newest release, if there is one.
    pub released_version: Option<u64>,
    /// Whether something changed since the newest release; a network that never had sites has nothing to publish.
    pub dirty: bool,
    /// How many sites it has.
    pub sites: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
