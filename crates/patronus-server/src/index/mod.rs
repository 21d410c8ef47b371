//! The hot index: what requests need every few seconds, in memory.
//!
//! token hash → who; site → what to run, as the finished bytes of the answer; tenant → number of the newest event.
//! It is filled once at start and then fed by the store's commits only, in their order, before the writers are
//! answered: what a caller was told is done can be seen here. No lock is held across an await, none for longer than
//! a lookup.

mod desired;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use patronus_store::{Change, PrincipalRecord};
use patronus_types::{NetworkId, SiteId, TenantId, Timestamp, TokenId};
use tokio::sync::{Notify, watch};

pub use desired::{SiteSlot, StateDocument};
pub use token::TokenEntry;

/// Poll interval of a network that nobody told of.
const DEFAULT_POLL_INTERVAL_S: u16 = 5;

/// The hot index.
#[derive(Default)]
pub struct Index {
    tokens: RwLock<HashMap<[u8; 32], Arc<TokenEntry>>>,
    sites: RwLock<HashMap<SiteId, Arc<SiteSlot>>>,
    intervals: RwLock<HashMap<NetworkId, u16>>,
    events: Mutex<HashMap<TenantId, watch::Sender<u64>>>,
    rotations: Notify,
}

impl Index {
    /// Takes in what a commit changed.
    pub fn apply(&self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.apply_one(change));
    }

    /// Finds a token by its hash.
    pub fn token(&self, hash: &[u8; 32]) -> Option<Arc<TokenEntry>> {
        read(&self.tokens).get(hash).cloned()
    }

    /// Watches the number of a tenant's newest event.
    pub fn events(&self, tenant: TenantId) -> watch::Receiver<u64> {
        locked(&self.events).entry(tenant).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Returns once there was something that the replacing of keys may have waited for; for one waiter.
    pub async fn rotations_moved(&self) {
        self.rotations.notified().await;
    }

    /// Sites heard since they were last written down. What could not be written is for [`Index::written_heard`] to leave.
    pub fn heard(&self) -> Vec<(SiteId, Timestamp)> {
        read(&self.sites).values().filter_map(|slot| Some((slot.site(), slot.heard()?))).collect()
    }

    /// Notes that times of sites were written down.
    pub fn written_heard(&self, written: &[(SiteId, Timestamp)]) {
        let sites = read(&self.sites);
        written.iter().for_each(|(site, at)| {
            if let Some(slot) = sites.get(site) {
                slot.written_heard(*at);
            }
        });
    }

    /// Tokens used in a minute that was not yet written down.
    pub fn used(&self) -> Vec<(TokenId, Timestamp)> {
        read(&self.tokens).values().filter_map(|entry| Some((entry.record.token, entry.take_used()?))).collect()
    }

    fn apply_one(&self, change: Change) {
        match change {
            Change::TokenAdded(hash, record) => self.add_token(&hash, record),
            Change::TokenRemoved(hash) => self.remove_token(&hash),
            Change::Desired { site, desired } => self.slot(site).set_desired(desired),
            Change::Mode { site, mode } => self.slot(site).set_mode(mode),
            Change::NewKeys { site, number } => self.slot(site).set_new_keys(number),
            Change::Rotations => self.rotations.notify_one(),
            Change::PollInterval { network, seconds } => self.set_interval(network, seconds),
            Change::SiteRemoved(site) => {
                write(&self.sites).remove(&site);
            }
            Change::Events { tenant, newest } => {
                let mut events = locked(&self.events);
                events.entry(tenant).or_insert_with(|| watch::Sender::new(0)).send_replace(newest);
            }
        }
    }

    fn add_token(&self, hash: &str, record: PrincipalRecord) {
        let slot = record.agent.as_ref().map(|agent| {
            let interval = read(&self.intervals).get(&agent.network).copied();
            let slot = self.slot(agent.site);
            slot.set_network(agent.network, interval.unwrap_or(DEFAULT_POLL_INTERVAL_S));
            slot
        });
        match parse_hash(hash) {
            Some(hash) => {
                write(&self.tokens).insert(hash, Arc::new(TokenEntry::new(record, slot)));
            }
            None => tracing::error!(token = %record.token, "a token's stored hash is damaged: it cannot be used"),
        }
    }

    fn remove_token(&self, hash: &str) {
        let removed = parse_hash(hash).and_then(|hash| write(&self.tokens).remove(&hash));
        if let Some(entry) = removed {
            entry.revoke();
        }
    }

    fn set_interval(&self, network: NetworkId, seconds: u16) {
        write(&self.intervals).insert(network, seconds);
        let slots: Vec<_> = read(&self.sites).values().cloned().collect();
        slots.iter().filter(|slot| slot.network() == Some(network)).for_each(|slot| slot.set_network(network, seconds));
    }

    fn slot(&self, site: SiteId) -> Arc<SiteSlot> {
        if let Some(slot) = read(&self.sites).get(&site) {
            return slot.clone();
        }
        write(&self.sites).entry(site).or_insert_with(|| Arc::new(SiteSlot::new(site))).clone()
    }
}

fn parse_hash(text: &str) -> Option<[u8; 32]> {
    text.parse::<patronus_types::Digest>().ok().map(|digest| digest.0)
}

/// A panic elsewhere does not make the data behind a lock wrong: each change here is a single step.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use patronus_store::AgentRecord;
    use patronus_types::api::agent::{Desired, Mode, State};
    use patronus_types::api::standing::SiteMode;
    use patronus_types::permission::Role;
    use patronus_types::token::TokenKind;

    use super::*;
    use crate::keys::ServerSecret;

    fn agent(site: SiteId, network: NetworkId) -> PrincipalRecord {
        PrincipalRecord {
            token: TokenId::new(1, &[1; 10]),
            kind: TokenKind::Agent,
            tenant: TenantId::new(1, &[1; 10]),
            role: Role::System,
            name: "ams".into(),
            agent: Some(AgentRecord { site, site_name: "ams".parse().unwrap(), network }),
            expires_at: None,
        }
    }

    #[test]
    fn an_agents_answer_is_ready_and_changes_with_commits() {
        let index = Index::default();
        let (site, network) = (SiteId::new(1, &[2; 10]), NetworkId::new(1, &[3; 10]));
        let hasher = ServerSecret::new([1; 32]).token_hasher();
        index.apply(vec![
            Change::PollInterval { network, seconds: 9 },
            Change::TokenAdded(hasher.text("t"), agent(site, network)),
        ]);
        let entry = index.token(&hasher.hash("t")).unwrap();
        let mut watch = entry.slot().unwrap().watch();
        let first = watch.borrow_and_update().clone();
        let state: State = serde_json::from_slice(&first.body).unwrap();
        assert_eq!((state.poll_interval_s, state.desired), (9, None));

        let desired = Desired {
            version: 3,
            digest: patronus_types::Digest([7; 32]),
            size: 10,
            signatures: vec!["signature".into()],
        };
        index.apply(vec![Change::Desired { site, desired: Some(desired.clone()) }]);
        assert!(watch.has_changed().unwrap());
        let second = watch.borrow_and_update().clone();
        assert_eq!(serde_json::from_slice::<State>(&second.body).unwrap().desired, Some(desired.clone()));
        assert_ne!(first.etag, second.etag);

        index.apply(vec![Change::Desired { site, desired: Some(desired) }]);
        assert!(!watch.has_changed().unwrap(), "the same answer wakes nobody");
        index.apply(vec![Change::Mode { site, mode: SiteMode::Hold }]);
        assert!(watch.has_changed().unwrap(), "who waits hears of it at once");
        let state: State = serde_json::from_slice(&watch.borrow_and_update().body).unwrap();
        assert_eq!((state.mode, state.desired.unwrap().version), (Mode::Hold, 3));
        index.apply(vec![Change::TokenRemoved(hasher.text("t"))]);
        assert!(watch.has_changed().unwrap(), "who waits with a revoked token is woken");
        assert!(index.token(&hasher.hash("t")).is_none() && !entry.is_valid(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn sightings_are_written_once() {
        let index = Index::default();
        let site = SiteId::new(1, &[2; 10]);
        let slot = index.slot(site);
        let at = Timestamp::from_millisecond(5000).unwrap();
        slot.mark_heard(at);
        assert_eq!(index.heard(), [(site, at)]);
        assert_eq!(index.heard(), [(site, at)], "until they are written");
        index.written_heard(&[(site, at)]);
        assert!(index.heard().is_empty());
    }
}
