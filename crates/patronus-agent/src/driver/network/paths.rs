//! Telling the server what paths are like: once a minute, and soon where something became of one.

use std::collections::VecDeque;
use std::time::Duration;

use patronus_types::api::error::ErrorCode;
use patronus_types::api::paths::PathReport;
use tokio::time::Instant;

use super::{Flight, Loop};
use crate::control::ControlError;
use crate::poll::spread;

const EVERY: Duration = Duration::from_secs(60);
/// How soon what became of a path is told, at most.
const SOON: Duration = Duration::from_secs(5);
/// A server that does not know the call is asked again then.
const UNKNOWN: Duration = Duration::from_secs(3600);
/// So much of the past is kept while no server is there.
const MOST_KEPT: usize = 60;

/// What is told, and when.
pub(super) struct Telling {
    flight: Option<Flight<Result<(), ControlError>>>,
    /// What is under way.
    sent: Option<(Instant, PathReport)>,
    /// What could not be told, with when it ended.
    kept: VecDeque<(Instant, PathReport)>,
    at: Instant,
    told_at: Instant,
    unknown: bool,
}

impl Telling {
    pub(super) fn new(now: Instant, random: u64) -> Self {
        // Each site at a time of its own.
        let at = now + spread(EVERY, random) / 2;
        Self { flight: None, sent: None, kept: VecDeque::new(), at, told_at: now, unknown: false }
    }

    /// When something is to be told, if nothing is under way.
    pub(super) fn at(&self) -> Option<Instant> {
        self.flight.is_none().then_some(self.at)
    }

    /// The answer to what is under way.
    pub(super) fn flight(&mut self) -> &mut Option<Flight<Result<(), ControlError>>> {
        &mut self.flight
    }

    /// Something became of a path.
    pub(super) fn hurry(&mut self, now: Instant) {
        if !self.unknown {
            self.at = self.at.min((self.told_at + SOON).max(now));
        }
    }
}

impl Loop {
    /// Tells what is due, the oldest first.
    pub(super) async fn tell_paths(&mut self) {
        let now = Instant::now();
        if self.paths.at().is_none_or(|at| at > now) {
            return;
        }
        self.paths.at = now + spread(EVERY, self.random());
        if let Some(report) = self.network.report_paths().await {
            self.paths.kept.push_back((now, report));
        }
        while self.paths.kept.len() > MOST_KEPT {
            self.paths.kept.pop_front();
        }
        self.send_paths();
    }

    fn send_paths(&mut self) {
        if self.etag.is_none() {
            return;
        }
        let Ok(control) = self.control() else { return };
        let Some((ended, mut report)) = self.paths.kept.pop_front() else { return };
        report.age_s = u32::try_from(ended.elapsed().as_secs()).unwrap_or(u32::MAX);
        if report.age_s > 0 {
            report.paths.clear();
        }
        self.paths.told_at = Instant::now();
        self.paths.sent = Some((ended, report.clone()));
        self.paths.flight = Some(Box::pin(async move { control.paths(&report).await }));
    }

    /// The server answered.
    pub(super) fn paths_told(&mut self, result: Result<(), ControlError>) {
        let sent = self.paths.sent.take();
        match result {
            Ok(()) => {
                self.paths.unknown = false;
                self.send_paths();
            }
            Err(ControlError::Refused { code: ErrorCode::NoRoute | ErrorCode::MethodNotAllowed, .. }) => {
                if !std::mem::replace(&mut self.paths.unknown, true) {
                    tracing::info!("the server is older than this agent and does not take what paths are like");
                }
                self.paths.kept.clear();
                self.paths.at = Instant::now() + UNKNOWN;
            }
            Err(error) if error.passes() => {
                tracing::debug!(%error, "what paths are like is told later");
                self.paths.kept.extend(sent);
                self.paths.kept.make_contiguous().sort_by_key(|(ended, _)| *ended);
            }
            Err(error) => tracing::warn!(%error, "the server refused what paths are like"),
        }
    }
}
