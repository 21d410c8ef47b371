//! Network interfaces: finding ours, and changing nothing else.

use std::collections::BTreeMap;

use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use rtnetlink::{Handle, LinkUnspec};
use rustix::io::Errno;

use super::error::{Error, Result};
use super::model::{Driver, Owner};
use super::netlink;

/// The longest interface name in bytes.
const MAX_NAME: usize = 15;
/// How the alias of every interface of ours begins, whichever network has it.
pub(super) const ALIAS: &str = "patronus:";

/// What is of interest in a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) driver: Option<Driver>,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) running: bool,
}

impl Link {
    /// Refuses a link that is not the owner's.
    pub(super) fn owned_by(self, owner: &Owner) -> Result<Self> {
        if self.alias.as_deref() == Some(&owner.alias()) {
            Ok(self)
        } else {
            Err(Error::ForeignInterface { name: self.name, alias: self.alias })
        }
    }
}

/// A name that is safe as a word of a command and as part of a path.
pub(super) fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain) && name != "." && name != "..";
    if valid { Ok(()) } else { Err(Error::InvalidName(name.to_owned())) }
}

/// The link of a name.
pub(super) async fn find(netlink: &Handle, name: &str) -> Result<Option<Link>> {
    check_name(name)?;
    let answers = netlink.link().get().match_name(name).execute();
    match netlink::list(&format!("look for interface `{name}`"), answers).await {
        Ok(links) => Ok(links.first().map(read)),
        Err(error) if error.errno() == Some(Errno::NODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The owner's link of a name; an error if there is none or it is somebody else's.
pub(super) async fn owned(netlink: &Handle, owner: &Owner, name: &str) -> Result<Link> {
    match find(netlink, name).await? {
        Some(link) => link.owned_by(owner),
        None => Err(Error::NoInterface(name.to_owned())),
    }
}

/// All links, by index.
pub(super) async fn all(netlink: &Handle) -> Result<BTreeMap<u32, Link>> {
    let links = netlink::list("list the interfaces", netlink.link().get().execute()).await?;
    Ok(links.iter().map(read).map(|link| (link.index, link)).collect())
}

/// How many packets each of the owner's links has carried, in and out.
pub(super) async fn carried(netlink: &Handle, owner: &Owner) -> Result<BTreeMap<String, u64>> {
    let links = netlink::list("read the interfaces' counters", netlink.link().get().execute()).await?;
    let counted = |message: &LinkMessage| {
        let link = read(message);
        let stats = message.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Stats64(stats) => Some(stats.rx_packets.saturating_add(stats.tx_packets)),
            _ => None,
        });
        (link.alias.as_deref() == Some(&owner.alias())).then_some((link.name, stats?))
    };
    Ok(links.iter().filter_map(counted).collect())
}

/// Makes a kernel WireGuard interface, down.
pub(super) async fn add_wireguard(netlink: &Handle, name: &str) -> Result<()> {
    let message = rtnetlink::LinkWireguard::new(name).build();
    netlink::request(|| format!("create the WireGuard interface `{name}`"), netlink.link().add(message).execute()).await
}

/// Deletes a link; nothing happens if it is gone.
pub(super) async fn delete(netlink: &Handle, link: &Link) -> Result<()> {
    let doing = || format!("delete interface `{}`", link.name);
    netlink::request_unless(Errno::NODEV, doing, netlink.link().del(link.index).execute()).await?;
    Ok(())
}

/// Sets the alias that makes a link ours.
pub(super) async fn set_alias(netlink: &Handle, link: &Link, alias: &str) -> Result<()> {
    let message = LinkUnspec::new_with_index(link.index).alias(alias).build();
    change(netlink, link, "set the alias of", message).await
}

/// Sets the MTU.
pub(super) async fn set_mtu(netlink: &Handle, link: &Link, mtu: u32) -> Result<()> {
    change(netlink, link, "set the MTU of", LinkUnspec::new_with_index(link.index).mtu(mtu).build()).await
}

/// Brings a link up. Nothing here ever takes one down: that loses what is on its way and all of its routes.
pub(super) async fn set_up(netlink: &Handle, link: &Link) -> Result<()> {
    change(netlink, link, "bring up", LinkUnspec::new_with_index(link.index).up().build()).await
}

async fn change(netlink: &Handle, link: &Link, doing: &str, message: LinkMessage) -> Result<()> {
    netlink::request(|| format!("{doing} `{}`", link.name), netlink.link().change(message).execute()).await
}

fn read(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        alias: None,
        driver: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        running: message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias.clone()),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::LinkInfo(infos) => link.driver = infos.iter().find_map(driver),
            _ => {}
        }
    }
    link
}

fn driver(info: &LinkInfo) -> Option<Driver> {
    match info {
        LinkInfo::Kind(InfoKind::Wireguard) => Some(Driver::Kernel),
        LinkInfo::Kind(InfoKind::Tun) => Some(Driver::Userspace),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "../x", "sixteen-bytes-xx", "a b", "pt0\n", "pté"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["pt000", "eth0.100", "wan_1", "fifteen-bytes-x"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
