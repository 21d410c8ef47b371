//! The evidence that a change holds: new connections to the servers, answers of far agents, authenticated bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use patronus_core::apply::change::Action;
use patronus_core::apply::prove::Baseline;
use patronus_core::path::packet::Packet;
use patronus_types::bundle::{Content, Peer, Tunnel};
use patronus_types::{Name, PublicKey};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::change::Flight;
use super::{Bundle, Network, Retry};
use crate::control::{Control, ControlError};
use crate::echo::Heard;
use crate::effects::model::Observed;

/// How long far agents may take to say that they are there, before a change.
const LISTEN: Duration = Duration::from_secs(1);
/// How often what is still silent is asked.
const TICK: Duration = Duration::from_millis(200);
/// So many peers are asked at once: their answers fit into what a socket holds for us.
const BURST: usize = 64;
/// How long the answers of one burst may take, where the next one waits for them.
const BURST_PAUSE: Duration = Duration::from_millis(20);
/// The device's own counters are read each so many ticks.
const READ_EVERY: u32 = 5;
/// A session that is older carries nothing (WireGuard's `REJECT_AFTER_TIME`).
const SESSION: Duration = Duration::from_secs(180);
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
const SERVER_PAUSE: Duration = Duration::from_secs(1);

/// Something that may decide.
#[derive(Debug)]
pub enum Evidence {
    /// A far agent answered.
    Heard(Heard),
    /// A server answered over a new connection, or why none did.
    Server(Result<(), String>),
    /// Time has passed.
    Tick,
}

/// What gathers evidence for one change.
pub(super) struct Prover {
    /// The peers that full-size packets came through to before.
    full: BTreeSet<Name>,
    /// What had come from each peer by each tunnel when the last step was done.
    received: BTreeMap<(String, PublicKey), u64>,
    servers: Option<Servers>,
    ticks: u32,
    tick_at: Instant,
}

impl Prover {
    pub(super) fn new(full: BTreeSet<Name>) -> Self {
        let (received, tick_at) = (BTreeMap::new(), Instant::now());
        Self { full, received, servers: None, ticks: 0, tick_at }
    }
}

/// Who has answered.
#[derive(Default)]
struct Roll {
    asked: usize,
    heard: BTreeSet<Name>,
    full: BTreeSet<Name>,
}

/// Asks the servers until one answers.
struct Servers {
    answers: mpsc::Receiver<Result<(), String>>,
    task: JoinHandle<()>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Servers {
    fn ask(servers: Vec<Dialled>) -> Self {
        let (told, answers) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                let answer = ask_servers(servers.clone()).await;
                if told.send(answer).await.is_err() {
                    return;
                }
                sleep(SERVER_PAUSE).await;
            }
        });
        Self { answers, task }
    }
}

/// A server to which a new connection can be made.
pub(super) type Dialled = Arc<dyn Fn() -> Result<Arc<dyn Control>, ControlError> + Send + Sync>;

/// Whether a server answers over a new connection. Any answer that is authentic counts, a refusal too.
pub(super) async fn ask_servers(servers: Vec<Dialled>) -> Result<(), String> {
    let mut why = "no server is known".to_owned();
    for dial in servers {
        let asked = async { dial()?.state(None, None).await };
        why = match timeout(SERVER_PATIENCE, asked).await {
            Ok(Ok(_) | Err(ControlError::Refused { .. })) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", SERVER_PATIENCE.as_secs()),
        };
    }
    Err(why)
}

impl Network {
    /// What holds now, and to whom full-size packets come through.
    pub(super) async fn measure(&mut self, new: &Bundle) -> (Baseline, BTreeSet<Name>) {
        let Some(running) = self.running.clone() else {
            return (Baseline { server: self.contact.reachable, alive: BTreeSet::new() }, BTreeSet::new());
        };
        if running.release.digest == new.release.digest {
            return Default::default();
        }
        let Ok(observed) = self.world.device.observe(&self.owner).await else { return Default::default() };
        self.lines.follow(&observed);
        let wanted: BTreeSet<&Name> = new.content.peers.iter().map(|peer| &peer.name).collect();
        let candidates: Vec<&Peer> = running
            .content
            .peers
            .iter()
            .filter(|peer| wanted.contains(&peer.name) && self.has_session(&observed, &running.content, peer))
            .collect();
        let (answering, mute): (Vec<&Peer>, Vec<&Peer>) =
            candidates.into_iter().partition(|peer| peer.probe_port.is_some());
        let names = names([&running.content]);
        let mut roll = Roll::default();
        self.begin_asking();
        for peers in answering.chunks(BURST) {
            for peer in peers {
                self.send_to(&running.content, peer, true);
            }
            roll.asked += peers.len();
            self.listen(&names, &mut roll, BURST_PAUSE).await;
        }
        self.listen(&names, &mut roll, LISTEN).await;
        roll.heard.extend(mute.into_iter().map(|peer| peer.name.clone()));
        (Baseline { server: self.contact.reachable, alive: roll.heard }, roll.full)
    }

    /// Collects answers until everybody who was asked has answered twice, or for a while.
    async fn listen(&mut self, names: &BTreeMap<IpAddr, Name>, roll: &mut Roll, time: Duration) {
        let until = Instant::now() + time;
        while roll.full.len() < roll.asked {
            let Ok(Some(heard)) = timeout_at(until, self.lines.heard()).await else { return };
            let Some(name) = names.get(&heard.from).filter(|_| self.is_answer(&heard.packet)) else { continue };
            roll.heard.insert(name.clone());
            if is_full(heard.packet.ack) {
                roll.full.insert(name.clone());
            }
        }
    }

    /// From here on only what answers later packets counts, and only from who has seen them.
    fn begin_asking(&mut self) {
        self.asked = self.world.clock.secret_number();
    }

    fn is_answer(&self, packet: &Packet) -> bool {
        packet.echo == self.asked
    }

    /// The last step is done: evidence begins.
    pub(super) async fn begin_proof(&mut self, flight: &mut Flight) {
        let servers = self.servers();
        let observed = self.world.device.observe(&self.owner).await;
        let Some(prover) = &mut flight.prover else { return };
        if prover.servers.is_some() {
            return;
        }
        if let Ok(observed) = observed {
            self.lines.follow(&observed);
            prover.received = received(&observed);
        }
        prover.tick_at = Instant::now();
        prover.servers = Some(Servers::ask(servers));
        self.begin_asking();
    }

    /// The next piece of evidence for the change under way; for ever where there is none.
    pub async fn evidence(&mut self) -> Evidence {
        let Some(flight) = &mut self.flight else { return pending().await };
        let deadline = flight.change.poll_timeout().map(|at| self.epoch + at);
        let Some(prover) = &mut flight.prover else { return pending().await };
        let wake = deadline.map_or(prover.tick_at, |deadline| deadline.min(prover.tick_at));
        let server = async {
            match &mut prover.servers {
                Some(servers) => servers.answers.recv().await,
                None => None,
            }
        };
        tokio::select! {
            Some(heard) = self.lines.heard() => Evidence::Heard(heard),
            Some(answer) = server => Evidence::Server(answer),
            () = sleep_until(wake) => Evidence::Tick,
        }
    }

    /// Weighs it; what became of the change, once it is over.
    pub async fn weigh(&mut self, evidence: Evidence) -> Option<Retry> {
        let mut flight = self.flight.take()?;
        let now = self.now();
        match evidence {
            Evidence::Server(answer) => flight.change.handle_evidence(now, |proof| proof.handle_server(answer)),
            Evidence::Heard(heard) => self.hear(&mut flight, heard),
            Evidence::Tick => self.tick(&mut flight).await,
        }
        if flight.change.poll_action() == Some(&Action::Prove) {
            self.flight = Some(flight);
            return None;
        }
        Some(self.drive(flight).await)
    }

    fn hear(&mut self, flight: &mut Flight, Heard { from, packet }: Heard) {
        let Some(prover) = &flight.prover else { return };
        let bundles = [Some(&flight.bundle), self.running.as_ref()];
        let names = names(bundles.into_iter().flatten().map(|bundle| &bundle.content));
        let Some(name) = names.get(&from) else { return };
        let counts = self.is_answer(&packet) && (is_full(packet.ack) || !prover.full.contains(name));
        if counts {
            let now = self.now();
            flight.change.handle_evidence(now, |proof| proof.handle_peer(name));
        }
    }

    async fn tick(&mut self, flight: &mut Flight) {
        flight.change.handle_timeout(self.now());
        let silent: BTreeSet<Name> =
            flight.change.proof().map(|proof| proof.wants_peers().cloned().collect()).unwrap_or_default();
        let bundle = Arc::clone(&flight.bundle);
        let missing = || bundle.content.peers.iter().filter(|peer| silent.contains(&peer.name));
        let Some(prover) = &mut flight.prover else { return };
        prover.ticks = prover.ticks.wrapping_add(1);
        prover.tick_at = Instant::now() + TICK;
        let answering: Vec<&Peer> = missing().filter(|peer| peer.probe_port.is_some()).collect();
        // In turns, so that those that stay silent keep nobody else from being asked.
        let turn = usize::try_from(prover.ticks).unwrap_or_default().wrapping_mul(BURST) % answering.len().max(1);
        for peer in answering.iter().cycle().skip(turn).take(BURST.min(answering.len())) {
            self.send_to(&bundle.content, peer, prover.full.contains(&peer.name));
        }
        let ticks = prover.ticks;
        // Who has no agent that answers shows itself by what WireGuard authenticates: a keepalive, ten seconds after data.
        let mute: Vec<&Peer> = missing().filter(|peer| peer.probe_port.is_none()).collect();
        if mute.is_empty() {
            return;
        }
        if ticks % READ_EVERY == 1 {
            self.pulse(false);
        }
        if ticks.is_multiple_of(READ_EVERY)
            && let Ok(observed) = self.world.device.observe(&self.owner).await
        {
            let came = received(&observed);
            let before = flight.prover.as_ref().map(|prover| prover.received.clone()).unwrap_or_default();
            let more = |key: &PublicKey| {
                came.iter().any(|((name, peer), bytes)| {
                    peer == key && before.get(&(name.clone(), *peer)).is_none_or(|was| bytes > was) && *bytes > 0
                })
            };
            let now = self.now();
            for peer in mute.into_iter().filter(|peer| peer.uplinks.iter().any(|uplink| more(&uplink.public_key))) {
                flight.change.handle_evidence(now, |proof| proof.handle_peer(&peer.name));
            }
        }
    }

    /// Asks a far agent by each tunnel; with `full`, also by a packet as large as the tunnel takes.
    fn send_to(&mut self, content: &Content, peer: &Peer, full: bool) {
        let Some(port) = peer.probe_port else { return };
        for Tunnel { local, remote, .. } in
            content.tunnels.iter().filter(|it| usize::from(it.remote) < peer.uplinks.len())
        {
            let interface = self.owner.interface(*local, *remote);
            for &address in &peer.addresses {
                for is_full in [false, true].into_iter().take(1 + usize::from(full)) {
                    let seq = self.next_seq() + u32::from(is_full);
                    let packet = Packet {
                        full: is_full,
                        local: *local,
                        remote: *remote,
                        interval_ms: u16::try_from(TICK.as_millis()).unwrap_or(u16::MAX),
                        seq,
                        time: self.asked,
                        ..Packet::default()
                    };
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

    fn has_session(&self, observed: &Observed, content: &Content, peer: &Peer) -> bool {
        let now = self.world.clock.now();
        content.tunnels.iter().any(|tunnel| {
            let interface = self.owner.interface(tunnel.local, tunnel.remote);
            let state = observed.tunnels.get(&interface).and_then(|tunnel| tunnel.wireguard.as_ref().ok());
            let key = peer.uplinks.get(usize::from(tunnel.remote)).map(|uplink| uplink.public_key);
            let last = state.zip(key).and_then(|(state, key)| state.peers.get(&key)?.last_handshake);
            last.is_some_and(|at| now.duration_since(at).unsigned_abs() < SESSION)
        })
    }

    /// Every server, each ready for a new connection.
    pub(super) fn servers(&self) -> Vec<Dialled> {
        let identity = &self.identity;
        let servers = identity.servers.iter().map(|url| {
            let server = crate::control::Server { url: url.clone(), ca_sha256: identity.ca_sha256 };
            let (dial, token) = (Arc::clone(&self.world.dial), identity.token.clone());
            let dialled: Dialled = Arc::new(move || dial.dial(&server, Some(&token)));
            dialled
        });
        servers.collect()
    }
}

fn is_full(seq: u32) -> bool {
    seq % 2 == 1
}

/// Bytes of payload that fill a packet of the tunnel's MTU.
fn largest(mtu: u16, to: IpAddr) -> usize {
    let headers = if to.is_ipv4() { 28 } else { 48 };
    usize::from(mtu).saturating_sub(headers)
}

/// Whose each overlay address is.
fn names<'a>(contents: impl IntoIterator<Item = &'a Content>) -> BTreeMap<IpAddr, Name> {
    let peers = contents.into_iter().flat_map(|content| &content.peers);
    peers.flat_map(|peer| peer.addresses.iter().map(|address| (*address, peer.name.clone()))).collect()
}

/// What has come from each peer by each tunnel, in bytes.
fn received(observed: &Observed) -> BTreeMap<(String, PublicKey), u64> {
    let tunnels = observed.tunnels.iter().filter_map(|(name, tunnel)| Some((name, tunnel.wireguard.as_ref().ok()?)));
    let each =
        tunnels.flat_map(|(name, state)| state.peers.iter().map(|(key, peer)| ((name.clone(), *key), peer.rx_bytes)));
    each.collect()
}
