//! Bringing the kernel to a bundle, so that a crash at any point ends whole.

use std::time::Duration;

use patronus_types::api::agent::{Outcome, OutcomeKind, Steps};
use tokio::time::Instant;

use super::accept::millis;
use super::{Bundle, Network};
use crate::converge::{self, Done};
use crate::failpoint;
use crate::state::Journal;

impl Network {
    /// Ends what an earlier run began, and starts the tunnels from the disk. True if all is as it should be.
    pub async fn recover(&mut self) -> bool {
        match self.home.journal() {
            Ok(Some(journal)) => self.resume(journal).await,
            Ok(None) => self.heal().await.is_ok(),
            Err(error) => {
                self.notes.disk = Some(error.to_string());
                self.end_journal();
                self.heal().await.is_ok()
            }
        }
    }

    /// Brings the kernel to a staged bundle and makes that the current one. False if it could not be, and what ran before
    /// runs again.
    pub async fn apply(&mut self, bundle: Bundle) -> bool {
        let journal = Journal { version: bundle.release.version, digest: bundle.release.digest, attempts: 1 };
        self.carry_out(bundle, journal).await
    }

    /// Brings the kernel back to what runs, where it has drifted away. True if something was changed.
    pub async fn heal(&mut self) -> Result<bool, String> {
        let Some(bundle) = &self.running else {
            self.notes.kernel.clear();
            return Ok(false);
        };
        match converge::converge(&self.world, &self.identity, &self.owner, Some(&bundle.content), &[]).await {
            Ok(done) => {
                let changed = done.changed;
                if changed {
                    tracing::info!(network = self.name(), steps = ?done.steps, "brought back to what runs");
                }
                self.settle(&done);
                Ok(changed)
            }
            Err(error) => {
                let reason = error.to_string();
                if self.notes.kernel != [reason.as_str()] {
                    tracing::error!(network = self.name(), %reason, "the tunnels are not as they should be");
                }
                self.notes.kernel = vec![reason.clone()];
                Err(reason)
            }
        }
    }

    /// Takes everything of the network out of the kernel; gives what could not be done and does not matter.
    pub async fn withdraw(&self) -> Result<Vec<String>, String> {
        let journal = self.home.journal().ok().flatten().map(|journal| journal.digest);
        let others = [self.home.previous(), journal].into_iter().flatten();
        let others: Vec<_> = others.filter_map(|digest| self.home.load(digest).ok().flatten()).collect();
        let mut forget: Vec<_> = others.iter().map(|(_, content)| content).collect();
        forget.extend(self.running.iter().map(|bundle| &bundle.content));
        let done = converge::converge(&self.world, &self.identity, &self.owner, None, &forget).await;
        done.map(|done| done.warnings).map_err(|error| error.to_string())
    }

    /// Says what a bundle would change, and changes nothing.
    pub(super) async fn foresee(&mut self, bundle: &Bundle) {
        let forget: Vec<_> = self.running.iter().map(|running| &running.content).collect();
        let plan =
            converge::foresee(&self.world, &self.identity, &self.owner, Some(&bundle.content), &forget).await;
        let version = bundle.release.version;
        self.notes.shadow = Some(match plan {
            Ok(steps) => format!(
                "shadow: version {version} would keep {}, change {}, restart {}, create {}, remove {}",
                steps.kept, steps.changed, steps.restarted, steps.created, steps.removed
            ),
            Err(error) => format!("shadow: version {version} could not be applied: {error}"),
        });
        self.refused = self.known.as_ref().and_then(|state| state.desired.clone());
    }

    async fn resume(&mut self, journal: Journal) -> bool {
        let loaded = self.home.load(journal.digest);
        let Ok(Some((release, content))) = loaded else {
            self.notes.disk = Some("an apply was cut short and its bundle is not on the disk: it is fetched again".to_owned());
            self.end_journal();
            return self.heal().await.is_ok();
        };
        let bundle = Bundle { release, content };
        if journal.attempts >= Journal::MAX_ATTEMPTS {
            let reason = format!("the agent ended {} times while it applied it; what ran before runs again", journal.attempts);
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
                let reason = if whole { reason } else { format!("{reason}; and what ran before could not be restored whole") };
                self.fail(&bundle.release, reason, started.elapsed());
                self.end_journal();
                false
            }
        }
    }

    async fn forward(&mut self, bundle: &Bundle) -> Result<Done, String> {
        let forget: Vec<_> = self.running.iter().map(|running| &running.content).collect();
        let done = converge::converge(&self.world, &self.identity, &self.owner, Some(&bundle.content), &forget).await;
        let done = done.map_err(|error| error.to_string())?;
        failpoint::hit("kernel-done");
        self.home.flip(bundle.release.digest).map_err(|error| error.to_string())?;
        Ok(done)
    }

    /// Back to what ran before, which may have been nothing.
    async fn go_back(&mut self, from: &Bundle) -> bool {
        let back = self.running.as_ref().map(|running| &running.content);
        let done = converge::converge(&self.world, &self.identity, &self.owner, back, &[&from.content]).await;
        match done {
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
        let Bundle { release, .. } = &bundle;
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
        self.settle(done);
        self.running = Some(bundle);
        self.notes.disk = None;
        self.conclude(outcome);
        if let Err(error) = self.home.clean() {
            self.notes.disk = Some(error.to_string());
        }
    }

    fn settle(&mut self, done: &Done) {
        self.notes.kernel.clone_from(&done.warnings);
        if let Some(driver) = done.driver {
            self.driver = Some(driver.to_string());
        }
        self.alive = self.named(&done.before).iter().map(|tunnel| tunnel.summary().peers_alive).collect();
    }

    fn end_journal(&mut self) {
        if let Err(error) = self.home.end() {
            self.notes.disk = Some(error.to_string());
        }
    }
}
