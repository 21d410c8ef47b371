//! A server with a script: each answer once, then what it says always.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use patronus_types::Digest;
use patronus_types::api::agent::{EnrolRequest, EnrolResponse, Report, State};
use patronus_types::api::error::ErrorCode;
use patronus_types::api::paths::PathReport;
use patronus_types::token::Secret;
use tokio::sync::Notify;

use super::FakeKernel;
use crate::control::{Answer, Control, ControlError, Dial, Server, Sink};

/// One thing to say.
#[derive(Debug, Clone)]
pub enum Say {
    /// Nothing: it is away.
    Away,
    /// No, with this code.
    No(ErrorCode),
    /// Something that makes no sense.
    Rubbish,
    /// Nothing for ever.
    Silence,
    /// The first so many bytes of a download, and then nothing.
    Part(usize),
    /// What it should.
    Yes,
}

/// What it knows and was asked.
#[derive(Debug, Default)]
pub struct Inner {
    wanted: Option<State>,
    generation: u64,
    archives: BTreeMap<Digest, Vec<u8>>,
    enrolment: Option<EnrolResponse>,
    /// What it says next, instead of what it should.
    pub script: VecDeque<Say>,
    /// Each request: `URL what`.
    pub asked: Vec<String>,
    /// Enrolment requests.
    pub enrolments: Vec<EnrolRequest>,
    /// The reports it took.
    pub reports: Vec<Report>,
    /// What it was told of paths.
    pub paths: Vec<PathReport>,
    /// What it says to that, if not yes.
    pub refuses_paths: Option<ControlError>,
    /// Where downloads began.
    pub ranges: Vec<u64>,
}

/// The server, or several that share everything.
#[derive(Debug, Clone, Default)]
pub struct FakeServer {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
    /// While this kernel has so many peers, no way leads here.
    cut_off: Option<(FakeKernel, usize)>,
}

impl FakeServer {
    /// To look at it and to spoil it.
    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// What it wants from now on; those who wait hear of it.
    pub fn want(&self, state: State) {
        let mut inner = self.inner();
        inner.wanted = Some(state);
        inner.generation += 1;
        self.changed.notify_waiters();
    }

    /// Has an archive to give.
    pub fn serve(&self, digest: Digest, archive: Vec<u8>) {
        self.inner().archives.insert(digest, archive);
    }

    /// Answers enrolments.
    pub fn enrols(&self, response: EnrolResponse) {
        self.inner().enrolment = Some(response);
    }

    /// The same for a host whose kernel has no way here with more than so many peers.
    pub fn cut_off_by(&self, kernel: &FakeKernel, peers: usize) -> Self {
        Self { cut_off: Some((kernel.clone(), peers)), ..self.clone() }
    }

    /// Says these things first.
    pub fn says(&self, script: impl IntoIterator<Item = Say>) {
        self.inner().script.extend(script);
    }
}

impl Dial for FakeServer {
    fn dial(&self, server: &Server, _: Option<&Secret>) -> Result<Arc<dyn Control>, ControlError> {
        Ok(Arc::new(Connection { server: self.clone(), url: server.url.clone() }))
    }
}

struct Connection {
    server: FakeServer,
    url: String,
}

impl Connection {
    /// The next thing of the script, or what it should say.
    async fn next(&self, what: &str) -> Result<Say, ControlError> {
        if let Some((kernel, most)) = &self.server.cut_off
            && kernel.tunnels().iter().any(|(_, _, peers)| peers > most)
        {
            return Err(ControlError::Unreachable("connection refused".to_owned()));
        }
        let say = {
            let mut inner = self.server.inner();
            inner.asked.push(format!("{} {what}", self.url));
            inner.script.pop_front().unwrap_or(Say::Yes)
        };
        match say {
            Say::Away => Err(ControlError::Unreachable("connection refused".to_owned())),
            Say::No(code) => Err(ControlError::Refused { code, detail: "no".to_owned(), retry_after: None }),
            Say::Rubbish => Err(ControlError::Rubbish("<html>".to_owned())),
            Say::Silence => std::future::pending().await,
            say => Ok(say),
        }
    }

    fn answer(&self, etag: Option<&str>) -> Option<Answer> {
        let inner = self.server.inner();
        let current = inner.generation.to_string();
        let state = inner.wanted.clone().unwrap_or(State {
            mode: Default::default(),
            poll_interval_s: 5,
            desired: None,
            new_keys: None,
        });
        (etag != Some(&current)).then_some(Answer::Changed { etag: current, state })
    }
}

#[async_trait]
impl Control for Connection {
    async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, ControlError> {
        self.server.inner().enrolments.push(request.clone());
        self.next("enrol").await?;
        Ok(self.server.inner().enrolment.clone().unwrap())
    }

    async fn state(&self, etag: Option<&str>, wait_s: Option<u32>) -> Result<Answer, ControlError> {
        self.next("state").await?;
        let until = tokio::time::Instant::now() + Duration::from_secs(wait_s.unwrap_or_default().into());
        loop {
            let changed = self.server.changed.notified();
            if let Some(answer) = self.answer(etag) {
                return Ok(answer);
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                return Ok(Answer::Unchanged);
            }
        }
    }

    async fn bundle(&self, digest: Digest, into: &mut dyn Sink) -> Result<(), ControlError> {
        let say = self.next("bundle").await?;
        self.server.inner().ranges.push(into.held());
        let archive = self.server.inner().archives.get(&digest).cloned();
        let archive = archive.ok_or_else(|| ControlError::Rubbish("no such bundle".to_owned()))?;
        let from = usize::try_from(into.held()).unwrap().min(archive.len());
        let to = match say {
            Say::Part(bytes) => (from + bytes).min(archive.len()),
            _ => archive.len(),
        };
        into.append(&archive[from..to]).unwrap();
        if to == archive.len() { Ok(()) } else { Err(ControlError::Unreachable("the connection broke off".to_owned())) }
    }

    async fn report(&self, report: &Report) -> Result<(), ControlError> {
        // Reports keep to no script: the script is about what the agent waits for.
        self.server.inner().reports.push(report.clone());
        Ok(())
    }

    async fn paths(&self, report: &PathReport) -> Result<(), ControlError> {
        let mut inner = self.server.inner();
        if let Some(refusal) = inner.refuses_paths.clone() {
            return Err(refusal);
        }
        inner.paths.push(report.clone());
        Ok(())
    }

    async fn leave(&self) -> Result<(), ControlError> {
        self.next("leave").await.map(drop)
    }
}
