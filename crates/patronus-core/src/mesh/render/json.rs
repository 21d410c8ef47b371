//! `bundle.json`: a head of the site's own, then a line for each peer.

use std::net::IpAddr;

use patronus_types::bundle::{FORMAT, Forwards, LocalUplink, Party, Spare, Tunnel};
use patronus_types::confirm::Confirm;
use patronus_types::path::PathSettings;
use patronus_types::{NetworkId, SiteId};
use serde::Serialize;

use super::strip::Strip;
use crate::mesh::CompileError;
use crate::mesh::spare::spare;
use crate::mesh::topology::{Member, Network};
use crate::rope::Draft;

/// What follows the last peer where there are no policies, and the last policy where there are.
pub(super) const TAIL: &str = "\n]}\n";
/// What stands between the last peer and the first policy.
pub(super) const POLICIES: &str = "\n],\"policies\":[\n";

/// [`patronus_types::bundle::Content`] without its peers and policies.
#[derive(Serialize)]
struct Content<'a> {
    format: u32,
    network: &'a Party<NetworkId>,
    site: Party<SiteId>,
    mtu: u16,
    addresses: &'a [IpAddr],
    #[serde(skip_serializing_if = "Forwards::is_nothing")]
    forwards: Forwards,
    #[serde(skip_serializing_if = "Confirm::is_default")]
    confirm: Confirm,
    #[serde(skip_serializing_if = "PathSettings::is_default")]
    paths: &'a PathSettings,
    uplinks: Vec<LocalUplink>,
    tunnels: &'a [Tunnel],
    #[serde(skip_serializing_if = "Option::is_none")]
    spare: Option<Spare>,
}

/// Everything up to the first peer.
pub(super) fn head(
    file: &mut Draft,
    network: &Network<'_>,
    index: usize,
    tunnels: &[Tunnel],
) -> Result<(), CompileError> {
    let member = &network.members[index];
    let site = member.site;
    let text = serde_json::to_string(&Content {
        format: FORMAT,
        network: &network.party,
        site: Party { id: site.id, name: site.spec.name.clone() },
        mtu: network.mtu,
        addresses: &site.addresses,
        forwards: member.forwards(),
        confirm: network.confirm.for_site(|probe| probe.is_run_by(&site.spec)),
        paths: network.paths,
        uplinks: member.local_uplinks(),
        tunnels,
        spare: spare(network, index),
    })?;
    file.push_bytes(text.strip_suffix('}').unwrap_or(&text).as_bytes());
    file.push_bytes(b",\"peers\":[\n");
    Ok(())
}

/// Each member's entry as everybody in a mesh and every hub sees it.
pub(super) fn entries(network: &Network<'_>) -> Result<Strip, CompileError> {
    let entry =
        |member: &Member<'_>| Ok(format!(",\n{}", serde_json::to_string(&member.as_peer(member.allowed.clone()))?));
    let entries = network.members.iter().map(entry).collect::<Result<Vec<_>, CompileError>>()?;
    Ok(Strip::new(entries.into_iter()))
}

/// The policies, which are everybody's.
pub(super) fn policies(network: &Network<'_>) -> Result<Strip, CompileError> {
    let rules = network.policies.iter().map(|rule| Ok(format!(",\n{}", serde_json::to_string(rule)?)));
    Ok(Strip::new(rules.collect::<Result<Vec<_>, CompileError>>()?.into_iter()))
}

/// One entry whose allowed addresses `put` writes.
pub(super) fn entry(file: &mut Draft, member: &Member<'_>, put: impl FnOnce(&mut Draft)) -> Result<(), CompileError> {
    const FIELD: &str = "\"allowed_ips\":[";
    let text = serde_json::to_string(&member.as_peer(Vec::new()))?;
    let (before, after) = text.split_once(FIELD).unwrap_or((&text, ""));
    file.push_bytes(before.as_bytes());
    file.push_bytes(FIELD.as_bytes());
    put(file);
    file.push_bytes(after.as_bytes());
    Ok(())
}
