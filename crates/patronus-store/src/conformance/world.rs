//! A store with a tenant in it, and short words for the things that tests make.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use patronus_types::event::{Actor, Event};
use patronus_types::network::{Network, NetworkSpec};
use patronus_types::permission::Role;
use patronus_types::site::{Site, SiteSpec, Uplink};
use patronus_types::token::TokenKind;
use patronus_types::{Digest, Name, NetworkId, PublicKey, SiteId, TenantId, Timestamp, TokenId};

use crate::{
    Change, CommitHook, Enrolled, Enrolment, EventFilter, Idempotency, NewNetwork, NewSite, NewToken, Page, Result,
    Store, Write,
};

/// When tests begin.
pub const START_MS: i64 = 1_790_000_000_000;

/// One test's store.
pub struct World {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The tenant that everything is in.
    pub tenant: TenantId,
    changes: Arc<Mutex<Vec<Change>>>,
    _keep: Box<dyn Any>,
}

/// A name.
pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A time, in seconds after the start.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(START_MS + seconds * 1000).unwrap()
}

/// Ten bytes that no call before answered.
pub fn unique() -> [u8; 10] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

/// A new id's time, so that ids sort as they were made.
const ID_MS: u64 = 1_790_000_000_000;

/// A new network id.
pub fn network_id() -> NetworkId {
    NetworkId::new(ID_MS, &unique())
}

/// A new site id.
pub fn site_id() -> SiteId {
    SiteId::new(ID_MS, &unique())
}

/// A new token id.
pub fn token_id() -> TokenId {
    TokenId::new(ID_MS, &unique())
}

/// A key that no call before answered.
pub fn key() -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..10].copy_from_slice(&unique());
    PublicKey(bytes)
}

/// A site's declaration with one uplink.
pub fn site_spec(site: &str) -> SiteSpec {
    SiteSpec {
        name: name(site),
        location: String::new(),
        region: None,
        zone: None,
        labels: Default::default(),
        hub: false,
        via: None,
        prefixes: Vec::new(),
        uplinks: vec![Uplink::named(name("uplink0"), None)],
    }
}

/// A tenant's write at a time.
pub fn write_at(tenant: TenantId, seconds: i64) -> Write {
    Write {
        tenant,
        actor: Actor::system(),
        request_id: Some("request-1".to_owned()),
        now: at(seconds),
        dry_run: false,
        idempotency: None,
        seen: Vec::new(),
    }
}

/// The same write under an idempotency key.
pub fn keyed(write: &Write, key: &str, body: u8) -> Write {
    let idempotency = Idempotency { scope: "caller".to_owned(), key: key.to_owned(), body: Digest([body; 32]) };
    Write { idempotency: Some(idempotency), ..write.clone() }
}

/// The same write, taken back.
pub fn dry(write: &Write) -> Write {
    Write { dry_run: true, ..write.clone() }
}

/// A page of any size.
pub fn page(limit: u32, cursor: Option<String>) -> Page {
    Page { limit, cursor, count: true }
}

impl World {
    /// A store made by `open`, with the tenant `default`. What `open` answers beside it is kept until the end.
    pub async fn new<S: Store + 'static>(open: impl FnOnce(CommitHook) -> (S, Box<dyn Any>)) -> Self {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&changes);
        let hook = move |new: Vec<Change>| seen.lock().unwrap().extend(new);
        let (store, keep) = open(Box::new(hook));
        let tenant = TenantId::new(ID_MS, &unique());
        let world = Self { store: Arc::new(store), tenant, changes, _keep: keep };
        world.store.create_tenant(&world.write(), name("default")).await.unwrap();
        world
    }

    /// A write at the start.
    pub fn write(&self) -> Write {
        write_at(self.tenant, 0)
    }

    /// A write later.
    pub fn later(&self, seconds: i64) -> Write {
        write_at(self.tenant, seconds)
    }

    /// The changes that the hook saw since it was last asked.
    pub fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.changes.lock().unwrap())
    }

    /// Makes a network.
    pub async fn network(&self, network: &str) -> Network {
        self.network_of(NetworkSpec::named(name(network))).await.unwrap()
    }

    /// Makes a network as declared.
    pub async fn network_of(&self, spec: NetworkSpec) -> Result<Network> {
        self.store.create_network(&self.write(), NewNetwork { id: network_id(), spec }).await
    }

    /// Reads a network again.
    pub async fn network_now(&self, id: NetworkId) -> Network {
        self.store.network(self.tenant, &id.to_string().parse().unwrap()).await.unwrap()
    }

    /// Makes a site.
    pub async fn site(&self, network: NetworkId, site: &str) -> Site {
        self.site_with(&self.write(), network, site).await.unwrap()
    }

    /// Makes a site by a write.
    pub async fn site_with(&self, write: &Write, network: NetworkId, site: &str) -> Result<Site> {
        let new = NewSite { id: site_id(), network, spec: site_spec(site), public_key: None };
        self.store.create_site(write, new).await
    }

    /// Reads a site again.
    pub async fn site_now(&self, id: SiteId) -> Site {
        self.store.site(self.tenant, None, &id.to_string().parse().unwrap(), at(0)).await.unwrap()
    }

    /// Makes an enrolment token for a site and answers its hash.
    pub async fn ticket(&self, site: &Site) -> String {
        let id = token_id();
        let new = NewToken {
            id,
            kind: TokenKind::Enrol,
            hash: format!("hash-{id}"),
            description: String::new(),
            role: Role::Viewer,
            site: Some((site.network_id, site.id)),
            expires_at: Some(at(3600)),
        };
        self.store.create_token(&self.write(), new).await.unwrap();
        format!("hash-{id}")
    }

    /// Makes a token and enrols with it.
    pub async fn enrolled(&self, site: &Site) -> Enrolled {
        let ticket = self.ticket(site).await;
        self.store.enrol(&self.write(), enrolment(&ticket)).await.unwrap()
    }

    /// All events, oldest first.
    pub async fn events(&self) -> Vec<Event> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |event: &Event| event.number);
            let filter = EventFilter { after: Some(after), ..EventFilter::default() };
            let page = self.store.events(self.tenant, filter, page(1000, None)).await.unwrap();
            all.extend(page.items);
            if page.next.is_none() {
                return all;
            }
        }
    }

    /// The types of all events, oldest first.
    pub async fn event_kinds(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.kind).collect()
    }
}

/// An enrolment by a new agent.
pub fn enrolment(ticket: &str) -> Enrolment {
    let agent_token = token_id();
    Enrolment {
        token_hash: ticket.to_owned(),
        nonce_hash: format!("nonce-{agent_token}"),
        public_keys: vec![key(), key(), key(), key()],
        port_base: 51_820,
        agent_version: "0.1.0".to_owned(),
        hostname: "gw".to_owned(),
        agent_token,
        agent_token_hash: format!("hash-{agent_token}"),
    }
}
