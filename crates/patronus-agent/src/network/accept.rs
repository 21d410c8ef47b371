//! From a downloaded archive to a bundle that runs, or to a refusal with its reason.

use std::time::Duration;

use patronus_core::signature::{KeyId, Statement};
use patronus_types::api::agent::{Desired, Outcome, OutcomeKind, Step, Steps};
use tokio::time::Instant;

use super::report::shorten;
use super::{Bundle, Network};
use crate::failpoint;
use crate::state::{self, Release};
use crate::verify::{self, Verified, VerifyError};

/// Whether and how to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is settled.
    No,
    /// What came was damaged: fetch it again.
    Fetch,
    /// It could not be done here and now.
    Later,
    /// It is done and has to prove itself.
    Proving,
}

impl Network {
    /// Takes an archive that came for `desired`.
    pub async fn take(&mut self, desired: &Desired, archive: &[u8]) -> Retry {
        self.notes.download = None;
        let began = Instant::now();
        let verified = match verify::verify(&self.identity, &self.versions, desired, archive) {
            Ok(verified) => verified,
            Err(error) => {
                let damaged = matches!(error, VerifyError::Archive(_) | VerifyError::Digest { .. });
                self.refuse(desired, error.to_string());
                if damaged {
                    // Another try may bring it whole, so it is not settled.
                    (self.refused, self.shown) = (None, None);
                    return Retry::Fetch;
                }
                return Retry::No;
            }
        };
        if self.is_shadow() {
            self.foresee(&Bundle { release: verified.release, content: verified.content }).await;
            return Retry::No;
        }
        self.timings.verified_ms = Some(millis(began.elapsed()));
        self.begin(desired, verified).await
    }

    /// Keeps what was verified, and begins to change to it.
    pub(super) async fn begin(&mut self, desired: &Desired, verified: Verified) -> Retry {
        let bundle = Bundle { release: verified.release, content: verified.content };
        if let Some(reason) = self.endangered_by(&bundle.content, &verified.statement.terms).await {
            self.refuse(desired, reason);
            return Retry::No;
        }
        let began = Instant::now();
        let files = verified.files.iter().map(|file| (file.name.as_str(), file.data.as_slice()));
        let kept =
            self.accept(verified.key, &verified.statement).and_then(|()| self.home.stage(&bundle.release, files));
        self.timings.staged_ms = Some(millis(began.elapsed()));
        self.go_on(desired, bundle, kept).await
    }

    /// Takes a bundle that is on the disk already, as the version `desired`.
    pub async fn adopt(&mut self, desired: &Desired) -> Retry {
        let Ok(Some((here, content))) = self.home.load(desired.digest) else { return Retry::Fetch };
        let began = Instant::now();
        let verified = verify::verify_again(&self.identity, &self.versions, desired, &here);
        let (key, statement, release) = match verified {
            Ok(verified) => verified,
            Err(error) => {
                self.refuse(desired, error.to_string());
                return Retry::No;
            }
        };
        let bundle = Bundle { release, content };
        if self.is_shadow() {
            self.foresee(&bundle).await;
            return Retry::No;
        }
        if let Some(reason) = self.endangered_by(&bundle.content, &statement.terms).await {
            self.refuse(desired, reason);
            return Retry::No;
        }
        self.timings.verified_ms = Some(millis(began.elapsed()));
        let began = Instant::now();
        let kept = self.accept(key, &statement).and_then(|()| self.home.stage(&bundle.release, std::iter::empty()));
        self.timings.staged_ms = Some(millis(began.elapsed()));
        self.go_on(desired, bundle, kept).await
    }

    /// Records a refusal, once.
    pub fn refuse(&mut self, desired: &Desired, reason: String) {
        tracing::warn!(network = self.name(), version = desired.version, digest = %desired.digest.short(), %reason, "refused");
        self.refused = Some(desired.clone());
        self.shown = Some(desired.clone());
        let timings = std::mem::take(&mut self.timings);
        self.conclude(Outcome {
            version: desired.version,
            digest: desired.digest,
            result: OutcomeKind::Refused,
            reason: Some(reason),
            steps: Steps::default(),
            step: Some(Step::Verified),
            duration_ms: 0,
            timings,
            at: self.world.clock.now(),
        });
    }

    /// A download came to its end.
    pub fn fetched(&mut self, took: Duration) {
        self.timings.fetched_ms = Some(millis(took));
    }

    /// A download did not come to its end.
    pub fn not_fetched(&mut self, desired: &Desired, why: &dyn std::fmt::Display) {
        let note = format!("version {} cannot be downloaded: {why}", desired.version);
        tracing::warn!(network = self.name(), "{note}");
        self.notes.download = Some(note);
    }

    async fn go_on(&mut self, desired: &Desired, bundle: Bundle, kept: state::Result<()>) -> Retry {
        if let Err(error) = kept {
            self.fail(&bundle.release, error.to_string(), Duration::ZERO);
            return Retry::Later;
        }
        failpoint::hit("staged");
        self.refused = None;
        debug_assert_eq!(bundle.release.digest, desired.digest);
        self.apply(bundle).await
    }

    /// Persists the highest accepted version, before anything acts on it.
    fn accept(&mut self, key: KeyId, statement: &Statement) -> state::Result<()> {
        let mut versions = self.versions.clone();
        if versions.accept(key, statement) {
            self.home.save_versions(&versions)?;
            self.versions = versions;
        }
        Ok(())
    }

    /// Records that a version could not be made to run.
    pub(super) fn fail(&mut self, release: &Release, reason: String, took: Duration) {
        tracing::error!(network = self.name(), version = release.version, %reason, "could not be applied");
        let timings = std::mem::take(&mut self.timings);
        self.conclude(Outcome {
            version: release.version,
            digest: release.digest,
            result: OutcomeKind::Failed,
            reason: Some(reason),
            steps: Steps::default(),
            step: Some(Step::Staged),
            duration_ms: millis(took),
            timings,
            at: self.world.clock.now(),
        });
    }

    pub(super) fn conclude(&mut self, mut outcome: Outcome) {
        outcome.reason = outcome.reason.map(shorten);
        self.progress.outcome = Some(outcome);
        self.save_progress();
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
