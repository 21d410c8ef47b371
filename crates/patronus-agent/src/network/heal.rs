//! Keeping the kernel at what runs, and taking everything out of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use patronus_core::apply::Choices;
use patronus_core::path::PORT_OFFSET;
use patronus_types::api::agent::{Shadow, Steps};
use patronus_types::api::paths::PathReport;
use patronus_types::bundle::Content;

use tokio::sync::watch;

use super::report::shorten;
use super::{Bundle, Network};
use crate::converge::{self, ConvergeError, Done, Goal, Pulse, Site};
use crate::effects;
use crate::effects::model::{Firewall, Route};
use crate::effects::sysctl::PortSet;
use crate::probe::PathNews;
use crate::state::{ClassIds, Home, NoIds};
use crate::world::World;

/// So many lines of a plan are told.
const MOST_FORESEEN: usize = 16;

impl Network {
    /// Brings the kernel back to what runs, where it has drifted away. With `rescue` it also begins the sessions
    /// that the other side should have begun.
    pub async fn heal(&mut self, rescue: bool) -> Result<(), String> {
        // A change that has yet to prove itself is what shall be, for now; and what goes with it stays until then.
        let proving = self.flight.as_ref().filter(|flight| flight.is_beside());
        let proving = proving.map(|flight| Arc::clone(&flight.bundle));
        let keep_rest = proving.is_some();
        let Some(bundle) = proving.or_else(|| self.running.clone()) else {
            self.notes.kernel.clear();
            return Ok(());
        };
        let content = Some(&bundle.content);
        self.offer_keys();
        self.attend(&bundle.content);
        let since = self.changed_at();
        match self.converge(Goal { content, from: content, keep_rest, since, ..Goal::default() }).await {
            Ok(done) => {
                // What only the bundle before had stays while the new one proves itself, and is no change.
                match (done.changed && !keep_rest, self.waits_for.is_empty()) {
                    (true, true) => {
                        tracing::info!(network = self.name(), steps = ?done.steps, "brought back to what runs");
                    }
                    (true, false) => tracing::info!(network = self.name(), "traffic moves, since keys are replaced"),
                    (false, _) => {}
                }
                self.settle(&done).await;
                if rescue {
                    converge::pulse(self.site(), &bundle.content, Pulse::Silent(&self.sessions(&done.before)));
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
        let all = self.home.contents();
        let mut forget: Vec<_> = all.iter().collect();
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

    /// Takes out of the kernel what a bundle has left there that nobody can read any more.
    pub(super) async fn forget_unknown(&mut self) {
        let (Some(bundle), Some(theirs)) = (self.running.clone(), self.neighbours_twins()) else { return };
        let content = Some(&bundle.content);
        if let Err(error) =
            self.converge(Goal { content, from: content, theirs: Some(&theirs), ..Goal::default() }).await
        {
            self.notes.kernel = vec![error.to_string()];
        }
    }

    /// The `unreachable` routes of the host's other networks; none where one of them cannot be read.
    fn neighbours_twins(&self) -> Option<BTreeSet<Route>> {
        let mut twins = BTreeSet::new();
        for other in self.home.siblings() {
            other.journal().ok()?;
            for digest in other.kept() {
                let (_, content) = other.load(digest).ok()??;
                twins.extend(converge::twins(&self.world, self.owner, &content));
            }
        }
        Some(twins)
    }

    /// Logs what could not be read from the disk, and writes anew what nobody else brings.
    pub(super) fn say_what_was_damaged(&mut self) {
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
    pub(super) fn reserve_ports(&mut self) {
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
        let chosen = self.probes.chosen();
        let mut resolved = std::mem::take(&mut self.resolved);
        let plan = match self.home.classes().foresee(self.owner.index(), &bundle.content) {
            Ok(classes) => {
                let (content, chosen) = (Some(&bundle.content), Some(&chosen));
                let goal = Goal { content, from, chosen, classes: Some(&classes), ..Goal::default() };
                converge::foresee(self.site(), goal, &mut resolved).await
            }
            Err(error) => Err(error.into()),
        };
        self.resolved = resolved;
        let version = bundle.release.version;
        self.notes.shadow = Some(match plan {
            Ok(plan) => {
                let lines = plan.lines(MOST_FORESEEN).into_iter().map(shorten).collect();
                Shadow { version, steps: plan.counts, plan: lines, refusal: None }
            }
            Err(error) => {
                let refusal = Some(shorten(self.explain(bundle, &error)));
                Shadow { version, steps: Steps::default(), plan: Vec::new(), refusal }
            }
        });
        self.shown = self.known.as_ref().and_then(|state| state.desired.clone());
    }

    /// Looks at the other networks of the host; says why a bundle cannot be made to run, if one of them is why.
    pub(super) fn explain(&mut self, bundle: &Bundle, error: &ConvergeError) -> String {
        let overlaps = self.neighbours.overlaps(&self.home, bundle.release.digest, &bundle.content);
        match (error, overlaps.is_empty()) {
            (ConvergeError::Effect(effects::Error::OtherNetwork { .. }), false) => overlaps.join("; "),
            _ => error.to_string(),
        }
    }

    pub(super) async fn converge(&mut self, goal: Goal<'_>) -> Result<Done, ConvergeError> {
        self.converge_back(goal, None).await
    }

    /// The same where a change is undone: back to the paths that were chosen before it, and all are measured anew.
    pub(super) async fn converge_back(
        &mut self,
        goal: Goal<'_>,
        before: Option<&Choices>,
    ) -> Result<Done, ConvergeError> {
        let classes = self.number_classes(goal.content).await?;
        let mut resolved = std::mem::take(&mut self.resolved);
        let steering = self.probes.steering();
        let mut steering = steering.lock().await;
        if let Some(chosen) = before {
            steering.go_back(chosen.clone());
        }
        let chosen = steering.prune(goal.content, &classes.ids);
        let deaf =
            goal.content.map(|content| self.ears.deaf(content, &chosen.default, &self.owner)).unwrap_or_default();
        let doubted = self.probes.has_silent();
        let (deaf, chosen, numbers) = (Some(&deaf), Some(&chosen), Some(&classes));
        let goal = Goal { deaf, chosen, classes: numbers, doubted, ..goal };
        let done = converge::converge(self.site(), goal, &mut resolved, &self.home.earlier()).await;
        self.resolved = resolved;
        if let Ok(done) = &done {
            steering.settle(goal.content, done.routes.clone());
            self.probes.follow(goal.content, &classes.ids, &done.missing, before.is_some());
        }
        done
    }

    /// Gives the classes of a content their numbers on this host. Where there are too few, those are free that no flow carries.
    async fn number_classes(&self, content: Option<&Content>) -> Result<ClassIds, NoIds> {
        let (classes, network) = (self.home.classes(), self.owner.index());
        match classes.assign(network, content, None) {
            Err(NoIds::Full(_)) => {}
            assigned => return assigned,
        }
        let marks = self.world.device.flow_marks().await.inspect_err(|error| {
            tracing::warn!(network = self.name(), %error, "numbers of classes that are no longer used cannot be given anew");
        });
        let class = |mark: u32| (mark >> self.world.mark_shift.min(24)).to_le_bytes()[0];
        let used = marks.ok().map(|marks| marks.into_iter().map(class).collect());
        classes.assign(network, content, used.as_ref())
    }

    /// Begins to measure paths, and to move traffic by that. Tells from then on what becomes of them.
    pub async fn measure_paths(&mut self) -> watch::Receiver<PathNews> {
        let (running, observed) = (self.running.clone(), self.world.device.observe(&self.owner).await.ok());
        let running = running.as_ref().map(|bundle| &bundle.content).zip(observed.as_ref());
        self.probes.begin(&self.world, &mut self.lines, running).await;
        self.probes.news()
    }

    /// What the server is to be told of paths.
    pub async fn report_paths(&mut self) -> Option<PathReport> {
        self.probes.report().await
    }

    /// Whether a name may have another address by now: nothing comes by some path.
    pub fn doubts_names(&self) -> bool {
        self.probes.has_silent() && !self.resolved.is_empty()
    }

    /// Ends it: far ends are told that this one leaves for a while.
    pub async fn rest_paths(&mut self) {
        self.probes.end().await;
    }

    fn site(&self) -> Site<'_> {
        Site { world: &self.world, identity: &self.identity, owner: &self.owner }
    }

    pub(super) async fn settle(&mut self, done: &Done) {
        self.notes.kernel.clone_from(&done.warnings);
        let made = if done.changed { self.world.device.observe(&self.owner).await.ok() } else { None };
        let observed = made.as_ref().unwrap_or(&done.before);
        self.lines.follow(observed);
        if let Some(tunnel) = observed.tunnels.values().next() {
            self.driver = Some(tunnel.driver.to_string());
        }
        self.seen = self.named(observed);
        let sessions = self.sessions(observed);
        self.note_waits(&sessions);
        if let Some(bundle) = self.running.clone() {
            self.notes.overlaps = self.neighbours.overlaps(&self.home, bundle.release.digest, &bundle.content);
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
