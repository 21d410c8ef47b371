//! One change of this site, as `patronus_core::apply::change` has it: its actions, carried out here.

use std::sync::Arc;
use std::time::Duration;

use patronus_core::apply::change::{Action, Change, Departs, Ending, Phase, Record};
use patronus_core::apply::{Departure, departs};
use patronus_types::Timestamp;
use patronus_types::api::agent::{Mode, Outcome, OutcomeKind, Step, Steps, Timings};
use patronus_types::bundle::Content;
use patronus_types::confirm::Confirm;
use tokio::time::Instant;

use super::accept::{Retry, millis};
use super::prove::{Prover, Ways};
use super::timing::Watch;
use super::{Bundle, Network};
use crate::converge::{Done, Goal};
use crate::failpoint;
use crate::state::{Condemned, CondemnedList, Journal, Snapshot};

/// A change under way.
pub(super) struct Flight {
    pub(super) change: Change,
    pub(super) bundle: Arc<Bundle>,
    pub(super) prover: Option<Prover>,
    /// By which way each peer answered before.
    pub(super) ways: Ways,
    /// What ran before.
    before: Option<Arc<Bundle>>,
    snapshot: Snapshot,
    /// What was done to tunnels and peers; none until it was.
    done: Option<Done>,
    /// A step was refused by the host, so that nothing had to be proven.
    refused: bool,
    began: Instant,
    /// When the site's own keys were last replaced: by this change, or before it.
    keyed_at: Timestamp,
    watch: Watch,
}

impl Flight {
    fn new(change: Change, bundle: Bundle, before: (Option<Arc<Bundle>>, Snapshot), keyed_at: Timestamp) -> Self {
        let (bundle, began, (before, snapshot)) = (Arc::new(bundle), Instant::now(), before);
        let (prover, ways, watch) = (None, Ways::default(), Watch::new(Timings::default()));
        Self { change, bundle, prover, ways, before, snapshot, done: None, refused: false, began, keyed_at, watch }
    }

    /// From when on sessions count, where keys are replaced.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let contents = [Some(&self.bundle), self.before.as_ref()];
        contents.into_iter().flatten().any(|bundle| bundle.content.spare.is_some()).then_some(self.keyed_at)
    }

    /// What the kernel holds while something is waited for: the new bundle, or the one before, still or again.
    fn holds(&self) -> Option<&Arc<Bundle>> {
        let is_undone = self.change.undo().is_some();
        match self.change.poll_action() {
            Some(Action::Ask) => self.before.as_ref(),
            Some(Action::Depart | Action::Linger) if !is_undone => self.before.as_ref(),
            _ => Some(&self.bundle),
        }
    }

    /// Whether the kernel holds the new bundle, beside what goes only when that has proven itself.
    pub(super) fn is_beside(&self) -> bool {
        self.holds().is_some_and(|held| Arc::ptr_eq(held, &self.bundle))
    }

    /// What the kernel holds.
    pub(super) fn content(&self) -> Option<&Content> {
        self.holds().map(|held| &held.content)
    }

    /// Where it goes from there.
    fn goes_to(&self) -> Option<&Content> {
        let to = if self.is_beside() { self.before.as_ref() } else { Some(&self.bundle) };
        to.map(|bundle| &bundle.content)
    }
}

impl Network {
    /// Brings the kernel to a staged bundle, and keeps it there if it proves itself.
    pub async fn apply(&mut self, bundle: Bundle) -> Retry {
        let interrupted = self.progress.interrupted.filter(|(digest, _)| *digest == bundle.release.digest);
        let attempts = interrupted.map_or(0, |(_, times)| times).saturating_add(1);
        let before = self.running.clone();
        let leaves = |from, to| departs(from, to).is_some();
        let departs = before.as_ref().map(|before| Departs {
            forth: leaves(&before.content, &bundle.content),
            back: leaves(&bundle.content, &before.content),
        });
        let change = Change::begin(attempts, self.confirm(&bundle), departs.unwrap_or_default());
        let keyed_at = self.keyed_at(&bundle.content);
        let watch = Watch::new(std::mem::take(&mut self.timings));
        let flight = Flight { watch, ..Flight::new(change, bundle, (before, Snapshot::default()), keyed_at) };
        self.drive(flight).await
    }

    /// How a change to a bundle has to prove itself: as it says, unless its release says something else.
    fn confirm(&self, bundle: &Bundle) -> Confirm {
        let signed = bundle.release.signed_by(&self.identity.verifying_keys());
        let timeout_s = signed.and_then(|(_, statement)| statement.terms.confirm_timeout_s);
        let confirm = bundle.content.confirm.clone();
        Confirm { timeout_s: timeout_s.unwrap_or(confirm.timeout_s), ..confirm }
    }

    /// Ends a change under way at once: what has not proven itself is undone.
    pub async fn abort(&mut self, reason: &str) {
        while self.is_changing() {
            self.give_up(reason).await;
        }
    }

    /// The same, and far ends may still leave the tunnels that end by it: then it is under way still.
    pub async fn give_up(&mut self, reason: &str) {
        if let Some(mut flight) = self.flight.take() {
            flight.change.abort(reason.to_owned());
            self.drive(flight).await;
        }
    }

    /// Whether the server wants a newer version than the change under way is to.
    pub fn is_overtaken(&self) -> bool {
        let desired = self.known.as_ref().filter(|state| state.mode == Mode::Apply);
        let desired = desired.and_then(|state| state.desired.as_ref());
        self.flight.as_ref().zip(desired).is_some_and(|(flight, desired)| {
            flight.change.undo().is_none()
                && desired.version > flight.bundle.release.version
                && !self.is_halted(desired.version)
        })
    }

    /// Lets everything that was undone or refused be tried again; says what that is.
    pub fn forgive(&mut self) -> Result<String, String> {
        if !self.condemned.is_empty() {
            self.home.save_condemned(&CondemnedList::default()).map_err(|error| error.to_string())?;
        }
        let forgiven = std::mem::take(&mut self.condemned).forgiven();
        let again = match self.refused.take() {
            Some(refused) => Some((refused.version, "which was refused, is looked at again")),
            None => self.failing().map(|version| (version, "which could not be applied, is tried at once")),
        };
        Ok(match again {
            Some((version, what)) => format!("{forgiven}; version {version}, {what}"),
            None => forgiven,
        })
    }

    /// The version that the server names and that did not come to run, where it is tried again later.
    fn failing(&self) -> Option<u64> {
        let wanted = self.known.as_ref()?.desired.as_ref()?.version;
        let outcome = self.progress.outcome.as_ref()?;
        (!self.is_changing() && outcome.version == wanted && outcome.result != OutcomeKind::Applied).then_some(wanted)
    }

    /// Whether a change is under way.
    pub fn is_changing(&self) -> bool {
        self.flight.is_some()
    }

    /// Ends what an earlier run began, and starts the tunnels from the disk. True if all is as it should be.
    pub async fn recover(&mut self) -> bool {
        self.say_what_was_damaged();
        self.settle_keys();
        self.reserve_ports();
        match self.home.journal() {
            Ok(Some(journal)) => self.resume(journal).await,
            Ok(None) => {}
            Err(error) => {
                self.notes.disk = Some(error.to_string());
                self.end_journal();
                self.forget_unknown().await;
            }
        }
        self.heal(false).await.is_ok()
    }

    async fn resume(&mut self, journal: Journal) {
        let Ok(Some((release, content))) = self.home.load(journal.digest) else {
            self.notes.disk =
                Some("a change was cut short and its bundle is not on the disk: it is fetched again".to_owned());
            self.end_journal();
            self.forget_unknown().await;
            return;
        };
        tracing::info!(network = self.name(), version = journal.version, "ends a change that was cut short");
        let before = journal.before.and_then(|digest| self.home.load(digest).ok().flatten());
        let before = before.map(|(release, content)| Arc::new(Bundle { release, content }));
        let snapshot = self.home.snapshot();
        let mut record = journal.record;
        if journal.before.is_some() && before.is_none() && record.phase != Phase::Proven {
            // Nothing would be left to go back to, and no tunnels at all is the worst end.
            tracing::error!(
                network = self.name(),
                "what ran before cannot be read: version {} stays without a proof",
                journal.version
            );
            record.phase = Phase::Proven;
        }
        let change = Change::resume(record);
        let keyed_at = self.world.clock.now();
        self.drive(Flight::new(change, Bundle { release, content }, (before, snapshot), keyed_at)).await;
    }

    /// Carries out one action after the other, up to the end or to where evidence has to be awaited.
    pub(super) async fn drive(&mut self, mut flight: Flight) -> Retry {
        while let Some(action) = flight.change.poll_action().cloned() {
            self.tell_action(&flight, &action);
            flight.watch.begins(&action);
            let result = match action.clone() {
                Action::Record(record) => self.record(&mut flight, record).await,
                Action::Measure => {
                    let (baseline, ways) = self.measure(&flight.bundle).await;
                    flight.ways = ways;
                    flight.change.handle_measured(baseline);
                    flight.watch.ended(&action);
                    continue;
                }
                Action::Depart => self.depart(&flight).await,
                Action::Linger => {
                    self.flight = Some(flight);
                    return Retry::Proving;
                }
                Action::Change => self.forward(&mut flight).await,
                Action::Prove | Action::Ask => {
                    self.gather(&mut flight).await;
                    self.flight = Some(flight);
                    failpoint::hit("proving");
                    return Retry::Proving;
                }
                Action::Adopt => self.adopt_bundle(&flight.bundle),
                Action::Clean => self.tidy(&flight).await,
                Action::Restore => self.restore(&flight).await,
                Action::Condemn => self.condemn(&flight),
                Action::Close(ending) => return self.close(flight, ending),
            };
            flight.watch.ended(&action);
            let now = self.now();
            flight.change.handle_done(result, now);
        }
        Retry::No
    }

    /// A count that no clock disturbs.
    pub(super) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    async fn record(&mut self, flight: &mut Flight, record: Record) -> Result<(), String> {
        if record.phase == Phase::Applying {
            let observed = self.world.device.observe(&self.owner).await.map_err(|error| error.to_string())?;
            flight.snapshot = Snapshot::of(&observed);
            self.home.save_snapshot(&flight.snapshot).map_err(|error| error.to_string())?;
        }
        let release = &flight.bundle.release;
        let before = flight.before.as_ref().map(|before| before.release.digest);
        let journal = Journal { version: release.version, digest: release.digest, before, record };
        self.home.record(&journal).map_err(|error| error.to_string())?;
        failpoint::hit("journal-written");
        Ok(())
    }

    /// Leaves the tunnels that end by what comes next, and has the far ends told.
    async fn depart(&mut self, flight: &Flight) -> Result<(), String> {
        let (Some(content), Some(to)) = (flight.content(), flight.goes_to()) else { return Ok(()) };
        let left = departs(content, to);
        self.ears.leave(left);
        let spare = self.owner.spare_interface();
        self.lines.leave(|name| left.is_some_and(|left| (left == Departure::Spare) == (name == spare)));
        let (keep_rest, since) = (flight.is_beside(), flight.since());
        let goal = Goal { content: Some(content), from: Some(content), keep_rest, since, ..Goal::default() };
        self.converge(goal).await.map(drop).map_err(|error| error.to_string())
    }

    /// Nothing is left any more: what ends has ended. An answer that says nothing of leaving must not come before, for far ends
    /// would come back.
    fn arrive(&mut self) {
        self.ears.leave(None);
        self.lines.leave(|_| false);
    }

    async fn forward(&mut self, flight: &mut Flight) -> Result<(), String> {
        let bundle = Arc::clone(&flight.bundle);
        let before = flight.before.clone();
        let goal = Goal {
            content: Some(&bundle.content),
            from: before.as_ref().map(|before| &before.content),
            // Neighbours get the same release at the same moment.
            concerted: true,
            keep_rest: true,
            since: flight.since(),
            ..Goal::default()
        };
        let done = self.converge(goal).await;
        self.arrive();
        match done {
            Ok(done) => flight.done = Some(done),
            Err(error) => {
                flight.refused = true;
                return Err(self.explain(&bundle, &error));
            }
        }
        failpoint::hit("kernel-done");
        Ok(())
    }

    fn adopt_bundle(&mut self, bundle: &Arc<Bundle>) -> Result<(), String> {
        self.home.flip(bundle.release.digest).map_err(|error| error.to_string())?;
        self.running = Some(Arc::clone(bundle));
        Ok(())
    }

    /// Takes away what only the bundle before had.
    async fn tidy(&mut self, flight: &Flight) -> Result<(), String> {
        let forget: Vec<_> = flight.before.iter().map(|before| &before.content).collect();
        let content = Some(&flight.bundle.content);
        let since = flight.since();
        let done = self.converge(Goal { content, from: content, forget: &forget, since, ..Goal::default() }).await;
        let done = done.map_err(|error| error.to_string())?;
        self.settle(&done).await;
        Ok(())
    }

    /// Back to what ran before, which may have been nothing.
    async fn restore(&mut self, flight: &Flight) -> Result<(), String> {
        let before = flight.before.as_ref().map(|before| before.release.digest);
        if self.home.current() != before {
            self.home.point_back(before).map_err(|error| error.to_string())?;
        }
        self.running.clone_from(&flight.before);
        let goal = Goal {
            content: flight.before.as_ref().map(|before| &before.content),
            from: Some(&flight.bundle.content),
            learnt: Some(&flight.snapshot.endpoints),
            since: flight.since(),
            ..Goal::default()
        };
        let done = self.converge_back(goal, flight.ways.chosen()).await;
        self.arrive();
        let done = done.map_err(|error| error.to_string())?;
        self.settle(&done).await;
        failpoint::hit("restored");
        self.restore_settings(&flight.snapshot).await
    }

    async fn restore_settings(&self, snapshot: &Snapshot) -> Result<(), String> {
        let device = &self.world.device;
        let now = device.observe(&self.owner).await.map_err(|error| error.to_string())?.sysctls;
        for (path, value) in
            snapshot.settings.iter().filter(|(path, value)| now.get(*path).is_some_and(|is| is != *value))
        {
            device.set_sysctl(path, value).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn condemn(&mut self, flight: &Flight) -> Result<(), String> {
        let Some(undo) = flight.change.undo() else { return Ok(()) };
        let release = &flight.bundle.release;
        let one = Condemned {
            digest: release.digest,
            version: release.version,
            reason: undo.reason.clone(),
            at: self.world.clock.now(),
        };
        self.condemned = self.condemned.with(one);
        self.home.save_condemned(&self.condemned).map_err(|error| error.to_string())
    }

    /// Notes how it ended, on the disk, before the journal goes.
    fn close(&mut self, flight: Flight, ending: Ending) -> Retry {
        let release = &flight.bundle.release;
        let (result, reason, retry) = match ending {
            Ending::Committed => (OutcomeKind::Applied, None, Retry::No),
            Ending::NotBegun { reason } => (OutcomeKind::Failed, Some(reason), Retry::Later),
            Ending::Reverted { reason, conclusive } => {
                let kind = if flight.refused { OutcomeKind::Failed } else { OutcomeKind::Reverted };
                (kind, Some(reason), if conclusive { Retry::No } else { Retry::Later })
            }
        };
        let steps = flight.done.as_ref().map(|done| done.steps).unwrap_or_default();
        self.tell_ending(release.version, (result, reason.as_deref()), steps);
        if result == OutcomeKind::Applied {
            (self.notes.disk, self.notes.versions) = (None, None);
            self.progress.changed = Some((release.digest, flight.keyed_at));
        }
        let interrupted = flight.change.was_interrupted().then(|| (release.digest, flight.change.attempts()));
        self.progress.interrupted = interrupted;
        let step = if flight.change.was_interrupted() { Step::Reverted } else { flight.watch.step };
        self.conclude(Outcome {
            version: release.version,
            digest: release.digest,
            result,
            reason,
            steps,
            step: Some(step),
            duration_ms: millis(flight.began.elapsed()),
            timings: flight.watch.timings,
            at: self.world.clock.now(),
        });
        self.end_journal();
        self.teller = None;
        if let Err(error) = self.home.clean() {
            self.notes.disk = Some(error.to_string());
        }
        self.settle_keys();
        retry
    }

    fn tell_ending(&self, version: u64, (result, reason): (OutcomeKind, Option<&str>), steps: Steps) {
        let network = self.name();
        let Steps { kept, changed, restarted, created, removed } = steps;
        match (result, reason) {
            (OutcomeKind::Applied, _) => {
                tracing::info!(network, version, kept, changed, restarted, created, removed, "applied");
            }
            (OutcomeKind::Reverted, reason) => {
                tracing::error!(
                    network,
                    version,
                    reason,
                    "did not prove itself and was undone: what ran before runs again"
                );
            }
            (_, reason) => tracing::error!(network, version, reason, "could not be applied"),
        }
    }

    fn end_journal(&mut self) {
        if let Err(error) = self.home.end() {
            self.notes.disk = Some(error.to_string());
        }
    }
}
