//! What a world is made of.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use patronus_core::path::prober::{Peer, Plan};
use patronus_core::path::select::{Class, Way};
use patronus_types::path::PathSettings;
use patronus_types::policy::{Fallback, Route, Sla};
use patronus_types::{Decimal, Name};

use crate::wan::{Link, Place, Port, Weather};

/// Sites, what is between them, and what they are to do.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Everything that is drawn is drawn from it.
    pub seed: u64,
    /// How the sites measure and choose.
    pub settings: PathSettings,
    /// What each uplink of each site costs.
    pub costs: Vec<Vec<u32>>,
    /// Which sites have tunnels to each other, the lower first.
    pub pairs: Vec<(usize, usize)>,
    /// To which of them traffic flows from the start, both ways.
    pub traffic: Vec<(usize, usize)>,
    /// The weather everywhere.
    pub base: Weather,
    /// And what there is more of it in places.
    pub weather: Vec<(Place, Weather)>,
    /// The classes behind the default one.
    pub demands: Vec<Demand>,
}

/// What a class asks of a path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Demand {
    /// The longest round trip in milliseconds.
    pub latency_ms: Option<u32>,
    /// Local uplinks, the best first.
    pub prefer: Vec<u8>,
    /// Whether nothing is better than a path that is not good enough, or not named.
    pub drops: bool,
}

impl Setup {
    /// So many sites with so many uplinks each, all joined, with traffic between all of them.
    pub fn mesh(seed: u64, sites: usize, uplinks: usize) -> Self {
        let pairs: Vec<_> = (0..sites).flat_map(|low| (low + 1..sites).map(move |high| (low, high))).collect();
        Self {
            seed,
            settings: PathSettings::default(),
            costs: vec![vec![100; uplinks]; sites],
            traffic: pairs.clone(),
            pairs,
            base: Weather::slow(10),
            weather: Vec::new(),
            demands: Vec::new(),
        }
    }

    /// The other sites of one, in the order of its plan.
    pub fn peers(&self, site: usize) -> Vec<usize> {
        let other = |&(low, high): &(usize, usize)| match site {
            _ if site == low => Some(high),
            _ if site == high => Some(low),
            _ => None,
        };
        let mut peers: Vec<usize> = self.pairs.iter().filter_map(other).collect();
        peers.sort_unstable();
        peers
    }

    /// How many uplinks a site has.
    pub fn uplinks(&self, site: usize) -> u8 {
        self.costs.get(site).and_then(|costs| u8::try_from(costs.len()).ok()).unwrap_or_default()
    }

    /// The ways from a site to another, in the order of its plan.
    pub fn ways(&self, site: usize, peer: usize) -> Vec<(u8, u8)> {
        let remotes = self.uplinks(peer);
        (0..self.uplinks(site)).flat_map(|local| (0..remotes).map(move |remote| (local, remote))).collect()
    }

    /// Every direction of every path.
    pub fn links(&self) -> Vec<Link> {
        let of_pair =
            |&(low, high): &(usize, usize)| self.ways(low, high).into_iter().map(move |way| link(low, high, way));
        self.pairs.iter().flat_map(of_pair).flat_map(|link| [link, link.back()]).collect()
    }

    /// What a site's agent is told, with these ports drained.
    ///
    /// # Errors
    /// When a number is too large for an address or a name.
    pub fn plan(&self, site: usize, drained: &BTreeMap<Port, bool>) -> Result<Plan> {
        let peers = self.peers(site).into_iter().map(|peer| self.peer(site, peer, drained)).collect::<Result<_>>()?;
        let uplinks =
            (0..self.uplinks(site)).map(|uplink| Ok(format!("u{uplink}").parse()?)).collect::<Result<Vec<_>>>()?;
        let classes = self.demands.iter().map(|demand| demand.class(&uplinks)).collect::<Result<Vec<_>>>()?;
        Ok(Plan {
            settings: self.settings.clone(),
            mtu: 1420,
            metered: vec![false; uplinks.len()],
            peers,
            classes: std::iter::once(Class::default()).chain(classes).collect(),
        })
    }

    fn peer(&self, site: usize, peer: usize, drained: &BTreeMap<Port, bool>) -> Result<Peer> {
        let cost = |site: usize, uplink: u8| self.costs.get(site).and_then(|costs| costs.get(usize::from(uplink)));
        let way = |(local, remote)| {
            let Link { from, to } = link(site, peer, (local, remote));
            let cost = [cost(site, local), cost(peer, remote)].into_iter().flatten().sum();
            let drained = [from, to].iter().any(|port| drained.get(port) == Some(&true));
            Way { local, remote, cost, drained, begins: site < peer }
        };
        let ways = self.ways(site, peer).into_iter().map(way).collect();
        Ok(Peer { name: format!("s{peer}").parse()?, address: address(peer)?, ways })
    }
}

impl Demand {
    fn class(&self, uplinks: &[Name]) -> Result<Class> {
        let named = |uplink: &u8| Ok(format!("u{uplink}").parse()?);
        let route = Route {
            prefer: self.prefer.iter().map(named).collect::<Result<_>>()?,
            sla: Sla { latency_ms: self.latency_ms.map(Decimal::whole), ..Sla::default() },
            fallback: if self.drops { Fallback::Drop } else { Fallback::Any },
        };
        let none = BTreeMap::new();
        Ok(Class::new(&route, uplinks.iter().map(|name| (name, &none))))
    }

    /// Whether it may go by a local uplink at all.
    pub fn allows(&self, local: u8) -> bool {
        !self.drops || self.prefer.is_empty() || self.prefer.contains(&local)
    }
}

/// The direction of a way from a site to another.
pub fn link(site: usize, peer: usize, (local, remote): (u8, u8)) -> Link {
    Link { from: Port { site, uplink: local }, to: Port { site: peer, uplink: remote } }
}

/// The overlay address of a site.
///
/// # Errors
/// When there are no more.
pub fn address(site: usize) -> Result<IpAddr> {
    Ok(Ipv4Addr::from(0x0ad2_0001 + u32::try_from(site)?).into())
}
