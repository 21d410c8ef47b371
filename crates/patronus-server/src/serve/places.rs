//! Places for connections: how many there are, how many one address may take, and who goes when all are taken.
//!
//! Each connection is an open file, and the database and the bundles need some too, so there are never more places
//! than files. One address takes at most a quarter of them, but for a loopback address, behind which a proxy may
//! stand. When all are taken, the connection that has asked for nothing for the longest time makes room.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::index::locked;

/// Files that are no connections: the database, its readers, bundles, the log.
const OTHER_FILES: usize = 64;
/// Fewer are worth a warning where nobody asked for more: a thousand agents wait on a connection each, and when they all
/// come back at once, their old ones are still there.
const ENOUGH: usize = 2_000;
/// The part of all places that one address may take.
const SHARE: usize = 4;

/// All places.
pub struct Places {
    free: Arc<Semaphore>,
    most_per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    by_address: HashMap<IpAddr, usize>,
    /// Those that have asked for nothing yet, in the order in which they came.
    silent: BTreeMap<u64, Arc<Notify>>,
    next: u64,
}

/// One connection's place, free again when this is dropped.
pub struct Place {
    places: Arc<Places>,
    number: u64,
    address: IpAddr,
    spoken: AtomicBool,
    cut: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// As many as are allowed and as files can be open; says so if those are too few.
    pub fn new(allowed: usize) -> Arc<Self> {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let connections = within(allowed, files);
        if connections < needed(allowed) {
            tracing::warn!(
                connections,
                files,
                "few connections can be held, as few files can be open: raise LimitNOFILE of the unit, or `ulimit -n`"
            );
        }
        Self::with(connections)
    }

    fn with(count: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(count)),
            most_per_address: (count / SHARE).max(1),
            taken: Mutex::default(),
        })
    }

    /// A place; none if the address has its share. Waits while all are taken.
    pub async fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = counted(peer);
        if !address.is_loopback() && self.count(address) >= self.most_per_address {
            return None;
        }
        if self.free.available_permits() == 0 {
            self.cut_oldest_silent();
        }
        let permit = self.free.clone().acquire_owned().await.ok()?;
        let mut taken = locked(&self.taken);
        let (number, cut) = (taken.next, Arc::new(Notify::new()));
        taken.next += 1;
        *taken.by_address.entry(address).or_default() += 1;
        taken.silent.insert(number, cut.clone());
        Some(Place { places: self.clone(), number, address, spoken: AtomicBool::new(false), cut, _permit: permit })
    }

    fn count(&self, address: IpAddr) -> usize {
        locked(&self.taken).by_address.get(&address).copied().unwrap_or_default()
    }

    fn cut_oldest_silent(&self) {
        if let Some((_, cut)) = locked(&self.taken).silent.pop_first() {
            cut.notify_one();
        }
    }
}

impl Place {
    /// The connection has asked for something: it is no longer the first to go.
    pub fn spoken(&self) {
        if !self.spoken.swap(true, Ordering::Relaxed) {
            locked(&self.places.taken).silent.remove(&self.number);
        }
    }

    /// Returns when the place is needed for another.
    pub async fn needed(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = locked(&self.places.taken);
        taken.silent.remove(&self.number);
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// No more than there are files.
fn within(allowed: usize, files: Option<u64>) -> usize {
    let files = files.and_then(|files| usize::try_from(files).ok());
    files.map_or(allowed, |files| allowed.min(files.saturating_sub(OTHER_FILES))).max(1)
}

/// How many there must be: what was asked for; the usual bound is only there so that there is one.
fn needed(allowed: usize) -> usize {
    if allowed == Limits::default().connections { ENOUGH } else { allowed }
}

/// What counts as one address: of IPv6, the network that one customer has.
fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn one_address_takes_a_quarter_and_leaves_the_rest() {
        let places = Places::with(8);
        let first = places.take(ip("192.0.2.1")).await.unwrap();
        let second = places.take(ip("::ffff:192.0.2.1")).await.unwrap();
        assert!(places.take(ip("192.0.2.1")).await.is_none());
        let other = places.take(ip("192.0.2.2")).await.unwrap();
        drop((first, other));
        let again = places.take(ip("192.0.2.1")).await.unwrap();
        drop((second, again));
        let _six = (places.take(ip("2001:db8::1")).await.unwrap(), places.take(ip("2001:db8::2")).await.unwrap());
        assert!(places.take(ip("2001:db8::3")).await.is_none(), "one customer");
        assert!(places.take(ip("2001:db8:0:1::3")).await.is_some());
        assert_eq!(locked(&places.taken).by_address.len(), 1, "nothing is kept of those that went");
    }

    #[tokio::test]
    async fn who_asks_for_nothing_makes_room() {
        let places = Places::with(3);
        let [spoken, oldest, newest] = [
            places.take(ip("127.0.0.1")).await.unwrap(),
            places.take(ip("127.0.0.1")).await.unwrap(),
            places.take(ip("127.0.0.1")).await.unwrap(),
        ];
        spoken.spoken();
        let make_room = async move {
            oldest.needed().await;
            drop(oldest);
        };
        let (place, ()) = tokio::join!(places.take(ip("127.0.0.1")), make_room);
        assert!(place.is_some());
        assert!(futures_util::FutureExt::now_or_never(newest.needed()).is_none());
        assert!(futures_util::FutureExt::now_or_never(spoken.needed()).is_none());
    }

    #[test]
    fn there_are_never_more_places_than_files() {
        assert_eq!(within(20_000, None), 20_000);
        assert_eq!(within(20_000, Some(1_048_576)), 20_000);
        assert_eq!(within(20_000, Some(1024)), 960);
        assert_eq!(within(20_000, Some(10)), 1);
    }

    #[test]
    fn the_usual_bound_is_no_wish() {
        let usual = Limits::default().connections;
        let few = |allowed, files| within(allowed, Some(files)) < needed(allowed);
        assert!(!few(usual, 20_000) && !few(usual, 4096) && few(usual, 1024));
        assert!(few(30_000, 20_000) && !few(500, 1024));
    }
}
