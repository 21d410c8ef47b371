//! Who has tunnels with whom, and what each site is to the others.

use std::ops::Range;

use ipnet::IpNet;
use patronus_types::bound::{MAX_MTU, MIN_MTU};
use patronus_types::bundle::{Forwards, LocalUplink, Party, Peer, PeerUplink, Tunnel};
use patronus_types::confirm::Confirm;
use patronus_types::network::Topology;
use patronus_types::path::PathSettings;
use patronus_types::policy::Rule;
use patronus_types::site::{SiteSpec, Uplink};
use patronus_types::{Endpoint, Name, NetworkId, SiteId};

use super::{CompileError, DEFAULT_PORT_BASE, Input, KEEPALIVE_S, Rotating, Site};
use crate::path::PORT_OFFSET;
use crate::policy::resolve;

/// What WireGuard and IPv6 outside take from each packet.
const OVERHEAD: u16 = 80;

/// A network's ready sites in order of name.
pub(super) struct Network<'a> {
    pub(super) party: Party<NetworkId>,
    pub(super) mtu: u16,
    pub(super) confirm: &'a Confirm,
    pub(super) paths: &'a PathSettings,
    pub(super) policies: Vec<Rule>,
    pub(super) members: Vec<Member<'a>>,
    pub(super) pending: Vec<(SiteId, Name)>,
    /// Whose keys are replaced.
    pub(super) rotation: Option<Rotating>,
    /// In a hub-spoke network, everything that can be behind a hub.
    pub(super) everything: Vec<Everything>,
}

/// A ready site.
pub(super) struct Member<'a> {
    pub(super) site: &'a Site,
    pub(super) role: Role,
    base: u16,
    /// What others send to it: its own, for a hub also its spokes'.
    pub(super) allowed: Vec<IpNet>,
}

/// What a site is in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One of a mesh.
    Equal,
    Hub,
    /// With the index of its home hub, if there is one.
    Spoke(Option<usize>),
}

/// One of the ranges that lie behind a hub as its spokes see it.
pub(super) struct Everything {
    pub(super) range: IpNet,
    /// Whose it is; nobody's are the network's own ranges.
    owner: Option<usize>,
}

/// Whom a site has as peers.
pub(super) enum Peers {
    /// Members by ranges of their index, each as everybody sees it.
    Members(Vec<Range<usize>>),
    /// A spoke's home hub, with everything else behind it.
    Home(usize),
}

impl<'a> Network<'a> {
    pub(super) fn new(input: &'a Input) -> Result<Self, CompileError> {
        let mut sites: Vec<&Site> = input.sites.iter().collect();
        sites.sort_by_key(|site| (&site.spec.name, site.id));
        let (ready, waiting): (Vec<&Site>, Vec<&Site>) = sites.into_iter().partition(|site| site.is_ready());
        let roles = roles(input.spec.topology, &ready);
        let mut members = Vec::with_capacity(ready.len());
        for (site, role) in ready.into_iter().zip(roles) {
            members.push(Member::new(site, role)?);
        }
        gather(&mut members);
        Ok(Self {
            party: Party { id: input.network, name: input.spec.name.clone() },
            mtu: input.spec.mtu.unwrap_or_else(|| default_mtu(&members)),
            rotation: input.rotation,
            confirm: &input.spec.confirm,
            paths: &input.spec.paths,
            policies: resolve(&input.policies, &input.sites, &input.spec.apps).map_err(CompileError::Policies)?,
            everything: everything(input, &members),
            members,
            pending: waiting.into_iter().map(|site| (site.id, site.spec.name.clone())).collect(),
        })
    }

    /// The peers of a site; none for a spoke without a hub.
    pub(super) fn peers(&self, index: usize) -> Peers {
        match self.members[index].role {
            Role::Equal => Peers::Members(ranges(self.others(index))),
            Role::Hub => Peers::Members(ranges(self.others(index).filter(|&other| match self.members[other].role {
                Role::Hub => true,
                Role::Spoke(home) => home == Some(index),
                Role::Equal => false,
            }))),
            Role::Spoke(Some(home)) => Peers::Home(home),
            Role::Spoke(None) => Peers::Members(Vec::new()),
        }
    }

    /// The members that have a site as a peer, in order.
    pub(super) fn partners(&self, site: SiteId) -> Vec<usize> {
        let Some(place) = self.members.iter().position(|member| member.site.id == site) else { return Vec::new() };
        match self.peers(place) {
            Peers::Home(home) => vec![home],
            Peers::Members(members) => members.into_iter().flatten().collect(),
        }
    }

    /// The interfaces of a site: each of its uplinks with each uplink that any of its peers has.
    pub(super) fn tunnels(&self, index: usize, peers: &Peers) -> Vec<Tunnel> {
        let uplinks = |index: usize| self.members[index].site.spec.uplinks.len();
        let remotes = match peers {
            Peers::Home(home) => uplinks(*home),
            Peers::Members(members) => members.iter().cloned().flatten().map(uplinks).max().unwrap_or(0),
        };
        let pairs =
            (0u8..).take(uplinks(index)).flat_map(|local| (0u8..).take(remotes).map(move |remote| (local, remote)));
        let member = &self.members[index];
        pairs.map(|(local, remote)| Tunnel { local, remote, port: member.port(local) + u16::from(remote) }).collect()
    }

    /// Ranges of the places of [`Network::everything`] that are not the site's own.
    pub(super) fn behind_home(&self, index: usize) -> Vec<Range<usize>> {
        let places = self.everything.iter().enumerate();
        ranges(places.filter(|(_, range)| range.owner != Some(index)).map(|(place, _)| place))
    }

    fn others(&self, index: usize) -> impl Iterator<Item = usize> {
        (0..index).chain(index + 1..self.members.len())
    }
}

impl<'a> Member<'a> {
    fn new(site: &'a Site, role: Role) -> Result<Self, CompileError> {
        let base = site.port_base.unwrap_or(DEFAULT_PORT_BASE);
        let uplink = |uplink: &Uplink| CompileError::Port { site: site.spec.name.clone(), uplink: uplink.name.clone() };
        for (index, each) in (0u16..).zip(&site.spec.uplinks) {
            // Interface (i, 3) and what others add to the endpoint's port must both exist.
            let own = base.checked_add(4 * index + 3);
            let told = each.endpoint.as_ref().and_then(|endpoint| endpoint.port).unwrap_or(0).checked_add(3);
            own.and(told).ok_or_else(|| uplink(each))?;
        }
        let own = site.addresses.iter().map(|&address| IpNet::from(address)).chain(site.spec.prefixes.iter().copied());
        Ok(Self { site, role, base, allowed: own.collect() })
    }

    /// What its host has to forward: all that is sent to it and is not for itself.
    pub(super) fn forwards(&self) -> Forwards {
        Forwards::of(
            self.allowed.iter().filter(|range| !self.site.addresses.iter().any(|own| IpNet::from(*own) == **range)),
        )
    }

    /// The port of interface (local, 0).
    pub(super) fn port(&self, local: u8) -> u16 {
        self.base + 4 * u16::from(local)
    }

    /// What its own bundle says of its uplinks.
    pub(super) fn local_uplinks(&self) -> Vec<LocalUplink> {
        let pairs = self.site.spec.uplinks.iter().zip(&self.site.public_keys);
        let local = |(uplink, public_key): (&Uplink, &_)| LocalUplink {
            name: uplink.name.clone(),
            public_key: *public_key,
            device: uplink.device.clone(),
            gateway: uplink.gateway,
            gateway6: uplink.gateway6,
            cost: uplink.cost,
            keepalive_s: if uplink.endpoint.is_none() { KEEPALIVE_S } else { 0 },
            metered: uplink.metered,
            drained: uplink.drained,
            labels: uplink.labels.clone(),
        };
        pairs.map(local).collect()
    }

    /// What the bundles of others say of it, but for its allowed addresses.
    pub(super) fn as_peer(&self, allowed_ips: Vec<IpNet>) -> Peer {
        let pairs = (0u8..).zip(self.site.spec.uplinks.iter().zip(&self.site.public_keys));
        let uplink = |(index, (uplink, public_key)): (u8, (&Uplink, &_))| PeerUplink {
            public_key: *public_key,
            endpoint: uplink.endpoint.as_ref().map(|endpoint| Endpoint {
                host: endpoint.host.clone(),
                port: Some(endpoint.port.unwrap_or_else(|| self.port(index))),
            }),
            cost: uplink.cost,
            keepalive_s: None,
            drained: uplink.drained,
        };
        Peer {
            name: self.site.spec.name.clone(),
            addresses: self.site.addresses.clone(),
            allowed_ips,
            probe_port: self.site.port_base.and_then(|base| base.checked_add(PORT_OFFSET)),
            uplinks: pairs.map(uplink).collect(),
        }
    }
}

/// The place of a spoke's home hub among the names of the hubs, which are in order: the one it names, else the first.
/// None if the named one is not there.
pub(crate) fn home_hub(spoke: &SiteSpec, hubs: &[&Name]) -> Option<usize> {
    match &spoke.via {
        Some(via) => hubs.binary_search(&via).ok(),
        None => (!hubs.is_empty()).then_some(0),
    }
}

fn roles(topology: Topology, sites: &[&Site]) -> Vec<Role> {
    let (hubs, names): (Vec<usize>, Vec<&Name>) = sites
        .iter()
        .enumerate()
        .filter(|(_, site)| site.spec.hub)
        .map(|(index, site)| (index, &site.spec.name))
        .unzip();
    let role = |site: &&Site| match topology {
        Topology::Mesh => Role::Equal,
        Topology::HubSpoke if site.spec.hub => Role::Hub,
        Topology::HubSpoke => Role::Spoke(home_hub(&site.spec, &names).map(|place| hubs[place])),
    };
    sites.iter().map(role).collect()
}

/// Gives each hub what lies behind its spokes, and sorts everybody's allowed addresses.
fn gather(members: &mut [Member<'_>]) {
    for index in 0..members.len() {
        if let Role::Spoke(Some(home)) = members[index].role {
            let behind = members[index].allowed.clone();
            members[home].allowed.extend(behind);
        }
    }
    for member in members {
        member.allowed.sort_unstable();
        member.allowed.dedup();
    }
}

fn everything(input: &Input, members: &[Member<'_>]) -> Vec<Everything> {
    if input.spec.topology != Topology::HubSpoke {
        return Vec::new();
    }
    let networks = [Some(IpNet::V4(input.spec.range)), input.spec.range6.map(IpNet::V6)];
    let own = networks.into_iter().flatten().map(|range| Everything { range, owner: None });
    let prefixes = members.iter().enumerate().flat_map(|(index, member)| {
        member.site.spec.prefixes.iter().map(move |&range| Everything { range, owner: Some(index) })
    });
    let mut all: Vec<Everything> = own.chain(prefixes).collect();
    all.sort_by_key(|each| (each.range, each.owner));
    all
}

fn default_mtu(members: &[Member<'_>]) -> u16 {
    let smallest = members.iter().flat_map(|member| &member.site.spec.uplinks).map(|uplink| uplink.mtu).min();
    smallest.unwrap_or(1500).saturating_sub(OVERHEAD).clamp(MIN_MTU, MAX_MTU)
}

/// Numbers in ascending order as ranges.
fn ranges(numbers: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => ranges.push(number..number + 1),
        }
    }
    ranges
}
