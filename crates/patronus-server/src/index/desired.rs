//! What a site should run, as the bytes of the answer to its agent.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderValue;
use patronus_core::digest::sha256;
use patronus_types::api::agent::{Desired, State};
use patronus_types::api::standing::SiteMode;
use patronus_types::{NetworkId, SiteId, Timestamp};
use tokio::sync::watch;

use super::{DEFAULT_POLL_INTERVAL_S, locked};

/// A finished answer to `GET /v1/agent/state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDocument {
    /// Its ETag: the digest of the body.
    pub etag: HeaderValue,
    /// The JSON.
    pub body: Bytes,
}

impl StateDocument {
    fn new(source: &Source) -> Self {
        let state = State {
            mode: source.mode.into(),
            poll_interval_s: source.poll_interval_s,
            desired: source.desired.clone(),
            new_keys: source.new_keys,
        };
        let body = serde_json::to_vec(&state).unwrap_or_default();
        let etag = format!("\"{}\"", &sha256(&body).to_string()[..32]);
        Self { etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")), body: body.into() }
    }
}

/// A site in memory.
pub struct SiteSlot {
    site: SiteId,
    source: Mutex<Source>,
    document: watch::Sender<Arc<StateDocument>>,
    heard_ms: AtomicI64,
    written_ms: AtomicI64,
}

struct Source {
    network: Option<NetworkId>,
    poll_interval_s: u16,
    desired: Option<Desired>,
    mode: SiteMode,
    new_keys: Option<u32>,
}

impl SiteSlot {
    pub(super) fn new(site: SiteId) -> Self {
        let source = Source {
            network: None,
            poll_interval_s: DEFAULT_POLL_INTERVAL_S,
            desired: None,
            mode: SiteMode::default(),
            new_keys: None,
        };
        Self {
            site,
            document: watch::Sender::new(Arc::new(StateDocument::new(&source))),
            source: Mutex::new(source),
            heard_ms: AtomicI64::new(i64::MIN),
            written_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// Which site.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// The answer now.
    pub fn document(&self) -> Arc<StateDocument> {
        self.document.borrow().clone()
    }

    /// The answer now and whenever it changes.
    pub fn watch(&self) -> watch::Receiver<Arc<StateDocument>> {
        self.document.subscribe()
    }

    /// Notes that the site's agent was heard.
    pub fn mark_heard(&self, now: Timestamp) {
        self.heard_ms.store(now.as_millisecond(), Ordering::Relaxed);
    }

    pub(super) fn network(&self) -> Option<NetworkId> {
        locked(&self.source).network
    }

    pub(super) fn set_network(&self, network: NetworkId, poll_interval_s: u16) {
        self.change(|source| {
            source.network = Some(network);
            source.poll_interval_s = poll_interval_s;
        });
    }

    pub(super) fn set_desired(&self, desired: Option<Desired>) {
        self.change(|source| source.desired = desired);
    }

    pub(super) fn set_mode(&self, mode: SiteMode) {
        self.change(|source| source.mode = mode);
    }

    pub(super) fn set_new_keys(&self, number: Option<u32>) {
        self.change(|source| source.new_keys = number);
    }

    /// Wakes whoever waits, without a change.
    pub(super) fn wake(&self) {
        self.document.send_modify(|_| {});
    }

    /// When it was last heard, if that is not written down.
    pub(super) fn heard(&self) -> Option<Timestamp> {
        let heard = self.heard_ms.load(Ordering::Relaxed);
        let written = self.written_ms.load(Ordering::Relaxed);
        (heard != written).then(|| Timestamp::from_millisecond(heard).ok())?
    }

    pub(super) fn written_heard(&self, at: Timestamp) {
        self.written_ms.store(at.as_millisecond(), Ordering::Relaxed);
    }

    fn change(&self, change: impl FnOnce(&mut Source)) {
        let mut source = locked(&self.source);
        change(&mut source);
        let document = StateDocument::new(&source);
        self.document.send_if_modified(|current| {
            let differs = **current != document;
            if differs {
                *current = Arc::new(document);
            }
            differs
        });
    }
}
