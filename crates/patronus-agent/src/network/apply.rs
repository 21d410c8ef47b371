//! Bringing the kernel to a bundle, so that a crash at any point ends whole.

use std::sync::Arc;
use std::time::Duration;

use patronus_core::path::PORT_OFFSET;
use patronus_types::api::agent::{Outcome, OutcomeKind, Steps};
use tokio::time::Instant;

use super::accept::millis;
use super::{Bundle, Network};
use crate::converge::{self, ConvergeError, Done, Goal, Pulse, Site};
use crate::effects;
use crate::effects::model::Firewall;
use crate::effects::sysctl::PortSet;
use crate::failpoint;
use crate::state::{Home, Journal};
use crate::world::World;

impl Network {
    /// Ends what an earlier run began, and starts the tunnels from the disk. True if all is as it should be.
    pub async fn recover(&mut self) -> bool {
        self.say_what_was_damaged();
        self.reserve_ports();
        match self.home.journal() {
            Ok(Some(journal)) => self.resume(journal).await,
            Ok(None) => self.heal(false).await.is_ok(),
            Err(error) => {
                self.notes.disk = Some(error.to_string());
                self.end_journal();
                self.heal(false).await.is_ok()
            }
        }
    }

    /// Brings the kernel to a staged bundle and makes that the current one. False if it could not be, and what ran before
    /// runs again.
    pub async fn apply(&mut self, bundle: Bundle) -> bool {
        let journal = Journal { version: bundle.release.version, digest: bundle.release.digest, attempts: 1 };
        self.carry_out(bundle, journal).await
    }

    /// Brings the kernel back to what runs, where it has drifted away. With `rescue` it also begins the sessions
    /// that the other side should have begun.
    pub async fn heal(&mut self, rescue: bool) -> Result<(), String> {
        let Some(bundle) = self.running.clone() else {
            self.notes.kernel.clear();
            return Ok(());
        };
        let content = Some(&bundle.content);
        match self.converge(Goal { content, from: content, ..Goal::default() }).await {
            Ok(done) => {
                if done.changed {
                    tracing::info!(network = self.name(), steps = ?done.steps, "brought back to what runs");
                }
                self.settle(&done);
                if rescue {
                    converge::pulse(self.site(), &bundle.content, Pulse::Silent(&done.before));
                }
                Ok(())
            }
            Err(error) => {
                let reason = self.explain(&bundle, &error);
                if self.notes.kernel != [reason.as_str()] {
                    tracing::error!(network = self.name(), %reason, "the tunnels are not as they should be");
                }
                self.notes.kernel = vec![reason.clone()];
                Err(reason)
            }
        }
    }

    /// Sends a packet through each tunnel; at first only where this side begins sessions.
    pub fn pulse(&self, first: bool) {
        if let Some(bundle) = &self.running {
            converge::pulse(self.site(), &bundle.content, if first { Pulse::Begin } else { Pulse::All });
        }
    }

    /// Takes everything of the network out of the kernel; gives what could not be done and does not matter.
    pub async fn withdraw(&mut self) -> Result<Vec<String>, String> {
        let journal = self.home.journal().ok().flatten().map(|journal| journal.digest);
        let others = [self.home.previous(), journal].into_iter().flatten();
        let others: Vec<_> = others.filter_map(|digest| self.home.load(digest).ok().flatten()).collect();
        let mut forget: Vec<_> = others.iter().map(|(_, content)| content).collect();
        let running = self.running.clone();
        forget.extend(running.iter().map(|bundle| &bundle.content));
        let done = self.converge(Goal { forget: &forget, ..Goal::default() }).await;
        let done = done.map_err(|error| error.to_string())?;
        let mut notes = done.warnings;
        if let Firewall::Unavailable(reason) = &done.before.firewall {
            notes.push(format!("its nft table, if it has one, is left: {reason}"));
        }
        notes.extend(put_back(&self.world, &self.home).await);
        Ok(notes)
    }

    /// Logs what could not be read from the disk, and writes anew what nobody else brings.
    fn say_what_was_damaged(&mut self) {
        for note in self.notes.versions.iter().chain(&self.notes.disk) {
            tracing::warn!(network = self.name(), "{note}");
        }
        if self.notes.versions.is_some()
            && let Err(error) = self.home.replace_versions(&self.versions)
        {
            self.notes.disk = Some(error.to_string());
        }
    }

    /// Keeps the network's ports from being given out by chance, also after the host was started anew.
    fn reserve_ports(&mut self) {
        let base = self.identity.port_base;
        let earlier = self.home.earlier();
        let reserved = self.world.host.reserve(base..=base.saturating_add(PORT_OFFSET));
        let noted = match reserved {
            Ok(_) if earlier.values().ports.is_some() => Ok(()),
            Ok(added) => earlier.note_ports(added.to_string()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = noted {
            tracing::debug!(network = self.name(), %why, "the ports could not be reserved");
        }
    }

    /// Says what a bundle would change, and changes nothing.
    pub(super) async fn foresee(&mut self, bundle: &Bundle) {
        let running = self.running.clone();
        let from = running.as_ref().map(|running| &running.content);
        let goal = Goal { content: Some(&bundle.content), from, ..Goal::default() };
        let mut resolved = std::mem::take(&mut self.resolved);
        let plan = converge::foresee(self.site(), goal, &mut resolved).await;
        self.resolved = resolved;
        let version = bundle.release.version;
        self.notes.shadow = Some(match plan {
            Ok(steps) => format!(
                "shadow: version {version} would keep {}, change {}, restart {}, create {}, remove {}",
                steps.kept, steps.changed, steps.restarted, steps.created, steps.removed
            ),
            Err(error) => format!("shadow: version {version} could not be applied: {error}"),
        });
        self.shown = self.known.as_ref().and_then(|state| state.desired.clone());
    }

    async fn resume(&mut self, journal: Journal) -> bool {
        let loaded = self.home.load(journal.digest);
        let Ok(Some((release, content))) = loaded else {
            self.notes.disk =
                Some("an apply was cut short and its bundle is not on the disk: it is fetched again".to_owned());
            self.end_journal();
            return self.heal(false).await.is_ok();
        };
        let bundle = Bundle { release, content };
        if journal.attempts >= Journal::MAX_ATTEMPTS {
            let reason =
                format!("the agent ended {} times while it applied it; what ran before runs again", journal.attempts);
            self.fail(&bundle.release, reason, Duration::ZERO);
            let whole = self.go_back(&bundle).await;
            self.end_journal();
            return whole;
        }
        tracing::info!(network = self.name(), version = journal.version, "goes on with an apply that was cut short");
        self.carry_out(bundle, Journal { attempts: journal.attempts + 1, ..journal }).await
    }

    async fn carry_out(&mut self, bundle: Bundle, journal: Journal) -> bool {
        let started = Instant::now();
        if let Err(error) = self.home.begin(&journal) {
            self.fail(&bundle.release, error.to_string(), started.elapsed());
            return false;
        }
        failpoint::hit("journal-written");
        match self.forward(&bundle).await {
            Ok(done) => {
                self.end_journal();
                self.succeed(bundle, &done, started.elapsed());
                true
            }
            Err(reason) => {
                let whole = self.go_back(&bundle).await;
                let reason =
                    if whole { reason } else { format!("{reason}; and what ran before could not be restored whole") };
                self.fail(&bundle.release, reason, started.elapsed());
                self.end_journal();
                false
            }
        }
    }

    async fn forward(&mut self, bundle: &Bundle) -> Result<Done, String> {
        let running = self.running.clone();
        let from = running.as_ref().map(|running| &running.content);
        // Neighbours get the same release at the same moment.
        let goal = Goal { content: Some(&bundle.content), from, concerted: true, ..Goal::default() };
        let done = self.converge(goal).await;
        let done = done.map_err(|error| self.explain(bundle, &error))?;
        failpoint::hit("kernel-done");
        self.home.flip(bundle.release.digest).map_err(|error| error.to_string())?;
        Ok(done)
    }

    /// Back to what ran before, which may have been nothing.
    async fn go_back(&mut self, from: &Bundle) -> bool {
        let running = self.running.clone();
        let content = running.as_ref().map(|running| &running.content);
        match self.converge(Goal { content, from: Some(&from.content), ..Goal::default() }).await {
            Ok(done) => {
                self.settle(&done);
                true
            }
            Err(error) => {
                self.notes.kernel = vec![error.to_string()];
                false
            }
        }
    }

    fn succeed(&mut self, bundle: Bundle, done: &Done, took: Duration) {
        let release = &bundle.release;
        let Steps { kept, changed, restarted, created, removed } = done.steps;
        tracing::info!(
            network = self.name(),
            version = release.version,
            digest = %release.digest.short(),
            kept, changed, restarted, created, removed,
            "applied"
        );
        let outcome = Outcome {
            version: release.version,
            digest: release.digest,
            result: OutcomeKind::Applied,
            reason: None,
            steps: done.steps,
            duration_ms: millis(took),
            at: self.world.clock.now(),
        };
        self.running = Some(Arc::new(bundle));
        self.settle(done);
        (self.notes.disk, self.notes.versions) = (None, None);
        self.conclude(outcome);
        if let Err(error) = self.home.clean() {
            self.notes.disk = Some(error.to_string());
        }
    }

    /// Looks at the other networks of the host; says why a bundle cannot be made to run, if one of them is why.
    fn explain(&mut self, bundle: &Bundle, error: &ConvergeError) -> String {
        let overlaps = self.neighbours.overlaps(&self.home, bundle.release.digest, &bundle.content);
        match (error, overlaps.is_empty()) {
            (ConvergeError::Effect(effects::Error::OtherNetwork { .. }), false) => overlaps.join("; "),
            _ => error.to_string(),
        }
    }

    async fn converge(&mut self, goal: Goal<'_>) -> Result<Done, ConvergeError> {
        let mut resolved = std::mem::take(&mut self.resolved);
        let done = converge::converge(self.site(), goal, &mut resolved, &self.home.earlier()).await;
        self.resolved = resolved;
        done
    }

    fn site(&self) -> Site<'_> {
        Site { world: &self.world, identity: &self.identity, owner: &self.owner }
    }

    fn settle(&mut self, done: &Done) {
        self.notes.kernel.clone_from(&done.warnings);
        if let Some(driver) = done.driver {
            self.driver = Some(driver.to_string());
        }
        self.seen = self.named(&done.before);
        if let Some(bundle) = self.running.clone() {
            self.notes.overlaps = self.neighbours.overlaps(&self.home, bundle.release.digest, &bundle.content);
        }
    }

    fn end_journal(&mut self) {
        if let Err(error) = self.home.end() {
            self.notes.disk = Some(error.to_string());
        }
    }
}

/// Puts the host's own settings back to what they were; gives what could not be.
pub async fn put_back(world: &World, home: &Home) -> Vec<String> {
    let values = home.earlier().values();
    let mut notes = Vec::new();
    for (path, value) in &values.settings {
        notes.extend(world.device.set_sysctl(path, value).await.err().map(|error| error.to_string()));
    }
    if let Some(ports) = values.ports {
        notes.extend(world.host.release(&PortSet::parse(&ports)).err().map(|error| error.to_string()));
    }
    notes
}
