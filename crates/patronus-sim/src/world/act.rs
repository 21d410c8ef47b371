//! What sites do to the world.

use patronus_core::path::prober::Burst;

use super::{Event, Move, World};
use crate::invariant::check_move;
use crate::setup::{address, link};
use crate::site::{Arrival, Output};
use crate::wan::Weather;

impl World {
    /// Carries out what a site did, and wakes it when it wants to be.
    pub(super) fn settle(&mut self, site: usize) {
        for output in self.sites[site].take_outputs() {
            match output {
                Output::Send(burst) => self.send(site, &burst),
                Output::Route(pair, class, uplinks) => self.route((site, pair, class), uplinks),
            }
        }
        self.tickets[site] += 1;
        if let Some(wake) = self.sites[site].poll_wake() {
            self.queue.push(wake, Event::Wake(site, self.tickets[site]));
        }
    }

    fn send(&mut self, site: usize, burst: &Burst) {
        for (to, packet, len) in &burst.packets {
            let Some(peer) = self.peers[site].iter().copied().find(|peer| address(*peer).is_ok_and(|it| it == *to))
            else {
                continue;
            };
            let mut bytes = packet.encode().to_vec();
            self.trail.mix(&bytes);
            bytes.resize((*len).max(bytes.len()), 0);
            match self.model.lies(site) {
                true => self.rubbish(&bytes).into_iter().for_each(|bytes| self.transmit(site, peer, burst, bytes)),
                false => self.transmit(site, peer, burst, bytes),
            }
        }
    }

    fn transmit(&mut self, site: usize, peer: usize, burst: &Burst, bytes: Vec<u8>) {
        let Ok(from) = address(site) else { return };
        let now = self.now();
        for delay in self.wan.send(link(site, peer, (burst.local, burst.remote)), bytes.len()) {
            let arrival = Arrival { interface: (burst.remote, burst.local), from, bytes: bytes.clone() };
            self.queue.push(now + delay, Event::Arrive(peer, arrival));
        }
    }

    /// What a far end that is out of order sends in place of a packet: noise, a part of it, one with some bits turned, or far too many.
    fn rubbish(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut bytes = bytes.to_vec();
        let mut random = self.liars;
        match random.within(0..4) {
            0 => bytes.iter_mut().for_each(|byte| *byte = random.next_u64().to_le_bytes()[0]),
            1 => bytes.truncate(usize::try_from(random.within(0..40)).unwrap_or_default()),
            2 => {
                let bit = random.within(0..320);
                let byte = usize::try_from(bit / 8).unwrap_or_default();
                bytes[byte] ^= 1 << (bit % 8);
            }
            _ => {}
        }
        let copies = if random.chance(0.05) { 50 } else { 1 };
        self.liars = random;
        vec![bytes; copies]
    }

    pub(super) fn note_heard(&mut self, site: usize, arrival: &Arrival) {
        let from = self.peers[site].iter().copied().find(|peer| address(*peer).is_ok_and(|it| it == arrival.from));
        self.heard.extend(from.map(|peer| (site, peer, arrival.interface)));
    }

    fn route(&mut self, (site, pair, class): (usize, usize, usize), uplinks: Option<(u8, u8)>) {
        let now = self.now();
        let Some(&peer) = self.peers[site].get(pair) else { return };
        let Some(flow) = self.flows.get_mut(&(site, peer, class)) else { return };
        let before = flow.uplinks;
        let checked = uplinks.and_then(|uplinks| check_move(&self.model, flow, (site, peer, uplinks), now).err());
        self.breach = self.breach.take().or(checked);
        flow.count(flow.path().map_or(0.0, |path| self.model.weather(path).loss), now);
        if flow.turn(uplinks, now) {
            self.moves.push(Move { at: now, site, peer, class, uplinks: (before, uplinks) });
        }
        self.trail.note(now, flow);
    }

    /// Until now the weather was as the model knows it.
    pub(super) fn count_lost(&mut self) {
        let now = self.now();
        for flow in self.flows.values_mut() {
            let weather = flow.path().map_or(Weather::CLEAR, |path| self.model.weather(path));
            flow.count(weather.loss, now);
        }
    }
}
