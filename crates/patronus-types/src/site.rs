//! A site: one place with one agent.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::api::agent::Undone;
use crate::api::standing::{Halted, Shadow, SiteMode};
use crate::bundle::Source;
use crate::rotation::Rotation;
use crate::{Endpoint, Name, NetworkId, PublicKey, Ref, SiteId, Timestamp};

/// The most uplinks a site can have; interfaces are named by their indices.
pub const MAX_UPLINKS: usize = 4;

/// One way out of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Uplink {
    /// The name, unique in the site.
    pub name: Name,
    /// Where others reach it; none behind NAT.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// The network device on the site. Without one the uplink follows the host's main routing table, which only a site's single uplink may.
    #[serde(default)]
    pub device: Option<String>,
    /// The IPv4 gateway; without one the default route that the host already has by this device is used.
    #[serde(default, deserialize_with = "crate::foreign::maybe")]
    pub gateway: Option<Ipv4Addr>,
    /// The IPv6 gateway, likewise.
    #[serde(default, deserialize_with = "crate::foreign::maybe")]
    pub gateway6: Option<Ipv6Addr>,
    /// Relative cost; the path with the least sum of both ends' costs carries the traffic.
    #[serde(default = "default_cost", deserialize_with = "crate::bound::cost")]
    pub cost: u32,
    /// MTU of the uplink in bytes, 1360 to 9000.
    #[serde(default = "default_mtu", deserialize_with = "crate::bound::uplink_mtu")]
    pub mtu: u16,
    /// Whether traffic by it costs money.
    #[serde(default)]
    pub metered: bool,
    /// Whether it carries traffic only where nothing else can, so that it can be taken away.
    #[serde(default)]
    pub drained: bool,
    /// Labels for policies.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

fn default_cost() -> u32 {
    100
}

fn default_mtu() -> u16 {
    1500
}

impl Uplink {
    /// An uplink with a name, perhaps an endpoint, and every default.
    pub fn named(name: Name, endpoint: Option<Endpoint>) -> Self {
        Self {
            name,
            endpoint,
            device: None,
            gateway: None,
            gateway6: None,
            cost: default_cost(),
            mtu: default_mtu(),
            metered: false,
            drained: false,
            labels: BTreeMap::new(),
        }
    }
}

/// What an operator declares of a site, in its normal form (the shorthands of [`SiteInput`] resolved).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SiteSpec {
    /// The name, unique in the network.
    pub name: Name,
    /// Where it is, in words.
    #[serde(default)]
    pub location: String,
    /// Region, for filters and the choice of canaries.
    #[serde(default)]
    pub region: Option<Name>,
    /// Zone within the region.
    #[serde(default)]
    pub zone: Option<Name>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether it is a hub of a hub-spoke network.
    #[serde(default)]
    pub hub: bool,
    /// A spoke's home hub; without one, the first hub by name.
    #[serde(default)]
    pub via: Option<Name>,
    /// The address ranges behind it.
    #[serde(default, deserialize_with = "crate::foreign::list")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::foreign::schema::Cidr>"))]
    pub prefixes: Vec<IpNet>,
    /// Its ways out, at most four; index 0 is the first.
    #[serde(default)]
    pub uplinks: Vec<Uplink>,
}

impl SiteSpec {
    /// What it is selected by under a key: its label, or its region or zone, which need no label of their own.
    pub fn label(&self, key: &str) -> Option<&str> {
        let place = match key {
            "region" => self.region.as_ref(),
            "zone" => self.zone.as_ref(),
            _ => None,
        };
        self.labels.get(key).map(String::as_str).or_else(|| place.map(Name::as_str))
    }
}

/// A site as it is sent: [`SiteSpec`] with two shorthands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SiteInput {
    /// The network it belongs to, where the request does not say it otherwise (`?network=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Ref>,
    /// The name, unique in the network.
    pub name: Name,
    /// Where it is, in words.
    #[serde(default)]
    pub location: String,
    /// Region, for filters and the choice of canaries.
    #[serde(default)]
    pub region: Option<Name>,
    /// Zone within the region.
    #[serde(default)]
    pub zone: Option<Name>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether it is a hub of a hub-spoke network.
    #[serde(default)]
    pub hub: bool,
    /// A spoke's home hub; without one, the first hub by name.
    #[serde(default)]
    pub via: Option<Name>,
    /// The address ranges behind it.
    #[serde(default, deserialize_with = "crate::foreign::list")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::foreign::schema::Cidr>"))]
    pub prefixes: Vec<IpNet>,
    /// Its ways out, at most four. Not together with `endpoints`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uplinks: Vec<Uplink>,
    /// Shorthand: the k-th endpoint makes an uplink `uplink<k>` that has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// The key of the first uplink, for a site that is not run by an agent; an agent brings its keys at enrolment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<PublicKey>,
}

impl SiteInput {
    /// A site with a name and every default.
    pub fn named(name: Name) -> Self {
        Self {
            network: None,
            name,
            location: String::new(),
            region: None,
            zone: None,
            labels: BTreeMap::new(),
            hub: false,
            via: None,
            prefixes: Vec::new(),
            uplinks: Vec::new(),
            endpoints: Vec::new(),
            public_key: None,
        }
    }

    /// Resolves the shorthands. A site without any uplink gets one without an endpoint.
    ///
    /// # Errors
    /// When both `uplinks` and `endpoints` are given.
    pub fn into_spec(self) -> Result<(SiteSpec, Option<PublicKey>), crate::Invalid> {
        if !self.uplinks.is_empty() && !self.endpoints.is_empty() {
            return Err(crate::Invalid::new("give `uplinks` or the shorthand `endpoints`, not both"));
        }
        let mut uplinks = self.uplinks;
        for (index, endpoint) in self.endpoints.into_iter().enumerate() {
            uplinks.push(Uplink::named(numbered(index)?, Some(endpoint)));
        }
        if uplinks.is_empty() {
            uplinks.push(Uplink::named(numbered(0)?, None));
        }
        let spec = SiteSpec {
            name: self.name,
            location: self.location,
            region: self.region,
            zone: self.zone,
            labels: self.labels,
            hub: self.hub,
            via: self.via,
            prefixes: self.prefixes,
            uplinks,
        };
        Ok((spec, self.public_key))
    }
}

fn numbered(index: usize) -> Result<Name, crate::Invalid> {
    format!("uplink{index}").parse()
}

impl From<SiteSpec> for SiteInput {
    fn from(spec: SiteSpec) -> Self {
        Self {
            location: spec.location,
            region: spec.region,
            zone: spec.zone,
            labels: spec.labels,
            hub: spec.hub,
            via: spec.via,
            prefixes: spec.prefixes,
            uplinks: spec.uplinks,
            ..Self::named(spec.name)
        }
    }
}

/// Whether a site's agent was heard within 120 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SiteStatus {
    /// Heard within 120 seconds.
    Active,
    /// Not heard, or never enrolled.
    Inactive,
}

/// How a site stands to the version it should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SyncState {
    /// No agent and no key yet, or its agent left.
    Pending,
    /// Nothing published for it yet.
    Unpublished,
    /// Not yet running the desired version.
    Behind,
    /// Running the desired version.
    Synced,
    /// Could not apply the desired version; the reason is in the last report.
    Failed,
}

/// What the server knows of a site's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentInfo {
    /// The agent's version.
    pub version: String,
    /// The host's name as the agent tells it.
    pub hostname: String,
    /// The WireGuard driver in use, once it reported: `kernel` or `userspace`.
    pub driver: Option<String>,
}

/// One site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// The network it is in.
    pub network_id: NetworkId,
    /// What was declared.
    #[serde(flatten)]
    pub spec: SiteSpec,
    /// Its overlay addresses: IPv4, then IPv6 where the network has it.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::foreign::schema::Address>"))]
    pub addresses: Vec<IpAddr>,
    /// The key of the first uplink.
    pub public_key: Option<PublicKey>,
    /// The keys of all uplinks, by index; longer than `uplinks` where the agent holds keys for later ones.
    pub public_keys: Vec<PublicKey>,
    /// Since when it has these keys.
    #[serde(default)]
    pub keys_since: Option<Timestamp>,
    /// The replacing of its keys, while that goes on.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// The first of the site's UDP ports; interface (i, j) listens on it + 4·i + j.
    pub port_base: Option<u16>,
    /// The endpoints of all uplinks that have one, as text.
    pub endpoints: Vec<Endpoint>,
    /// Whether its agent is heard.
    pub status: SiteStatus,
    /// How it stands to the version it should run.
    pub sync: SyncState,
    /// Whether its bundles are compiled or uploaded.
    pub source: Source,
    /// When an agent was enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// When the agent was last heard.
    pub last_seen_at: Option<Timestamp>,
    /// The version it should run.
    pub desired_version: Option<u64>,
    /// The version it last reported to run.
    pub running_version: Option<u64>,
    /// What its agent is.
    pub agent: Option<AgentInfo>,
    /// The last outcome it reported.
    pub last_outcome: Option<crate::api::agent::Outcome>,
    /// What it does with the version it should run.
    #[serde(default)]
    pub mode: SiteMode,
    /// What somebody on the site has stopped, as last reported.
    #[serde(default)]
    pub halted: Option<Halted>,
    /// What its version would do there, as last reported in mode `shadow`.
    #[serde(default)]
    pub shadow: Option<Shadow>,
    /// What is wrong on its host, in words, as last reported; at most 16 lines.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Bundles that were tried there and undone, and are not tried again, as last reported; the newest last.
    #[serde(default)]
    pub undone: Vec<Undone>,
    /// Grows with every write; the ETag of the object.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by a person.
    pub updated_at: Timestamp,
}

impl Site {
    /// Why it keeps what it runs, whatever is published; none where it does not.
    pub fn stands_still(&self) -> Option<&'static str> {
        match (self.mode, self.halted) {
            (SiteMode::Hold, _) => Some("held"),
            (SiteMode::Shadow, _) => Some("in shadow"),
            (SiteMode::Apply, Some(halted)) if halted.paused => Some("paused by somebody there"),
            (SiteMode::Apply, Some(halted))
                if self.desired_version.is_some() && halted.left_version >= self.desired_version =>
            {
                Some("kept at an older version by somebody there")
            }
            (SiteMode::Apply, _) => None,
        }
    }

    /// Whether it has marked the bundle bad that it should run and did not come to run: it refuses that under any number.
    pub fn has_condemned(&self) -> bool {
        let failed = self.last_outcome.as_ref().filter(|_| self.sync == SyncState::Failed);
        failed.is_some_and(|outcome| self.undone.iter().any(|undone| undone.digest == outcome.digest))
    }

    /// Whether each of its uplinks has a key, so that it can be in a bundle.
    pub fn is_ready(&self) -> bool {
        !self.spec.uplinks.is_empty() && self.public_keys.len() >= self.spec.uplinks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthands_become_uplinks() {
        let input: SiteInput =
            serde_json::from_str(r#"{"name": "ams", "endpoints": ["192.0.2.1", "hub.example.net:700"]}"#).unwrap();
        let (spec, key) = input.into_spec().unwrap();
        assert_eq!(spec.uplinks.iter().map(|uplink| uplink.name.as_str()).collect::<Vec<_>>(), ["uplink0", "uplink1"]);
        assert_eq!(key, None);
        let bare: SiteInput = serde_json::from_str(r#"{"name": "ams"}"#).unwrap();
        assert_eq!(bare.into_spec().unwrap().0.uplinks.len(), 1);
    }

    #[test]
    fn a_region_is_selected_like_a_label() {
        let json = r#"{"name": "ams", "region": "eu", "zone": "west", "labels": {"zone": "mine", "tier": ""}}"#;
        let site: SiteSpec = serde_json::from_str(json).unwrap();
        let labels = ["region", "zone", "tier", "name"].map(|key| site.label(key));
        assert_eq!(labels, [Some("eu"), Some("mine"), Some(""), None], "what was labelled by hand goes before");
    }

    #[test]
    fn unknown_fields_are_refused_also_in_manifests() {
        assert!(serde_json::from_str::<SiteInput>(r#"{"name": "ams", "colour": 1}"#).is_err());
        assert!(
            serde_json::from_str::<crate::manifest::Manifest>(r#"{"kind": "site", "name": "ams", "colour": 1}"#)
                .is_err()
        );
        assert!(serde_json::from_str::<crate::manifest::Manifest>(r#"{"kind": "site", "name": "ams"}"#).is_ok());
    }
}
