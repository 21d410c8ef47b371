//! What the server is told.

use patronus_core::apply::not_forwarded;
use patronus_types::api::agent::{Report, Undone};

use super::Network;
use crate::status::TunnelStatus;

const MOST_TUNNELS: usize = 17;
const MOST_WARNINGS: usize = 16;
const MOST_NAMES: usize = 64;
const LONGEST_WARNING: usize = 512;

impl Network {
    /// The next report, of what was last seen. Its number is on the disk before it is sent, so that no two are ever alike.
    pub fn report(&mut self) -> Report {
        self.progress.seq += 1;
        self.save_progress();
        Report {
            seq: self.progress.seq,
            agent_version: crate::VERSION.to_owned(),
            hostname: crate::hostname(),
            driver: self.driver.clone(),
            running: self.running.as_ref().map(|bundle| bundle.release.running()),
            highest_accepted: self.versions.highest(),
            outcome: self.progress.outcome.clone(),
            tunnels: self.seen.iter().map(TunnelStatus::summary).take(MOST_TUNNELS).collect(),
            warnings: self.warnings().into_iter().map(shorten).take(MOST_WARNINGS).collect(),
            undone: self.undone(),
            public_keys: self.identity.keys.public(),
            spare_key: self.spare_key(),
            offered_keys: self.identity.keyring.offered(),
            waits_for: self.waits_for.iter().take(MOST_NAMES).cloned().collect(),
            halted: self.halted(),
            shadow: self.notes.shadow.clone(),
        }
    }

    /// What was tried here and undone, and is not tried again.
    pub(super) fn undone(&self) -> Vec<Undone> {
        self.condemned.iter().map(|one| Undone { version: one.version, digest: one.digest }).collect()
    }

    /// What of it matters, to see whether a new one has to be sent.
    pub fn gist(&self) -> String {
        let running = self.running.as_ref().map(|bundle| bundle.release.running());
        let alive: Vec<u32> = self.seen.iter().map(|tunnel| tunnel.summary().peers_alive).collect();
        let keyring = &self.identity.keyring;
        let keys = (self.identity.keys.public(), self.spare_key(), keyring.offered(), &self.waits_for);
        let still = (self.halted(), &self.notes.shadow);
        format!("{:?}", (running, &self.progress.outcome, self.warnings(), &self.driver, alive, keys, still))
    }

    /// What is wrong, in words. Whether the host forwards is looked at each time: that is changed behind our back.
    pub(super) fn warnings(&self) -> Vec<String> {
        let notes = &self.notes;
        let mut warnings: Vec<String> =
            notes.versions.iter().chain(&notes.disk).chain(&notes.download).cloned().collect();
        warnings.extend(notes.probes.iter().cloned());
        warnings.extend(notes.kernel.iter().chain(&notes.overlaps).cloned());
        if let Some(bundle) = &self.running {
            warnings.extend(not_forwarded(&bundle.content, |family| self.world.host.forwards(family)));
        }
        warnings
    }

    pub(super) fn save_progress(&mut self) {
        match self.home.save_progress(&self.progress) {
            Ok(()) => {}
            Err(error) => self.notes.disk = Some(error.to_string()),
        }
    }
}

/// As long as a server takes it.
pub(super) fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_WARNING) {
        text.truncate(end);
    }
    text
}
