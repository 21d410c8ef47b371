//! What must become of a packet, by the documents alone: nothing of this is the product's.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::draw::{Action, Choice, ICMP, ICMPV6, Packet, Place, Policy, Route, Set, TCP, UDP, address};
use super::sites::{LAN, PROBE_PORT, SITES, Site, UPLINKS, peers};

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It leaves by this device.
    Leaves(String),
    /// It is for the host itself.
    Arrives,
    /// It goes nowhere, silently.
    Dropped,
    /// It goes nowhere, and its sender is told.
    Unreachable,
}

/// An answer, and by which policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The policy that decides; nothing where none does or none is asked.
    pub policy: Option<&'a Policy>,
    /// Whether policies are asked at all: where `main` sends the packet into a tunnel.
    pub asked: bool,
    pub outcome: Outcome,
    /// Another policy that matches would do something else.
    pub contested: bool,
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Policy {}

/// Where the table `main` sends a packet.
enum Way {
    Host,
    Hosts,
    Internet,
    Peer(&'static Site),
}

pub fn answer<'a>(set: &'a Set, packet: &Packet) -> Answer<'a> {
    let plain = |outcome| Answer { policy: None, asked: false, outcome, contested: false };
    let leaves = |device: &str| plain(Outcome::Leaves(device.to_owned()));
    let peer = match way(packet.dst) {
        Way::Host => return plain(Outcome::Arrives),
        Way::Hosts => return leaves("lan"),
        Way::Internet => return leaves("wan"),
        Way::Peer(peer) => peer,
    };
    let default = default_of_peer(set, peer);
    // Without a tunnel in `main` there is nothing to ask about.
    if default == Outcome::Unreachable || packet.local && packet.protocol == UDP && packet.src_port == PROBE_PORT {
        return plain(default);
    }
    let matching: Vec<&Policy> = in_order(&set.policies).into_iter().filter(|policy| matches(policy, packet)).collect();
    let policy = matching.first().copied();
    let contested = matching.iter().any(|other| policy.is_some_and(|policy| other.action != policy.action));
    let outcome = match policy.map(|policy| &policy.action) {
        Some(Action::Drop) => Outcome::Dropped,
        Some(Action::Route(route)) if *route != Route::default() => route_of_peer(set, route, peer),
        Some(Action::Limit(_) | Action::Route(_)) | None => default,
    };
    Answer { policy, asked: true, outcome, contested }
}

fn way(to: IpAddr) -> Way {
    let own = &SITES[0];
    if own.addresses.iter().chain(&LAN).any(|own| address(own) == to) {
        return Way::Host;
    }
    if own.prefixes.iter().any(|prefix| within(to, prefix)) {
        return Way::Hosts;
    }
    peers().find(|peer| is_at(peer, to)).map_or(Way::Internet, Way::Peer)
}

/// What becomes of a packet to another site by the best path.
pub fn by_default(set: &Set, to: IpAddr) -> Outcome {
    default_of_peer(set, peer(to))
}

/// What becomes of it by a route.
pub fn by_route(set: &Set, route: &Route, to: IpAddr) -> Outcome {
    route_of_peer(set, route, peer(to))
}

fn peer(to: IpAddr) -> &'static Site {
    peers().find(|peer| is_at(peer, to)).unwrap()
}

fn default_of_peer(set: &Set, peer: &Site) -> Outcome {
    match set.state.default.get(peer.name).copied().unwrap_or(Choice::Unmeasured) {
        Choice::Path(local, remote) => tunnel(local, remote),
        Choice::Unmeasured => tunnel(0, 0),
        Choice::Lost | Choice::Nowhere => Outcome::Unreachable,
    }
}

fn route_of_peer(set: &Set, route: &Route, peer: &Site) -> Outcome {
    match set.state.of(route, peer.name) {
        Choice::Path(local, remote) => tunnel(local, remote),
        Choice::Lost => default_of_peer(set, peer),
        Choice::Nowhere => Outcome::Unreachable,
        Choice::Unmeasured => preferred(route).map_or(Outcome::Unreachable, |local| tunnel(local, 0)),
    }
}

/// The uplink that comes first; those that are not named come last, the cheaper one first, or not at all.
fn preferred(route: &Route) -> Option<u8> {
    let place = |(name, kind): (&str, &str)| route.prefer.iter().position(|wanted| names(wanted, name, kind));
    let ranked = (0..2u8).map(|local| (place(UPLINKS[usize::from(local)]).unwrap_or(usize::MAX), local));
    let named = |&(place, _): &(usize, u8)| !route.drops || route.prefer.is_empty() || place != usize::MAX;
    ranked.filter(named).min().map(|(_, local)| local)
}

fn names(wanted: &str, name: &str, kind: &str) -> bool {
    match (wanted.strip_prefix("kind="), wanted.strip_prefix("kind!=")) {
        (Some(value), _) => value == kind,
        (_, Some(value)) => value != kind,
        _ => wanted == name,
    }
}

fn tunnel(local: u8, remote: u8) -> Outcome {
    Outcome::Leaves(format!("pt1{local}{remote}"))
}

/// Of the highest priority first, then by name.
fn in_order(policies: &[Policy]) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = policies.iter().collect();
    policies.sort_by_key(|policy| (Reverse(policy.priority), &policy.name));
    policies
}

pub fn matches(policy: &Policy, packet: &Packet) -> bool {
    let among = |ports: &[(u16, u16)], port| {
        ports.is_empty() || packet.has_ports() && ports.iter().any(|&(first, last)| first <= port && port <= last)
    };
    is_in(&policy.src, packet.src)
        && is_in(&policy.dst, packet.dst)
        && policy.protocol.is_none_or(|protocol| protocol == packet.protocol)
        && policy.app.is_none_or(|app| is_of(app, packet))
        && among(&policy.src_ports, packet.src_port)
        && among(&policy.dst_ports, packet.dst_port)
        && policy.dscp.is_none_or(|dscp| dscp == packet.dscp)
}

fn is_of(app: &str, packet: &Packet) -> bool {
    matches!(
        (app, packet.protocol, packet.dst_port),
        ("web", TCP, 80 | 443)
            | ("web", UDP, 443)
            | ("dns", TCP, 53 | 853)
            | ("dns", UDP, 53)
            | ("voip", TCP | UDP, 5060..=5061)
            | ("voip", UDP, 16_384..=32_767)
            | ("ping", ICMP | ICMPV6, _)
    )
}

fn is_in(places: &[Place], address: IpAddr) -> bool {
    let is_in = |place: &Place| match place {
        Place::Range(first, length) => shares(*first, address, *length),
        Place::Site(name) => SITES.iter().any(|site| site.name == *name && is_at(site, address)),
        Place::Label { key, value, wanted } => {
            SITES.iter().any(|site| site.labels.contains(&(key, value)) == *wanted && is_at(site, address))
        }
    };
    places.is_empty() || places.iter().any(is_in)
}

fn is_at(site: &Site, to: IpAddr) -> bool {
    site.addresses.iter().any(|own| address(own) == to) || site.prefixes.iter().any(|prefix| within(to, prefix))
}

fn within(address: IpAddr, prefix: &str) -> bool {
    let (first, length) = prefix.split_once('/').unwrap();
    shares(first.parse().unwrap(), address, length.parse().unwrap())
}

/// Whether two addresses have so many bits in common from the left.
fn shares(one: IpAddr, other: IpAddr, length: u8) -> bool {
    let (one, other) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.octets().to_vec(), other.octets().to_vec()),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.octets().to_vec(), other.octets().to_vec()),
        _ => return false,
    };
    let bit = |bytes: &[u8], place: usize| bytes[place / 8] >> (7 - place % 8) & 1;
    (0..usize::from(length)).all(|place| bit(&one, place) == bit(&other, place))
}
