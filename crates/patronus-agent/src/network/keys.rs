//! The keys of this site: offered when the server asks for new ones, taken over when a bundle has them, forgotten when no
//! bundle that is kept has them any more.

use std::net::IpAddr;

use patronus_core::apply::{self, Sessions};
use patronus_core::path::packet::Packet;
use patronus_types::bundle::Content;
use patronus_types::{Name, PublicKey, Timestamp};

use super::Network;
use crate::echo::Heard;
use crate::effects::model::{Observed, PrivateKey};
use crate::state::Identity;

impl Network {
    /// Makes the keys that the server asks for.
    pub(super) fn offer_keys(&mut self) {
        if let Some(number) = self.known.as_ref().and_then(|state| state.new_keys) {
            self.change_keys(|identity, make| identity.offer_keys(number, make));
        }
    }

    /// Has the keys follow the bundles on the disk.
    pub(super) fn settle_keys(&mut self) {
        let (running, kept) = (self.running.clone(), self.home.contents());
        let running = running.as_ref().map(|bundle| &bundle.content);
        self.change_keys(|identity, make| identity.settle_keys(running, &kept, make));
    }

    /// The key for a spare tunnel: that of what runs, so that it stays the same while keys are replaced; else the newest.
    pub(super) fn spare_key(&self) -> Option<PublicKey> {
        let running = self.running.as_ref().and_then(|bundle| bundle.content.spare.as_ref());
        let running = running.map(|spare| spare.public_key).filter(|key| self.identity.private(*key).is_some());
        running.or_else(|| self.identity.keyring.spare_key())
    }

    /// Nobody hears of a key before it is on the disk.
    fn change_keys(&mut self, change: impl FnOnce(&mut Identity, crate::state::Source<'_>) -> bool) {
        let clock = std::sync::Arc::clone(&self.world.clock);
        let mut identity = self.identity.clone();
        if !change(&mut identity, &|| clock.secret().ok().map(PrivateKey::new)) {
            return;
        }
        match self.home.save_identity(&identity) {
            Ok(()) => self.identity = identity,
            Err(error) => self.notes.disk = Some(error.to_string()),
        }
    }

    /// While keys are replaced: when the change began to what the kernel holds. Sessions from before it are over.
    pub(super) fn changed_at(&self) -> Option<Timestamp> {
        if let Some(flight) = &self.flight {
            return flight.since();
        }
        let running = self.running.as_ref().filter(|bundle| bundle.content.spare.is_some())?;
        let known = self.progress.changed.filter(|(digest, _)| *digest == running.release.digest);
        let now = self.world.clock.now();
        // A moment that is still to come was taken by a clock that was wrong.
        let at = known.map_or(now, |(_, at)| at);
        (at <= now).then_some(at)
    }

    /// When this site's own keys are replaced, if it changes to a content: now, or when they were last.
    pub(super) fn keyed_at(&self, content: &Content) -> Timestamp {
        let keys = |content: &Content| content.uplinks.iter().map(|uplink| uplink.public_key).collect::<Vec<_>>();
        let running = self.running.as_ref().filter(|running| keys(&running.content) == keys(content));
        let known = self.progress.changed.filter(|(digest, _)| running.is_some_and(|it| it.release.digest == *digest));
        known.map_or_else(|| self.world.clock.now(), |(_, at)| at)
    }

    /// While keys are replaced, takes the answers of everybody concerned and asks again.
    pub(super) fn attend(&mut self, content: &Content) {
        let Some(spare) = &content.spare else { return self.ears.rest() };
        // While evidence is gathered, answers are taken where that is weighed.
        let gathers = self.flight.as_ref().is_some_and(|flight| flight.prover.is_some());
        while let Some(Heard { from, packet }) = (!gathers).then(|| self.lines.heard_before()).flatten() {
            self.note_answer(content, from, &packet);
        }
        for peer in content.peers.iter().filter(|peer| spare.peers.iter().any(|far| far.name == peer.name)) {
            self.ears.ask(&peer.name);
            self.send_to(content, peer, false);
        }
    }

    /// A far agent answered.
    pub(super) fn note_answer(&mut self, content: &Content, from: IpAddr, answer: &Packet) {
        let peer = content.peers.iter().find(|peer| peer.addresses.contains(&from));
        if let Some(peer) = peer.filter(|_| content.spare.is_some()) {
            self.ears.hear((content, &self.probes.chosen().default), &peer.name, answer);
        }
    }

    /// Whether what runs has a spare tunnel.
    pub fn has_spare(&self) -> bool {
        self.running.as_ref().is_some_and(|bundle| bundle.content.spare.is_some())
    }

    /// The peers that have sessions.
    pub(super) fn sessions(&self, observed: &Observed) -> Sessions {
        apply::sessions(observed, &self.owner, self.world.clock.now(), self.changed_at())
    }

    /// Sees whose traffic has yet to move.
    pub(super) fn note_waits(&mut self, sessions: &Sessions) {
        let content = self.running.as_ref().map(|bundle| &bundle.content);
        let chosen = self.probes.chosen().default;
        self.waits_for =
            content.map(|content| apply::waits_for(content, &chosen, &self.owner, sessions)).unwrap_or_default();
    }

    /// The peers whose traffic has yet to move to where the running bundle wants it.
    pub fn waits_for(&self) -> &[Name] {
        &self.waits_for
    }
}
