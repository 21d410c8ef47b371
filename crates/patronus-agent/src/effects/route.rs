//! Routes of protocol 80.
//!
//! A route is added where there is none, or replaces one of ours; either way there is no instant without one. Deletions
//! name our protocol, so the kernel never takes somebody else's route for ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rtnetlink::Handle;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use rustix::io::Errno;

use super::error::{Error, Result};
use super::link::Link;
use super::model::{Family, HostRoute, PROTOCOL, Route, RouteChange, Target, Via};
use super::{link, netlink};

/// Carries out changes in order. What was done before an error stays done.
pub(super) async fn change(netlink: &Handle, changes: &[RouteChange]) -> Result<()> {
    let mut devices = Devices::default();
    for change in changes {
        match change {
            RouteChange::Add(route) => add(netlink, route, devices.message(netlink, route).await?).await?,
            RouteChange::Replace(route) => replace(netlink, route, devices.message(netlink, route).await?).await?,
            RouteChange::Remove(route) => match devices.message(netlink, route).await {
                Ok(message) => remove(netlink, route, message).await?,
                // The device is gone, and its routes with it.
                Err(Error::NoInterface(_)) => {}
                Err(error) => return Err(error),
            },
        }
    }
    Ok(())
}

async fn add(netlink: &Handle, route: &Route, message: RouteMessage) -> Result<()> {
    let request = netlink.route().add(message).execute();
    match netlink::request_unless(Errno::EXIST, || doing("add", route), request).await? {
        Some(()) => Ok(()),
        None => match holder(netlink, route).await {
            Some(there) if there == *route => Ok(()),
            there => Err(taken(route, there)),
        },
    }
}

/// The route of ours in a route's place. That the routes cannot be listed must not hide that one is in the way.
async fn holder(netlink: &Handle, route: &Route) -> Option<Route> {
    let place = |route: &Route| (route.table, route.destination, route.metric);
    let routes = ours(netlink, &link::all(netlink).await.ok()?).await.ok()?;
    routes.into_iter().find(|there| place(there) == place(route))
}

async fn replace(netlink: &Handle, route: &Route, message: RouteMessage) -> Result<()> {
    netlink::request(|| doing("replace", route), netlink.route().add(message).replace().execute()).await
}

async fn remove(netlink: &Handle, route: &Route, message: RouteMessage) -> Result<()> {
    let request = netlink.route().del(message).execute();
    netlink::request_unless(Errno::SRCH, || doing("remove", route), request).await?;
    Ok(())
}

fn doing(verb: &str, route: &Route) -> String {
    format!("{verb} the route to {} (table {}, metric {})", route.destination, route.table, route.metric)
}

fn taken(route: &Route, there: Option<Route>) -> Error {
    let destination = route.destination;
    match there.as_ref().and_then(Route::device) {
        Some(device) => Error::OtherNetwork { destination, device: device.to_owned() },
        None => Error::ForeignRoute { destination, metric: route.metric, table: route.table },
    }
}

/// All routes of protocol 80 on this host, with the device's name instead of its index.
pub(super) async fn ours(netlink: &Handle, links: &BTreeMap<u32, Link>) -> Result<BTreeSet<Route>> {
    let mut routes = BTreeSet::new();
    for family in Family::ALL {
        let mut filter = RouteMessage::default();
        filter.header.address_family = netlink::address_family(family);
        filter.header.protocol = RouteProtocol::Other(PROTOCOL);
        let answers = netlink.route().get(filter).execute();
        let messages = netlink::list_of(family, "list the routes", answers).await?;
        // Kernels before 4.20 do not filter.
        let ours = messages.iter().filter(|message| u8::from(message.header.protocol) == PROTOCOL);
        routes.extend(ours.filter_map(|message| read(message, links)));
    }
    Ok(routes)
}

/// The routes of one link in `main` that are not ours.
pub(super) async fn of_host_link(netlink: &Handle, index: u32) -> Result<BTreeSet<HostRoute>> {
    let mut routes = BTreeSet::new();
    for family in Family::ALL {
        let mut filter = RouteMessage::default();
        filter.header.address_family = netlink::address_family(family);
        filter.attributes.push(RouteAttribute::Table(Route::MAIN));
        filter.attributes.push(RouteAttribute::Oif(index));
        let answers = netlink.route().get(filter).execute();
        let messages = netlink::list_of(family, "list the routes", answers).await?;
        routes.extend(messages.iter().filter_map(|message| read_host(message, index)));
    }
    Ok(routes)
}

/// Turns device names into indexes, each looked up once.
#[derive(Default)]
struct Devices(BTreeMap<String, u32>);

impl Devices {
    async fn message(&mut self, netlink: &Handle, route: &Route) -> Result<RouteMessage> {
        let index = match route.device() {
            Some(device) => Some(self.index(netlink, device).await?),
            None => None,
        };
        Ok(write(route, index))
    }

    async fn index(&mut self, netlink: &Handle, device: &str) -> Result<u32> {
        if let Some(index) = self.0.get(device) {
            return Ok(*index);
        }
        let link = link::find(netlink, device).await?.ok_or_else(|| Error::NoInterface(device.to_owned()))?;
        self.0.insert(device.to_owned(), link.index);
        Ok(link.index)
    }
}

fn write(route: &Route, index: Option<u32>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = netlink::address_family(Family::of(route.destination.addr()));
    message.header.protocol = RouteProtocol::Other(PROTOCOL);
    message.header.destination_prefix_length = route.destination.prefix_len();
    message.attributes.push(RouteAttribute::Destination(route.destination.addr().into()));
    message.attributes.push(RouteAttribute::Table(route.table));
    message.attributes.push(RouteAttribute::Priority(route.metric));
    match &route.target {
        Target::Unreachable => message.header.kind = RouteType::Unreachable,
        Target::Via(via) => write_via(&mut message, via),
    }
    message.attributes.extend(index.map(RouteAttribute::Oif));
    message
}

fn write_via(message: &mut RouteMessage, via: &Via) {
    message.header.kind = RouteType::Unicast;
    match via.gateway {
        Some(gateway) => message.attributes.push(RouteAttribute::Gateway(gateway.into())),
        None => message.header.scope = RouteScope::Link,
    }
    message.attributes.extend(via.source.map(|source| RouteAttribute::PrefSource(source.into())));
}

/// The attributes of a route message that matter here.
#[derive(Default)]
struct Read {
    table: u32,
    destination: Option<IpAddr>,
    metric: u32,
    index: Option<u32>,
    gateway: Option<IpAddr>,
    source: Option<IpAddr>,
}

impl Read {
    fn new(message: &RouteMessage) -> Self {
        let mut read = Self { table: u32::from(message.header.table), ..Self::default() };
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Table(table) => read.table = *table,
                RouteAttribute::Destination(address) => read.destination = ip(address),
                RouteAttribute::Priority(metric) => read.metric = *metric,
                RouteAttribute::Oif(index) => read.index = Some(*index),
                RouteAttribute::Gateway(address) => read.gateway = ip(address),
                RouteAttribute::PrefSource(address) => read.source = ip(address),
                _ => {}
            }
        }
        read
    }

    fn destination(&self, message: &RouteMessage) -> Option<IpNet> {
        let any: IpAddr = match message.header.address_family {
            rtnetlink::packet_route::AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        IpNet::new(self.destination.unwrap_or(any), message.header.destination_prefix_length).ok()
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn read(message: &RouteMessage, links: &BTreeMap<u32, Link>) -> Option<Route> {
    let read = Read::new(message);
    let target = match message.header.kind {
        RouteType::Unreachable => Target::Unreachable,
        RouteType::Unicast => Target::Via(Via {
            device: links.get(&read.index?)?.name.clone(),
            gateway: read.gateway,
            source: read.source,
        }),
        _ => return None,
    };
    Some(Route { table: read.table, destination: read.destination(message)?, metric: read.metric, target })
}

fn read_host(message: &RouteMessage, index: u32) -> Option<HostRoute> {
    let read = Read::new(message);
    let wanted = read.table == Route::MAIN
        && read.index == Some(index)
        && message.header.kind == RouteType::Unicast
        && u8::from(message.header.protocol) != PROTOCOL;
    wanted.then_some(())?;
    Some(HostRoute { destination: read.destination(message)?, gateway: read.gateway, metric: read.metric })
}
