//! Random policies, states of the paths, and packets. Values are few, so that policies meet and packets match.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fastrand::Rng;
use ipnet::IpNet;

use super::sites::{LAN, PROBE_PORT, SITES, peers};

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const GRE: u8 = 47;
pub const ICMPV6: u8 = 58;
/// One for experiments, of which packets here have nothing behind the header of IP.
pub const BARE: u8 = 253;

const PRIORITIES: [u16; 3] = [100, 200, 300];
const CLASSES: [u8; 3] = [0, 8, 46];
const PORTS: [u16; 7] = [22, 53, 80, 443, 1000, 5060, 8080];
const LENGTHS: [[u8; 6]; 2] = [[0, 8, 14, 16, 24, 32], [0, 16, 32, 48, 64, 128]];
/// Hosts behind the site, and somebody there who has no address of it.
const INSIDE: [&str; 6] = ["10.1.0.10", "10.1.0.11", "10.1.7.10", "172.16.0.9", "fd01::10", "fd01::7:10"];
/// Hosts at other sites, among them a range that is nobody's, and hosts of the internet.
const OUTSIDE: [&str; 14] = [
    "10.2.0.10",
    "10.2.0.11",
    "10.2.1.10",
    "10.210.0.2",
    "10.3.0.10",
    "10.3.9.10",
    "10.4.0.10",
    "10.2.2.10",
    "198.18.0.10",
    "fd02::10",
    "fd00:210::2",
    "fd03::10",
    "fd03::1:10",
    "2001:db8::10",
];

/// A policy, in words of this test alone.
#[derive(Debug, Clone)]
pub struct Policy {
    pub name: String,
    pub priority: u16,
    pub src: Vec<Place>,
    pub dst: Vec<Place>,
    pub protocol: Option<u8>,
    pub src_ports: Vec<(u16, u16)>,
    pub dst_ports: Vec<(u16, u16)>,
    pub dscp: Option<u8>,
    pub app: Option<&'static str>,
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Range(IpAddr, u8),
    Site(&'static str),
    Label { key: &'static str, value: &'static str, wanted: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Route(Route),
    Drop,
    Limit(Limit),
}

/// How much of what: `packets/s` or `bit/s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    pub rate: u64,
    pub unit: &'static str,
    pub burst: u32,
}

impl Limit {
    /// One that nothing here reaches.
    const WIDE: Self = Self { rate: 100_000_000_000, unit: "bit/s", burst: u32::MAX };
}

/// A preference of uplinks, and whether nothing else will do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Route {
    pub prefer: Vec<&'static str>,
    pub drops: bool,
}

/// What became of the choice of a path to a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Nothing is measured: the preference decides.
    Unmeasured,
    /// This one was chosen, by its uplinks here and there.
    Path(u8, u8),
    /// None is good enough.
    Nowhere,
    /// The kernel took the route away with its device.
    Lost,
}

/// The paths to each site: without a class, and of each class.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub default: BTreeMap<&'static str, Choice>,
    pub classes: BTreeMap<(Route, &'static str), Choice>,
}

impl State {
    /// The choice of a class for a site.
    pub fn of(&self, route: &Route, site: &str) -> Choice {
        let mut choices = self.classes.iter().filter(|((it, name), _)| it == route && *name == site);
        choices.next().map_or(Choice::Unmeasured, |(_, choice)| *choice)
    }
}

#[derive(Debug, Clone)]
pub struct Set {
    pub policies: Vec<Policy>,
    pub state: State,
}

/// A packet that begins a flow. Ports are zero where the protocol has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    pub id: u16,
    /// Sent by the host itself.
    pub local: bool,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub protocol: u8,
    pub src_port: u16,
    pub dst_port: u16,
    pub dscp: u8,
}

impl Packet {
    pub fn has_ports(&self) -> bool {
        matches!(self.protocol, TCP | UDP)
    }
}

/// All that is random, from one number.
pub struct Draw(Rng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.0.usize(..of.len())].clone()
    }

    /// True in so many of a hundred times.
    fn chance(&mut self, percent: u8) -> bool {
        self.0.u8(..100) < percent
    }

    /// Some of a set's policies, and other states of the paths.
    pub fn variant(&mut self, set: &Set) -> Set {
        let policies: Vec<Policy> = set.policies.iter().filter(|_| self.chance(60)).cloned().collect();
        let state = self.state(&policies);
        Set { policies, state }
    }

    pub fn set(&mut self) -> Set {
        let mut names: Vec<String> = (0..self.0.usize(2..=14)).map(|number| format!("p{number}")).collect();
        self.0.shuffle(&mut names);
        let policies: Vec<Policy> = names.into_iter().map(|name| self.policy(name)).collect();
        let state = self.state(&policies);
        Set { policies, state }
    }

    fn policy(&mut self, name: String) -> Policy {
        // Ends of two families match nothing, which must be seldom.
        let family = self.one(&[Some(true), Some(true), Some(false), None]);
        let mut policy = Policy {
            name,
            priority: self.one(&PRIORITIES),
            src: self.places(&of_family(&INSIDE, family)),
            dst: self.places(&of_family(&OUTSIDE, family)),
            protocol: None,
            src_ports: Vec::new(),
            dst_ports: Vec::new(),
            dscp: self.chance(20).then(|| self.one(&CLASSES)),
            app: None,
            action: self.action(),
        };
        match self.0.u8(..10) {
            0..3 => policy.protocol = Some(self.one(&[ICMP, TCP, UDP, GRE, ICMPV6, BARE])),
            3..5 => policy.app = Some(self.one(&["web", "dns", "ping", "voip"])),
            5..8 => policy.protocol = Some(self.one(&[TCP, UDP])),
            _ => {}
        }
        // Names of policies stand for all ports of what has some.
        if policy.protocol.is_none_or(|protocol| [TCP, UDP].contains(&protocol)) && policy.app.is_none() {
            policy.dst_ports = if self.chance(60) { self.ports() } else { Vec::new() };
        }
        if policy.protocol.is_none_or(|protocol| [TCP, UDP].contains(&protocol)) && policy.app != Some("ping") {
            policy.src_ports = if self.chance(20) { self.ports() } else { Vec::new() };
        }
        if self.chance(10) {
            // More pairs than a map takes.
            policy.src.extend((0..18).map(|host| Place::Range(IpAddr::from([10, 9, 1, 2 * host]), 32)));
            policy.dst.extend((0..18).map(|host| Place::Range(IpAddr::from([10, 9, 2, 2 * host]), 32)));
        }
        policy
    }

    fn places(&mut self, near: &[&str]) -> Vec<Place> {
        let count = self.one(&[0, 0, 0, 0, 1, 1, 2, 3]);
        (0..count).map(|_| self.place(near)).collect()
    }

    fn place(&mut self, near: &[&str]) -> Place {
        match self.0.u8(..10) {
            0..2 => Place::Site(self.one(&SITES.map(|site| site.name))),
            2..4 => {
                let (key, value) = self.one(&[("role", "branch"), ("role", "hq"), ("land", "de"), ("land", "mars")]);
                Place::Label { key, value, wanted: !self.chance(25) }
            }
            _ => {
                let address = address(self.one(near));
                let length = self.one(&LENGTHS[usize::from(address.is_ipv6())]);
                let range = IpNet::new(address, length).unwrap().trunc();
                Place::Range(range.addr(), length)
            }
        }
    }

    fn ports(&mut self) -> Vec<(u16, u16)> {
        let count = self.0.usize(1..=3);
        (0..count).map(|_| self.range()).collect()
    }

    fn range(&mut self) -> (u16, u16) {
        let (one, other) = (self.one(&PORTS), self.one(&PORTS));
        if self.chance(50) { (one, one) } else { (one.min(other), one.max(other)) }
    }

    fn action(&mut self) -> Action {
        match self.0.u8(..10) {
            0..2 => Action::Drop,
            2 => Action::Limit(Limit::WIDE),
            3 => Action::Route(Route::default()),
            _ => {
                let mut prefer = vec!["fiber", "lte", "kind=radio", "kind!=radio", "dsl"];
                self.0.shuffle(&mut prefer);
                prefer.truncate(self.0.usize(..=2));
                Action::Route(Route { prefer, drops: self.chance(40) })
            }
        }
    }

    fn state(&mut self, policies: &[Policy]) -> State {
        let mut state = State::default();
        for site in peers() {
            let lost = self.chance(8);
            let choice = if lost { Choice::Lost } else { self.choice(site.uplinks) };
            state.default.insert(site.name, choice);
            for policy in policies {
                if let Action::Route(route) = &policy.action {
                    let choice = match self.0.u8(..10) {
                        0 => Choice::Lost,
                        1 => Choice::Nowhere,
                        _ => self.choice(site.uplinks),
                    };
                    state.classes.insert((route.clone(), site.name), choice);
                }
            }
        }
        state
    }

    fn choice(&mut self, uplinks: u8) -> Choice {
        if self.chance(25) { Choice::Unmeasured } else { Choice::Path(self.0.u8(..2), self.0.u8(..uplinks)) }
    }

    /// Packets none of which is in the flow of another: a flow keeps what its first packet got.
    pub fn packets(&mut self, count: u16) -> Vec<Packet> {
        let mut flows = BTreeSet::new();
        let mut packets = Vec::new();
        while packets.len() < usize::from(count) {
            let packet = self.packet(u16::try_from(packets.len() + 1).unwrap());
            let ends = [(packet.src, packet.src_port), (packet.dst, packet.dst_port)];
            let flow = (ends.iter().min().copied(), ends.iter().max().copied(), packet.protocol);
            if matches!(packet.protocol, ICMP | ICMPV6) || flows.insert(flow) {
                packets.push(packet);
            }
        }
        packets
    }

    fn packet(&mut self, id: u16) -> Packet {
        let local = self.chance(35);
        let src = address(match local {
            true => self.one(&[SITES[0].addresses, LAN].concat()),
            // Also what one site sends to another by this one.
            false if self.chance(15) => self.one(&OUTSIDE),
            false => self.one(&INSIDE),
        });
        let own = [&SITES[0].addresses[..], &LAN, &INSIDE].concat();
        let wanted = |text: &&str| address(text).is_ipv4() == src.is_ipv4() && address(text) != src;
        let far: Vec<&str> = OUTSIDE.into_iter().filter(wanted).collect();
        let near: Vec<&str> = own.into_iter().filter(wanted).collect();
        let dst = address(if self.chance(90) { self.one(&far) } else { self.one(&near) });
        let protocol = self.one(&[TCP, TCP, TCP, UDP, UDP, UDP, if src.is_ipv4() { ICMP } else { ICMPV6 }, GRE, BARE]);
        let mut packet = Packet { id, local, src, dst, protocol, src_port: 0, dst_port: 0, dscp: self.one(&CLASSES) };
        if packet.has_ports() {
            packet.src_port = if self.chance(5) { PROBE_PORT } else { self.0.u16(1..=2) * self.one(&PORTS) };
            packet.dst_port = self.one(&PORTS);
        }
        packet
    }
}

fn of_family<'a>(near: &[&'a str], v4: Option<bool>) -> Vec<&'a str> {
    near.iter().copied().filter(|text| v4.is_none_or(|v4| address(text).is_ipv4() == v4)).collect()
}

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}
