//! What a bundle says: the content of `bundle.json`, format 1, which the agent reads.
//!
//! A peer's entry is the same on every site of a mesh, so the compiler renders it once. What depends on the pair is
//! computed by the reader: on local uplink i, peer B's uplink j is reached at its endpoint's port + i.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::api::agent::Outcome;
use crate::confirm::Confirm;
use crate::path::PathSettings;
use crate::policy::Rule;
use crate::{Digest, Endpoint, Name, NetworkId, PublicKey, SiteId};

/// The format number this version writes and reads.
pub const FORMAT: u32 = 1;

/// The file an agent reads in a bundle.
pub const CONTENT_FILE: &str = "bundle.json";

/// Where a site's bundles come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Source {
    /// Compiled from declared state.
    #[default]
    Compiled,
    /// Uploaded by an operator; kept until `bundle publish --compiled`.
    Uploaded,
}

/// The complete configuration of one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Content {
    /// [`FORMAT`]; an agent refuses another.
    pub format: u32,
    /// The network.
    pub network: Party<NetworkId>,
    /// The site.
    pub site: Party<SiteId>,
    /// MTU of every tunnel in bytes.
    pub mtu: u16,
    /// The site's overlay addresses, each a /32 or /128 on every tunnel.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::foreign::schema::Address>"))]
    pub addresses: Vec<IpAddr>,
    /// What the site's host has to forward; unknown, and so nothing, in an uploaded bundle.
    #[serde(default, skip_serializing_if = "Forwards::is_nothing")]
    pub forwards: Forwards,
    /// How a change to this bundle has to prove itself.
    #[serde(default, skip_serializing_if = "Confirm::is_default")]
    pub confirm: Confirm,
    /// How the site's paths are measured and chosen.
    #[serde(default, skip_serializing_if = "PathSettings::is_default")]
    pub paths: PathSettings,
    /// The site's uplinks by index.
    pub uplinks: Vec<LocalUplink>,
    /// The interfaces to make.
    pub tunnels: Vec<Tunnel>,
    /// The interface beside these that carries traffic while keys are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<Spare>,
    /// Every other end, in order of name.
    pub peers: Vec<Peer>,
    /// The network's policies in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Rule>,
}

/// Of which families a site has hosts behind it, or, as a hub, other sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forwards {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

impl Forwards {
    /// The families of ranges.
    pub fn of<'a>(ranges: impl Iterator<Item = &'a IpNet>) -> Self {
        ranges.fold(Self::default(), |all, range| match range {
            IpNet::V4(_) => Self { ipv4: true, ..all },
            IpNet::V6(_) => Self { ipv6: true, ..all },
        })
    }

    /// Whether nothing has to be forwarded.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An id with its name, for people who read the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Party<Id> {
    /// The id.
    pub id: Id,
    /// The name when the bundle was compiled.
    pub name: Name,
}

/// An uplink of the site itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LocalUplink {
    /// Its name.
    pub name: Name,
    /// The public half of the key that its interfaces use; the agent has the private half.
    pub public_key: PublicKey,
    /// The network device, if named.
    pub device: Option<String>,
    /// The IPv4 gateway, if named.
    pub gateway: Option<Ipv4Addr>,
    /// The IPv6 gateway, if named.
    pub gateway6: Option<Ipv6Addr>,
    /// Relative cost.
    pub cost: u32,
    /// Seconds between keepalives on its interfaces; 0 is none. Set where the uplink has no endpoint of its own.
    pub keepalive_s: u16,
    /// Whether traffic by it costs money: it is measured less often.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metered: bool,
    /// Whether it carries traffic only where nothing else can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drained: bool,
    /// Labels by which policies name it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// One interface: local uplink i with everybody's uplink j.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tunnel {
    /// Index of the local uplink, 0 to 3.
    pub local: u8,
    /// Index of the peers' uplink, 0 to 3.
    pub remote: u8,
    /// UDP port it listens on.
    pub port: u16,
}

/// The spare interface: what carries the traffic of some peers while nobody can use the ordinary tunnels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Spare {
    /// The public half of its own key.
    pub public_key: PublicKey,
    /// UDP port it listens on.
    pub port: u16,
    /// Index of the local uplink by which its packets leave.
    pub local: u8,
    /// Whether traffic moves to it, peer by peer, as soon as there is a session; otherwise it moves back to the ordinary tunnels,
    /// likewise.
    pub carries: bool,
    /// Who can be reached by it, in order of name. The rest stands in their entries in [`Content::peers`].
    pub peers: Vec<SparePeer>,
}

/// A peer on the spare interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SparePeer {
    /// The site's name.
    pub name: Name,
    /// The key of its spare interface.
    pub public_key: PublicKey,
    /// Where that is reached; none where others learn it.
    pub endpoint: Option<Endpoint>,
}

/// Another site as seen from this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Peer {
    /// The site's name; in an uploaded bundle a name made from the key.
    pub name: Name,
    /// The site's overlay addresses. Part of `allowed_ips` too.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::foreign::schema::Address>"))]
    pub addresses: Vec<IpAddr>,
    /// What it may send and is sent: its addresses and prefixes, for a hub also what lies behind it. Sorted.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::foreign::schema::Cidr>"))]
    pub allowed_ips: Vec<IpNet>,
    /// The UDP port on which its agent answers probes, at its overlay addresses; none where no agent is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_port: Option<u16>,
    /// Its uplinks by index; interface (i, j) has this peer if it has an uplink j.
    pub uplinks: Vec<PeerUplink>,
}

/// One uplink of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeerUplink {
    /// Its key.
    pub public_key: PublicKey,
    /// Where it is reached, always with a port; local uplink i adds i to it. None where others learn it.
    pub endpoint: Option<Endpoint>,
    /// Relative cost.
    pub cost: u32,
    /// Seconds between keepalives to this peer; none means the local uplink's own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_s: Option<u16>,
    /// Whether it carries traffic only where nothing else can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drained: bool,
}

/// What a release holds for one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bundle {
    /// The site.
    pub site_id: SiteId,
    /// The site's name when the release was made.
    pub site: Name,
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the tar.
    pub digest: Digest,
    /// Length of the tar in bytes.
    pub size: u64,
    /// Where it came from.
    pub source: Source,
    /// The signature over the tar, as a `.minisig` file holds it.
    pub signature: String,
    /// What became of it on the site, as last reported.
    pub outcome: Option<Outcome>,
}
