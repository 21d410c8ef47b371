//! The one door to the kernel: small typed operations, in the order in which the plan asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use async_trait::async_trait;

use super::error::{Error, Result};
use super::link::{self, Link};
use super::model::{
    Driver, Firewall, HostLink, Observed, Owner, RouteChange, RuleChange, WireguardChange, WireguardState,
};
use super::nft::Nft;
use super::sysctl::Setting;
use super::wireguard::{Settings, Wireguard};
use super::{address, conntrack, host, netlink, observe, route, rule};

/// `rp_filter` of a tunnel: a packet may come by another tunnel than its answer takes.
const LOOSE: &str = "2";
/// `addr_gen_mode` of a tunnel: no link-local address, so nothing is sent that no peer takes.
const NONE: &str = "1";

/// What changes the kernel for one network at a time. Each operation is done or refused when it returns; doing it again
/// changes nothing. An interface is touched only if it carries the owner's alias.
#[async_trait]
pub trait Device: Send + Sync {
    /// The driver that new tunnels get on this host.
    fn driver(&self) -> Driver;

    /// Everything of the owner's as it is.
    async fn observe(&self, owner: &Owner) -> Result<Observed>;

    /// Makes a tunnel without key and peers, up, with the owner's alias.
    async fn create_tunnel(&self, owner: &Owner, name: &str, mtu: u32) -> Result<()>;

    /// Deletes a tunnel, with its addresses and routes. Nothing happens if there is none.
    async fn delete_tunnel(&self, owner: &Owner, name: &str) -> Result<()>;

    /// Changes a tunnel's MTU in place.
    async fn set_mtu(&self, owner: &Owner, name: &str, mtu: u32) -> Result<()>;

    /// Reads a tunnel's key, port and peers.
    async fn wireguard(&self, owner: &Owner, name: &str) -> Result<WireguardState>;

    /// Changes a tunnel's key, port and peers in place.
    async fn change_wireguard(&self, owner: &Owner, name: &str, change: &WireguardChange) -> Result<()>;

    /// Adds an overlay address to a tunnel.
    async fn add_address(&self, owner: &Owner, name: &str, address: IpAddr) -> Result<()>;

    /// Removes an overlay address; every route that has it as its source goes too.
    async fn remove_address(&self, owner: &Owner, name: &str, address: IpAddr) -> Result<()>;

    /// Changes routes, in order.
    async fn change_routes(&self, changes: &[RouteChange]) -> Result<()>;

    /// Changes routing rules, in order.
    async fn change_rules(&self, changes: &[RuleChange]) -> Result<()>;

    /// Replaces the owner's nft table by one with these chains.
    async fn replace_firewall(&self, owner: &Owner, chains: &str) -> Result<Firewall>;

    /// Removes the owner's nft table.
    async fn remove_firewall(&self, owner: &Owner) -> Result<Firewall>;

    /// Sets a kernel setting by its path below `/proc/sys`; only those that [`Setting`] knows. Says what it was, if that
    /// was something else.
    async fn set_sysctl(&self, path: &str, value: &str) -> Result<Option<String>>;

    /// How many packets each of the owner's tunnels has carried, in and out, as far as is known.
    async fn carried(&self, owner: &Owner) -> Result<BTreeMap<String, u64>>;

    /// The marks of all flows that are tracked.
    async fn flow_marks(&self) -> Result<BTreeSet<u32>>;

    /// One of the host's own links; none if there is no such device.
    async fn host_link(&self, name: &str) -> Result<Option<HostLink>>;

    /// All of the host's own links, by name.
    async fn host_links(&self) -> Result<BTreeMap<String, HostLink>>;
}

/// The real thing, in the network namespace of the thread that calls it.
#[derive(Debug, Clone)]
pub struct Linux {
    wireguard: Wireguard,
    nft: Nft,
}

impl Linux {
    /// Chooses the driver now; `nft` is the program of that name.
    pub fn new(settings: Settings, nft: PathBuf) -> Self {
        Self { wireguard: Wireguard::new(settings), nft: Nft::new(nft) }
    }

    /// The interface that a tunnel of this name gets: new, or left over from a creation that was cut short.
    async fn fresh(&self, netlink: &rtnetlink::Handle, owner: &Owner, name: &str) -> Result<Link> {
        if let Some(link) = link::find(netlink, name).await? {
            return if self.wireguard.is_blank(&link).await { Ok(link) } else { link.owned_by(owner) };
        }
        self.wireguard.create(netlink, name).await?;
        link::find(netlink, name).await?.ok_or_else(|| Error::NoInterface(name.to_owned()))
    }
}

#[async_trait]
impl Device for Linux {
    fn driver(&self) -> Driver {
        self.wireguard.driver()
    }

    async fn observe(&self, owner: &Owner) -> Result<Observed> {
        observe::observe(&netlink::open()?, &self.wireguard, &self.nft, owner).await
    }

    async fn create_tunnel(&self, owner: &Owner, name: &str, mtu: u32) -> Result<()> {
        let netlink = netlink::open()?;
        let link = self.fresh(&netlink, owner, name).await?;
        // The alias first: from here on it is known as ours, whatever happens.
        link::set_alias(&netlink, &link, &owner.alias()).await?;
        Setting::RpFilter(name.to_owned()).write(LOOSE)?;
        Setting::AddressGeneration(name.to_owned()).write(NONE)?;
        link::set_mtu(&netlink, &link, mtu).await?;
        link::set_up(&netlink, &link).await?;
        self.wireguard.ready(&link).await
    }

    async fn delete_tunnel(&self, owner: &Owner, name: &str) -> Result<()> {
        let netlink = netlink::open()?;
        match link::find(&netlink, name).await? {
            Some(link) => self.wireguard.delete(&netlink, &link.owned_by(owner)?).await,
            None => Ok(()),
        }
    }

    async fn set_mtu(&self, owner: &Owner, name: &str, mtu: u32) -> Result<()> {
        let netlink = netlink::open()?;
        let link = link::owned(&netlink, owner, name).await?;
        link::set_mtu(&netlink, &link, mtu).await
    }

    async fn wireguard(&self, owner: &Owner, name: &str) -> Result<WireguardState> {
        let link = link::owned(&netlink::open()?, owner, name).await?;
        self.wireguard.read(&link).await
    }

    async fn change_wireguard(&self, owner: &Owner, name: &str, change: &WireguardChange) -> Result<()> {
        let link = link::owned(&netlink::open()?, owner, name).await?;
        self.wireguard.change(&link, change).await
    }

    async fn add_address(&self, owner: &Owner, name: &str, address: IpAddr) -> Result<()> {
        let netlink = netlink::open()?;
        let link = link::owned(&netlink, owner, name).await?;
        address::add(&netlink, &link, address).await
    }

    async fn remove_address(&self, owner: &Owner, name: &str, address: IpAddr) -> Result<()> {
        let netlink = netlink::open()?;
        let link = link::owned(&netlink, owner, name).await?;
        address::remove(&netlink, &link, address).await
    }

    async fn change_routes(&self, changes: &[RouteChange]) -> Result<()> {
        route::change(&netlink::open()?, changes).await
    }

    async fn change_rules(&self, changes: &[RuleChange]) -> Result<()> {
        rule::change(&netlink::open()?, changes).await
    }

    async fn replace_firewall(&self, owner: &Owner, chains: &str) -> Result<Firewall> {
        Ok(self.nft.replace(owner, chains).await)
    }

    async fn remove_firewall(&self, owner: &Owner) -> Result<Firewall> {
        Ok(self.nft.remove(owner).await)
    }

    async fn set_sysctl(&self, path: &str, value: &str) -> Result<Option<String>> {
        Setting::at(path).ok_or_else(|| Error::ForeignSetting(path.to_owned()))?.write(value)
    }

    async fn carried(&self, owner: &Owner) -> Result<BTreeMap<String, u64>> {
        link::carried(&netlink::open()?, owner).await
    }

    async fn flow_marks(&self) -> Result<BTreeSet<u32>> {
        conntrack::marks().await
    }

    async fn host_link(&self, name: &str) -> Result<Option<HostLink>> {
        host::link(&netlink::open()?, name).await
    }

    async fn host_links(&self) -> Result<BTreeMap<String, HostLink>> {
        host::links(&netlink::open()?).await
    }
}
