//! A site's files: what is the same for many is rendered once, the rest is its own.

mod json;
mod strip;
mod wireguard;

use std::collections::BTreeMap;

use ipnet::IpNet;
use patronus_types::bundle::{CONTENT_FILE, Tunnel};

use super::CompileError;
use super::topology::{Network, Peers};
use crate::archive;
use crate::rope::Draft;
use strip::Strip;

pub(super) use wireguard::{Head, file_name, head, peer};

/// Everything rendered so far that several sites share.
pub(super) struct Render<'a> {
    network: &'a Network<'a>,
    /// Each member's entry in `bundle.json`, after a comma.
    entries: Strip,
    /// The policies in `bundle.json`, each after a comma.
    policies: Strip,
    /// [`Network::everything`] for `bundle.json`, each after a comma.
    ranges_json: Strip,
    /// The same for WireGuard's files.
    ranges_text: Strip,
    /// Each member's section in WireGuard's files, empty for a member without that uplink.
    sections: BTreeMap<Flavour, Strip>,
}

/// What a peer's section in a WireGuard file depends on besides the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Flavour {
    local: u8,
    remote: u8,
    keepalive_s: u16,
}

impl<'a> Render<'a> {
    pub(super) fn new(network: &'a Network<'a>) -> Result<Self, CompileError> {
        let ranges = || network.everything.iter().map(|each| each.range);
        Ok(Self {
            network,
            entries: json::entries(network)?,
            policies: json::policies(network)?,
            ranges_json: Strip::new(ranges().map(|range: IpNet| format!(",\"{range}\""))),
            ranges_text: Strip::new(ranges().map(|range: IpNet| format!(", {range}"))),
            sections: BTreeMap::new(),
        })
    }

    /// The tar of one site.
    pub(super) fn tar(&mut self, index: usize) -> Result<Draft, CompileError> {
        let peers = self.network.peers(index);
        let tunnels = self.network.tunnels(index, &peers);
        let mut files = vec![(CONTENT_FILE.to_owned(), self.content(index, &peers, &tunnels)?)];
        for tunnel in &tunnels {
            files.push((file_name(tunnel), self.wireguard(index, &peers, tunnel)));
        }
        Ok(archive::pack(files)?)
    }

    fn content(&self, index: usize, peers: &Peers, tunnels: &[Tunnel]) -> Result<Draft, CompileError> {
        let mut file = Draft::default();
        json::head(&mut file, self.network, index, tunnels)?;
        match peers {
            Peers::Members(ranges) => self.entries.put(&mut file, ranges, ",\n".len()),
            Peers::Home(home) => {
                let behind = self.network.behind_home(index);
                let put = |file: &mut Draft| self.ranges_json.put(file, &behind, ",".len());
                json::entry(&mut file, &self.network.members[*home], put)?;
            }
        }
        if !self.network.policies.is_empty() {
            file.push_bytes(json::POLICIES.as_bytes());
            self.policies.put_all(&mut file, ",\n".len());
        }
        file.push_bytes(json::TAIL.as_bytes());
        Ok(file)
    }

    fn wireguard(&mut self, index: usize, peers: &Peers, tunnel: &Tunnel) -> Draft {
        let member = &self.network.members[index];
        let uplinks = member.local_uplinks();
        let mut file = Draft::default();
        let Some(uplink) = uplinks.get(usize::from(tunnel.local)) else { return file };
        file.push_bytes(
            head(&Head {
                network: &self.network.party.name,
                site: &member.site.spec.name,
                addresses: &member.site.addresses,
                mtu: self.network.mtu,
                uplink,
                tunnel,
                routes: (tunnel.local, tunnel.remote) == (0, 0),
            })
            .as_bytes(),
        );
        let flavour = Flavour { local: tunnel.local, remote: tunnel.remote, keepalive_s: uplink.keepalive_s };
        match peers {
            Peers::Members(ranges) => self.sections(flavour).put(&mut file, ranges, 0),
            Peers::Home(home) => self.home_section(&mut file, index, *home, flavour),
        }
        file
    }

    fn sections(&mut self, flavour: Flavour) -> &Strip {
        let network = self.network;
        self.sections
            .entry(flavour)
            .or_insert_with(|| Strip::new(network.members.iter().map(|member| section(member, flavour))))
    }

    fn home_section(&self, file: &mut Draft, index: usize, home: usize, flavour: Flavour) {
        let hub = self.network.members[home].as_peer(Vec::new());
        let Some(text) = peer(&hub, flavour.local, flavour.remote, flavour.keepalive_s) else { return };
        let (before, after) = text.split_once(wireguard::ALLOWED).unwrap_or((&text, ""));
        file.push_bytes(before.as_bytes());
        file.push_bytes(wireguard::ALLOWED.as_bytes());
        self.ranges_text.put(file, &self.network.behind_home(index), ", ".len());
        file.push_bytes(after.as_bytes());
    }
}

fn section(member: &super::topology::Member<'_>, flavour: Flavour) -> String {
    let entry = member.as_peer(member.allowed.clone());
    peer(&entry, flavour.local, flavour.remote, flavour.keepalive_s).unwrap_or_default()
}
