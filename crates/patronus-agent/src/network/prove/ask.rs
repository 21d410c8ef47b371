//! Asking far agents through the tunnels: what holds before a change, and what is still silent after it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use patronus_core::apply::Sessions;
use patronus_core::apply::prove::Baseline;
use patronus_core::path::SPARE;
use patronus_core::path::packet::Packet;
use patronus_types::bundle::{Content, Peer, Tunnel};
use patronus_types::{Name, PublicKey};
use tokio::time::{Instant, timeout_at};

use super::way::Ways;
use super::{BURST, servers};
use crate::network::{Bundle, Network};

/// How long far agents may take to say that they are there, before a change.
const LISTEN: Duration = Duration::from_secs(1);
/// How long the answers of one burst may take, where the next one waits for them.
const BURST_PAUSE: Duration = Duration::from_millis(20);
/// How long who has no agent may take to be heard: WireGuard answers data with a keepalive after ten seconds.
const MUTE: Duration = Duration::from_secs(15);

/// Who has answered.
struct Roll {
    asked: usize,
    ways: Ways,
}

impl Network {
    /// What holds now, and by which way.
    pub(in crate::network) async fn measure(&mut self, new: &Bundle) -> (Baseline, Ways) {
        let running = self.running.clone();
        if running.as_ref().is_some_and(|running| running.release.digest == new.release.digest) {
            return Default::default();
        }
        // A server that was away a moment ago may be back: it is what brought the change.
        // Somebody who acts here may do so because it has just gone, and that is not known yet.
        let known = self.contact.reachable && self.teller.is_none();
        let server = known || servers::ask(self.servers()).await.is_ok();
        let probes = self.passing(new).await;
        let before = Baseline { server, probes, ..Baseline::default() };
        let Some(running) = running else {
            return (before, Ways::default());
        };
        let Ok(observed) = self.world.device.observe(&self.owner).await else {
            return (before, Ways::default());
        };
        self.lines.follow(&observed);
        let sessions = self.sessions(&observed);
        let wanted: BTreeSet<&Name> = new.content.peers.iter().map(|peer| &peer.name).collect();
        let candidates: Vec<&Peer> = running
            .content
            .peers
            .iter()
            .filter(|peer| wanted.contains(&peer.name) && has_session(&running.content, peer, &sessions))
            .collect();
        let (answering, mute): (Vec<&Peer>, Vec<&Peer>) =
            candidates.into_iter().partition(|peer| peer.probe_port.is_some());
        let mut roll = Roll { asked: 0, ways: Ways::new(self.probes.chosen()) };
        self.begin_asking();
        for peers in answering.chunks(BURST) {
            for peer in peers {
                self.send_to(&running.content, peer, true);
            }
            roll.asked += peers.len();
            self.listen(&running.content, &mut roll, BURST_PAUSE).await;
        }
        self.listen(&running.content, &mut roll, LISTEN).await;
        let has_mute = !mute.is_empty();
        let mute = mute.into_iter().map(|peer| peer.name.clone());
        let alive = roll.ways.names().cloned().chain(mute).collect();
        let patience = if has_mute { MUTE } else { Duration::ZERO };
        (Baseline { alive, patience, ..before }, roll.ways)
    }

    /// Collects answers until everybody who was asked has answered by the best way, or for a while.
    async fn listen(&mut self, content: &Content, roll: &mut Roll, time: Duration) {
        let names = names([content]);
        let until = Instant::now() + time;
        while roll.ways.best() < roll.asked {
            let Ok(Some(heard)) = timeout_at(until, self.lines.heard()).await else { return };
            if let Some(name) = names.get(&heard.from).filter(|_| self.is_answer(&heard.packet)) {
                let way = roll.ways.of(content, name, &heard.packet);
                roll.ways.note(name, way);
            }
        }
    }

    /// From here on only what answers later packets counts, and only from who has seen them.
    pub(super) fn begin_asking(&mut self) {
        self.lines.forget();
        self.asked = self.world.clock.secret_number();
    }

    pub(super) fn is_answer(&self, packet: &Packet) -> bool {
        packet.echo == self.asked
    }

    /// Asks a far agent by each tunnel; with `full`, also by a packet as large as the tunnel takes.
    pub(in crate::network) fn send_to(&mut self, content: &Content, peer: &Peer, full: bool) {
        let Some(port) = peer.probe_port else { return };
        let ordinary = content.tunnels.iter().filter(|tunnel| usize::from(tunnel.remote) < peer.uplinks.len());
        let has_spare = content.spare.iter().flat_map(|spare| &spare.peers).any(|far| far.name == peer.name);
        let spare = has_spare.then(|| (self.owner.spare_interface(), (SPARE, SPARE)));
        let ways: Vec<(String, (u8, u8))> = ordinary
            .map(|&Tunnel { local, remote, .. }| (self.owner.interface(local, remote), (local, remote)))
            .chain(spare)
            .collect();
        for (interface, (local, remote)) in ways {
            for &address in peer.addresses.iter().filter(|&address| leads_to(peer, address)) {
                for is_full in [false, true].into_iter().take(1 + usize::from(full)) {
                    let seq = self.next_seq() + u32::from(is_full);
                    let packet =
                        Packet { asks: true, full: is_full, local, remote, seq, time: self.asked, ..Packet::default() };
                    let len = if is_full { largest(content.mtu, address) } else { 0 };
                    self.lines.send(&interface, SocketAddr::new(address, port), &packet, len);
                }
            }
        }
    }

    /// An even number; the odd one after it is for a packet of full size.
    fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(2);
        self.seq
    }
}

/// Whether a peer has a session on any tunnel.
fn has_session(content: &Content, peer: &Peer, sessions: &Sessions) -> bool {
    let spare = content.spare.iter().flat_map(|spare| &spare.peers).filter(|far| far.name == peer.name);
    let keys: BTreeSet<PublicKey> =
        peer.uplinks.iter().map(|uplink| uplink.public_key).chain(spare.map(|far| far.public_key)).collect();
    sessions.iter().any(|(_, key)| keys.contains(key))
}

/// Whether the content has a way to an address. That of the content before is still there while a change proves itself, and
/// must not prove it.
fn leads_to(peer: &Peer, address: &IpAddr) -> bool {
    peer.allowed_ips.iter().any(|range| range.contains(address))
}

/// Bytes of payload that fill a packet of the tunnel's MTU.
fn largest(mtu: u16, to: IpAddr) -> usize {
    let headers = if to.is_ipv4() { 28 } else { 48 };
    usize::from(mtu).saturating_sub(headers)
}

/// Whose each overlay address is.
pub(super) fn names<'a>(contents: impl IntoIterator<Item = &'a Content>) -> BTreeMap<IpAddr, Name> {
    let peers = contents.into_iter().flat_map(|content| &content.peers);
    peers.flat_map(|peer| peer.addresses.iter().map(|address| (*address, peer.name.clone()))).collect()
}
