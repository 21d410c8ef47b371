//! One step, one effect.

use std::collections::BTreeSet;

use patronus_core::apply::{Plan, Sessions, Step};
use patronus_types::PublicKey;

use super::{ConvergeError, Goal, Site, pulse};
use crate::effects::model::{Firewall, Observed, Owner, PrivateKey, WireguardChange};
use crate::effects::{Error, Result};
use crate::failpoint;
use crate::world::World;

/// Tries what can fail before anything is touched: a port that is refused later leaves a device without a socket.
pub(super) fn preflight(site: Site<'_>, plan: &Plan, before: &Observed) -> std::result::Result<(), ConvergeError> {
    let own: BTreeSet<u16> =
        before.tunnels.values().filter_map(|tunnel| Some(tunnel.wireguard.as_ref().ok()?.port)).collect();
    for step in &plan.apply {
        let Step::ChangeWireguard { interface, port: Some(port), .. } = step else { continue };
        if *port == 0 || own.contains(port) {
            continue;
        }
        if let Some(taken) = site.world.host.port_taken(*port) {
            return Err(ConvergeError::Port { interface: interface.clone(), taken });
        }
    }
    Ok(())
}

/// Carries out one step.
pub(super) async fn step(site: Site<'_>, goal: Goal<'_>, sessions: &Sessions, step: &Step) -> Result<()> {
    failpoint::hit("before-step");
    match step {
        Step::ChangeWireguard { interface, key, port, peers } => {
            let private_key = key.map(|key| private(site, key, interface)).transpose()?;
            let change = WireguardChange { private_key, port: *port, peers: peers.clone() };
            site.world.device.change_wireguard(site.owner, interface, &change).await?;
        }
        Step::Probe { interface, peers } => pulse::begin(site, goal, sessions, (interface, peers)),
        other => bare_step(site.world, site.owner, other).await?,
    }
    failpoint::hit("after-step");
    Ok(())
}

/// A step that needs no more than the kernel.
pub(super) async fn bare_step(world: &World, owner: &Owner, step: &Step) -> Result<()> {
    let device = &world.device;
    match step {
        Step::CreateTunnel { interface, mtu } => device.create_tunnel(owner, interface, *mtu).await,
        Step::DeleteTunnel { interface } => device.delete_tunnel(owner, interface).await,
        Step::SetMtu { interface, mtu } => device.set_mtu(owner, interface, *mtu).await,
        Step::AddAddress { interface, address } => device.add_address(owner, interface, *address).await,
        Step::RemoveAddress { interface, address } => device.remove_address(owner, interface, *address).await,
        Step::SetSysctl { path, value } => device.set_sysctl(path, value).await.map(drop),
        Step::ChangeRules(changes) => device.change_rules(changes).await,
        Step::ChangeRoutes(changes) => device.change_routes(changes).await,
        Step::ReplaceFirewall { chains, required } => match device.replace_firewall(owner, chains).await? {
            Firewall::Unavailable(reason) if *required => Err(Error::NoFirewall(reason)),
            _ => Ok(()),
        },
        Step::RemoveFirewall => device.remove_firewall(owner).await.map(drop),
        Step::ChangeWireguard { interface, key: None, port, peers } => {
            let change = WireguardChange { private_key: None, port: *port, peers: peers.clone() };
            device.change_wireguard(owner, interface, &change).await
        }
        // These need keys or addresses of the network.
        Step::ChangeWireguard { .. } | Step::Probe { .. } => Ok(()),
    }
}

fn private(site: Site<'_>, key: PublicKey, interface: &str) -> Result<PrivateKey> {
    site.identity.private(key).cloned().ok_or_else(|| Error::Device {
        interface: interface.to_owned(),
        message: format!("this site has no private half of the key {key}"),
    })
}
