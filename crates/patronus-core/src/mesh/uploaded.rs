//! A bundle made from an operator's own WireGuard configuration instead of declared state.
//!
//! A site has one such configuration: it becomes interface (0, 0) with the site's first key. What a configuration cannot
//! say is taken from the site (device and gateway of its first uplink) or from names that are known.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use patronus_types::bundle::{CONTENT_FILE, Content, FORMAT, Forwards, LocalUplink, Party, Peer, PeerUplink, Tunnel};
use patronus_types::confirm::Confirm;
use patronus_types::path::PathSettings;
use patronus_types::site::Uplink;
use patronus_types::{Name, NetworkId, PublicKey, SiteId};

use super::content::ContentError;
use super::{CompileError, DEFAULT_PORT_BASE, content_of_json, render};
use crate::archive;
use crate::digest::Hashes;
use crate::rope::{Draft, Rope};
use crate::wgconf::{self, Config};

/// MTU of a tunnel where the configuration says none.
const DEFAULT_MTU: u16 = 1420;

/// A site's configuration, and the site.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// The network.
    pub network: &'a Party<NetworkId>,
    /// The site.
    pub site: &'a Party<SiteId>,
    /// Its first uplink.
    pub uplink: &'a Uplink,
    /// The key of that uplink: the agent has the private half, the configuration has none.
    pub public_key: PublicKey,
    /// The first of its UDP ports, where the configuration names none.
    pub port_base: Option<u16>,
    /// How a change has to prove itself on this site.
    pub confirm: &'a Confirm,
    /// How its paths are measured.
    pub paths: &'a PathSettings,
    /// Names of sites by their keys, for peers that are such.
    pub names: &'a BTreeMap<PublicKey, Name>,
    /// The configuration.
    pub config: &'a Config,
}

/// The bundle made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// What it says.
    pub content: Content,
    /// The tar.
    pub tar: Rope,
    /// The tar's digest, the prehash to sign and its length.
    pub hashes: Hashes,
}

/// Why a configuration makes no bundle.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A value that an agent would refuse.
    #[error("the configuration of site {site} makes no bundle: {source}")]
    Content {
        /// The site.
        site: Name,
        /// What is wrong.
        source: ContentError,
    },
    /// It could not be written.
    #[error(transparent)]
    Compile(#[from] CompileError),
}

/// Makes a bundle of one site's configuration.
///
/// # Errors
/// When it says what an agent would refuse: a default route, one key twice, the site's own key as a peer's.
pub fn uploaded(upload: &Upload<'_>) -> Result<Uploaded, UploadError> {
    let content = content(upload);
    let json = serde_json::to_vec(&content).map_err(CompileError::from)?;
    content_of_json(&json).map_err(|source| UploadError::Content { site: upload.site.name.clone(), source })?;
    let tar = tar(&content, &json)?.seal();
    let hashes = tar.hashes();
    Ok(Uploaded { content, tar, hashes })
}

fn content(upload: &Upload<'_>) -> Content {
    let Upload { network, site, uplink, public_key, port_base, config, .. } = *upload;
    let interface = &config.interface;
    let local = LocalUplink {
        name: uplink.name.clone(),
        public_key,
        device: uplink.device.clone(),
        gateway: uplink.gateway,
        gateway6: uplink.gateway6,
        cost: uplink.cost,
        keepalive_s: 0,
        metered: false,
        drained: false,
        labels: Default::default(),
    };
    let port = interface.listen_port.or(port_base).unwrap_or(DEFAULT_PORT_BASE);
    Content {
        format: FORMAT,
        network: network.clone(),
        site: site.clone(),
        mtu: interface.mtu.unwrap_or(DEFAULT_MTU),
        addresses: interface.addresses.iter().map(IpNet::addr).collect(),
        forwards: Forwards::default(),
        confirm: upload.confirm.clone(),
        paths: upload.paths.clone(),
        uplinks: vec![local],
        tunnels: vec![Tunnel { local: 0, remote: 0, port }],
        spare: None,
        peers: peers(upload),
        policies: Vec::new(),
    }
}

fn peers(upload: &Upload<'_>) -> Vec<Peer> {
    let mut taken = BTreeSet::new();
    let mut name = |key: &PublicKey| {
        let known = upload.names.get(key).cloned();
        let name = known.filter(|name| !taken.contains(name)).or_else(|| made_up(key, &taken));
        taken.extend(name.clone());
        name
    };
    let peer = |peer: &wgconf::Peer| {
        let mut allowed_ips = peer.allowed_ips.clone();
        allowed_ips.sort_unstable();
        Some(Peer {
            name: name(&peer.public_key)?,
            addresses: allowed_ips
                .iter()
                .filter(|range| range.prefix_len() == range.max_prefix_len())
                .map(IpNet::addr)
                .take(16)
                .collect(),
            allowed_ips,
            probe_port: None,
            uplinks: vec![PeerUplink {
                public_key: peer.public_key,
                endpoint: peer.endpoint.clone(),
                cost: upload.uplink.cost,
                keepalive_s: peer.keepalive_s,
                drained: false,
            }],
        })
    };
    let mut peers: Vec<Peer> = upload.config.peers.iter().filter_map(peer).collect();
    peers.sort_by(|one, other| one.name.cmp(&other.name));
    peers
}

/// `peer-` and as many digits of the key as tell it from the others.
fn made_up(key: &PublicKey, taken: &BTreeSet<Name>) -> Option<Name> {
    let digits: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let names = (8..=58).filter_map(|count| format!("peer-{}", &digits[..count]).parse().ok());
    names.into_iter().find(|name| !taken.contains(name))
}

fn tar(content: &Content, json: &[u8]) -> Result<Draft, CompileError> {
    let mut file = Draft::default();
    file.push_bytes(json);
    file.push_bytes(b"\n");
    let mut files = vec![(CONTENT_FILE.to_owned(), file)];
    for tunnel in &content.tunnels {
        let Some(uplink) = content.uplinks.get(usize::from(tunnel.local)) else { continue };
        let mut text = render::head(&render::Head {
            network: &content.network.name,
            site: &content.site.name,
            addresses: &content.addresses,
            mtu: content.mtu,
            uplink,
            tunnel,
            routes: true,
        });
        text.extend(
            content.peers.iter().filter_map(|peer| render::peer(peer, tunnel.local, tunnel.remote, uplink.keepalive_s)),
        );
        let mut file = Draft::default();
        file.push_bytes(text.as_bytes());
        files.push((render::file_name(tunnel), file));
    }
    Ok(archive::pack(files)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh;
    use crate::mesh::tests::sample::{key, sites};

    fn made(text: &str) -> Result<Uploaded, UploadError> {
        let site = sites(1).sites.remove(0);
        uploaded(&Upload {
            network: &Party { id: NetworkId::new(1, &[0; 10]), name: "lab".parse().unwrap() },
            site: &Party { id: site.id, name: "ams".parse().unwrap() },
            uplink: &site.spec.uplinks[0],
            public_key: key(0, 0),
            port_base: Some(40_000),
            confirm: &Confirm { timeout_s: 60, ..Confirm::default() },
            paths: &PathSettings::default(),
            names: &BTreeMap::from([(key(1, 0), "bru".parse().unwrap())]),
            config: &wgconf::parse(text).unwrap(),
        })
    }

    fn config(peers: &str) -> String {
        format!("[Interface]\nAddress = 10.9.0.1/24\n{peers}")
    }

    #[test]
    fn a_configuration_becomes_a_bundle() {
        let peers = format!(
            "[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.2/32, 10.2.0.0/16\nEndpoint = 192.0.2.2:700\n\
             [Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.3\nPersistentKeepalive = 15\n",
            key(1, 0),
            key(2, 0)
        );
        let made = made(&config(&peers)).unwrap();
        assert_eq!(mesh::content(&made.tar.to_vec()).unwrap(), made.content);
        let [bru, other] = &made.content.peers[..] else { panic!("two peers") };
        assert_eq!((bru.name.as_str(), other.name.as_str()), ("bru", "peer-00000002"));
        assert_eq!(bru.addresses, ["10.9.0.2".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(other.uplinks[0].keepalive_s, Some(15));
        assert_eq!((made.content.mtu, made.content.tunnels[0].port), (1420, 40_000));
        // What people read is what was uploaded.
        let files = archive::read_tar(made.tar.reader(), &archive::Limits::DEFAULT).unwrap().files;
        let back = wgconf::parse(&String::from_utf8(files[1].data.clone()).unwrap()).unwrap();
        assert_eq!(back.peers.len(), 2);
        assert_eq!(back.peers[0].allowed_ips.len(), 2);
    }

    #[test]
    fn what_an_agent_would_refuse_is_refused_here() {
        let own = format!("[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.2/32\n", key(0, 0));
        let error = made(&config(&own)).unwrap_err().to_string();
        assert!(error.contains("site ams") && error.contains("used twice"), "{error}");
    }

    #[test]
    fn names_made_from_keys_differ() {
        let (one, mut two) = (PublicKey([1; 32]), PublicKey([1; 32]));
        two.0[31] = 2;
        let first = made_up(&one, &BTreeSet::new()).unwrap();
        let second = made_up(&two, &BTreeSet::from([first.clone()])).unwrap();
        assert_eq!((first.as_str(), second.as_str()), ("peer-01010101", "peer-010101010"));
    }
}
