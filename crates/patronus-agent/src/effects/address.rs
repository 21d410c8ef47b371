//! Overlay addresses: a /32 or /128 on each of a network's tunnels.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use rtnetlink::Handle;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use rustix::io::Errno;

use super::error::Result;
use super::link::Link;
use super::netlink;

/// Adds an address; nothing happens if the link has it.
pub(super) async fn add(netlink: &Handle, link: &Link, address: IpAddr) -> Result<()> {
    let mut request = netlink.address().add(link.index, address, IpNet::from(address).prefix_len());
    // Nobody else can have it, and a route cannot use it as source while the kernel looks for a duplicate.
    request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
    request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    let doing = || format!("add address {address} to `{}`", link.name);
    netlink::request_unless(Errno::EXIST, doing, request.execute()).await?;
    Ok(())
}

/// Removes an address and with it, silently, every route that has it as its source.
pub(super) async fn remove(netlink: &Handle, link: &Link, address: IpAddr) -> Result<()> {
    let mut message = AddressMessage::default();
    message.header.family = netlink::address_family(super::model::Family::of(address));
    message.header.prefix_len = IpNet::from(address).prefix_len();
    message.header.index = link.index;
    message.attributes.push(AddressAttribute::Local(address));
    let doing = || format!("remove address {address} from `{}`", link.name);
    netlink::request_unless(Errno::ADDRNOTAVAIL, doing, netlink.address().del(message).execute()).await?;
    Ok(())
}

/// The global addresses of all links, by index of the link.
pub(super) async fn all(netlink: &Handle) -> Result<BTreeMap<u32, BTreeSet<IpNet>>> {
    let messages = netlink::list("list the addresses", netlink.address().get().execute()).await?;
    let mut addresses = BTreeMap::<u32, BTreeSet<IpNet>>::new();
    for (index, address) in messages.iter().filter_map(read) {
        addresses.entry(index).or_default().insert(address);
    }
    Ok(addresses)
}

fn read(message: &AddressMessage) -> Option<(u32, IpNet)> {
    if message.header.scope != AddressScope::Universe {
        return None;
    }
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    // IPv6 has only `Address`; on a point-to-point link of IPv4 that is the far end.
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    let net = IpNet::new(address, message.header.prefix_len).ok()?;
    Some((message.header.index, net))
}
