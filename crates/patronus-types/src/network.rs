//! A network: one overlay of sites.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::confirm::Confirm;
use crate::path::PathSettings;
use crate::policy::Apps;
use crate::schema::word_type;
use crate::{Name, NetworkId, TenantId, Timestamp};

/// Who has tunnels with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Topology {
    /// Every site with every other.
    #[default]
    Mesh,
    /// Spokes with their hub, hubs with one another.
    HubSpoke,
}

word_type!(Topology, "topology", { Mesh: "mesh", HubSpoke: "hub-spoke" });

/// What carries the tunnels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TunnelDriver {
    /// WireGuard, in the kernel or in userspace.
    #[default]
    Wireguard,
}

word_type!(TunnelDriver, "driver", { Wireguard: "wireguard" });

/// What an operator declares of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NetworkSpec {
    /// The name, unique in the tenant.
    pub name: Name,
    /// The IPv4 range from which each site gets its overlay address; /8 to /30.
    #[serde(default = "default_range", deserialize_with = "crate::foreign::one")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::foreign::schema::Cidr"))]
    pub range: Ipv4Net,
    /// The IPv6 range for overlay addresses, if the network has IPv6; /32 to /112.
    #[serde(default, deserialize_with = "crate::foreign::maybe")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::foreign::schema::Cidr>"))]
    pub range6: Option<Ipv6Net>,
    /// Who has tunnels with whom.
    #[serde(default)]
    pub topology: Topology,
    /// What carries the tunnels.
    #[serde(default)]
    pub driver: TunnelDriver,
    /// MTU of every tunnel in bytes, 1280 to 8920; without one, the smallest uplink's MTU less 80.
    #[serde(default, deserialize_with = "crate::bound::tunnel_mtu")]
    pub mtu: Option<u16>,
    /// How often agents ask for changes, in seconds, 1 to 3600.
    #[serde(default = "default_poll_interval_s", deserialize_with = "crate::bound::poll_interval")]
    pub poll_interval_s: u16,
    /// How a change has to prove itself on each site.
    #[serde(default)]
    pub confirm: Confirm,
    /// How paths are measured and chosen.
    #[serde(default)]
    pub paths: PathSettings,
    /// Applications that policies can name, beside those that are built in; one of the same name replaces that.
    #[serde(default, skip_serializing_if = "Apps::is_empty")]
    pub apps: Apps,
    /// The age in days at which a site's keys are replaced, 1 to 3650; without one, only on request.
    #[serde(default, deserialize_with = "crate::bound::key_age")]
    pub rotate_keys_days: Option<u16>,
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
            confirm: Confirm::default(),
            paths: PathSettings::default(),
            apps: Apps::default(),
            rotate_keys_days: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written_and_others_are_told_them() {
        for topology in [Topology::Mesh, Topology::HubSpoke] {
            assert_eq!(serde_json::from_value::<Topology>(serde_json::to_value(topology).unwrap()).unwrap(), topology);
        }
        let driver = serde_json::to_value(TunnelDriver::Wireguard).unwrap();
        assert_eq!(serde_json::from_value::<TunnelDriver>(driver).unwrap(), TunnelDriver::Wireguard);
        let refused = |text: &str| serde_json::from_str::<Topology>(text).unwrap_err().to_string();
        assert_eq!(refused(r#""hubspoke""#), "`hubspoke` is no topology: did you mean `hub-spoke`?");
        assert_eq!(refused(r#""ring""#), "`ring` is no topology: use `mesh` or `hub-spoke`");
    }
}
