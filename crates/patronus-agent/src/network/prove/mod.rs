//! The evidence that a change holds: new connections to the servers, answers of far agents, authenticated bytes, and what
//! declared probes ask for.

mod ask;
mod probes;
mod servers;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::time::Duration;

use patronus_types::bundle::Peer;
use patronus_types::{Name, PublicKey};
use tokio::time::{Instant, sleep_until};

use super::change::Flight;
use super::{Network, Retry};
use crate::echo::Heard;
use crate::effects::model::Observed;

use ask::names;
use probes::Probes;
use servers::{Dialled, Servers};
pub(super) use way::Ways;

/// How often what is still silent is asked.
const TICK: Duration = Duration::from_millis(200);
/// So many peers are asked at once: their answers fit into what a socket holds for us.
const BURST: usize = 64;
/// The device's own counters are read each so many ticks.
const READ_EVERY: u32 = 5;

/// Something that may decide.
#[derive(Debug)]
pub enum Evidence {
    /// A far agent answered.
    Heard(Heard),
    /// A server answered over a new connection, or why none did.
    Server(Result<(), String>),
    /// A declared probe passed, or why it did not.
    Probe(Name, Result<(), String>),
    /// Time has passed.
    Tick,
}

/// What gathers evidence for one change.
pub(super) struct Prover {
    /// What had come from each peer by each tunnel when the last step was done.
    received: BTreeMap<(String, PublicKey), u64>,
    servers: Servers,
    probes: Probes,
    ticks: u32,
    tick_at: Instant,
}

impl Prover {
    fn new(servers: Vec<Dialled>, probes: Probes) -> Self {
        let servers = Servers::ask(servers);
        Self { received: BTreeMap::new(), servers, probes, ticks: 0, tick_at: Instant::now() }
    }
}

impl Network {
    /// The last step is done: evidence begins.
    pub(super) async fn gather(&mut self, flight: &mut Flight) {
        let wanted: BTreeSet<Name> =
            flight.change.proof().map(|proof| proof.wants_probes().cloned().collect()).unwrap_or_default();
        let declared = &flight.bundle.content.confirm.probes;
        let asked = declared.iter().filter(|probe| wanted.contains(&probe.name)).cloned();
        let mut prover = Prover::new(self.servers(), Probes::ask(&self.world.reach, asked));
        if let Ok(observed) = self.world.device.observe(&self.owner).await {
            self.lines.follow(&observed);
            prover.received = received(&observed);
        }
        flight.prover = Some(prover);
        self.begin_asking();
    }

    /// The next piece of evidence for the change under way; for ever where there is none.
    pub async fn evidence(&mut self) -> Evidence {
        let Some(flight) = &mut self.flight else { return pending().await };
        let deadline = flight.change.poll_timeout().map(|at| self.epoch + at);
        let Some(prover) = &mut flight.prover else {
            // Only time is waited for.
            sleep_until(deadline.unwrap_or_else(Instant::now)).await;
            return Evidence::Tick;
        };
        let wake = deadline.map_or(prover.tick_at, |deadline| deadline.min(prover.tick_at));
        tokio::select! {
            Some(heard) = self.lines.heard() => Evidence::Heard(heard),
            Some(answer) = prover.servers.answers.recv() => Evidence::Server(answer),
            Some((probe, answer)) = prover.probes.answers.recv() => Evidence::Probe(probe, answer),
            () = sleep_until(wake) => Evidence::Tick,
        }
    }

    /// Weighs it; what became of the change, once it is over.
    pub async fn weigh(&mut self, evidence: Evidence) -> Option<Retry> {
        let mut flight = self.flight.take()?;
        let now = self.now();
        match evidence {
            Evidence::Server(answer) => flight.change.handle_evidence(now, |proof| proof.handle_server(answer)),
            Evidence::Probe(probe, answer) => {
                flight.change.handle_evidence(now, |proof| proof.handle_probe(&probe, answer));
            }
            Evidence::Heard(heard) => self.hear(&mut flight, heard),
            Evidence::Tick => self.tick(&mut flight).await,
        }
        if flight.change.is_waiting() {
            self.flight = Some(flight);
            return None;
        }
        Some(self.drive(flight).await)
    }

    fn hear(&mut self, flight: &mut Flight, Heard { from, packet }: Heard) {
        let bundles = [Some(&flight.bundle), self.running.as_ref()];
        let names = names(bundles.into_iter().flatten().map(|bundle| &bundle.content));
        let Some(name) = names.get(&from) else { return };
        let Some(content) = flight.content() else { return };
        self.note_answer(content, from, &packet);
        let counts = self.is_answer(&packet) && flight.ways.allow(name, flight.ways.of(content, name, &packet));
        if counts {
            let now = self.now();
            flight.change.handle_evidence(now, |proof| proof.handle_peer(name));
        }
    }

    async fn tick(&mut self, flight: &mut Flight) {
        flight.change.handle_timeout(self.now());
        let silent: BTreeSet<Name> =
            flight.change.proof().map(|proof| proof.wants_peers().cloned().collect()).unwrap_or_default();
        let Some(content) = flight.content().cloned() else { return };
        let missing = || content.peers.iter().filter(|peer| silent.contains(&peer.name));
        let Some(prover) = &mut flight.prover else { return };
        prover.ticks = prover.ticks.wrapping_add(1);
        prover.tick_at = Instant::now() + TICK;
        let answering: Vec<&Peer> = missing().filter(|peer| peer.probe_port.is_some()).collect();
        // In turns, so that those that stay silent keep nobody else from being asked.
        let turn = usize::try_from(prover.ticks).unwrap_or_default().wrapping_mul(BURST) % answering.len().max(1);
        for peer in answering.iter().cycle().skip(turn).take(BURST.min(answering.len())) {
            self.send_to(&content, peer, flight.ways.full(&peer.name));
        }
        let ticks = prover.ticks;
        let mute: Vec<Name> =
            missing().filter(|peer| peer.probe_port.is_none()).map(|peer| peer.name.clone()).collect();
        if !mute.is_empty() && ticks % READ_EVERY == 1 {
            self.pulse(false);
        }
        if !mute.is_empty() && ticks.is_multiple_of(READ_EVERY) {
            self.read_counters(flight, &mute).await;
        }
    }

    /// Who has no agent that answers shows itself by what WireGuard authenticates: a keepalive, ten seconds after data.
    async fn read_counters(&mut self, flight: &mut Flight, mute: &[Name]) {
        let (Ok(observed), Some(prover)) = (self.world.device.observe(&self.owner).await, &flight.prover) else {
            return;
        };
        let grown = |(tunnel, bytes): (&(String, PublicKey), &u64)| {
            let before = prover.received.get(tunnel).copied().unwrap_or_default();
            (*bytes > before).then_some(tunnel.1)
        };
        let heard: BTreeSet<PublicKey> = received(&observed).iter().filter_map(grown).collect();
        let is_heard = |peer: &&Peer| peer.uplinks.iter().any(|uplink| heard.contains(&uplink.public_key));
        let Some(content) = flight.content().cloned() else { return };
        let now = self.now();
        for peer in content.peers.iter().filter(|peer| mute.contains(&peer.name)).filter(is_heard) {
            flight.change.handle_evidence(now, |proof| proof.handle_peer(&peer.name));
        }
    }
}

/// What has come from each peer by each tunnel, in bytes.
fn received(observed: &Observed) -> BTreeMap<(String, PublicKey), u64> {
    let tunnels = observed.tunnels.iter().filter_map(|(name, tunnel)| Some((name, tunnel.wireguard.as_ref().ok()?)));
    let each =
        tunnels.flat_map(|(name, state)| state.peers.iter().map(|(key, peer)| ((name.clone(), *key), peer.rx_bytes)));
    each.collect()
}
