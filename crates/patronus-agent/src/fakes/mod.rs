//! A world for tests: a kernel in memory, a server with a script, a clock that stands, and a small network to run.

mod echo;
mod kernel;
mod lab;
mod reach;
mod server;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use patronus_types::Timestamp;

use crate::clock::Clock;
use crate::effects;
use crate::effects::model::Family;
use crate::effects::ports::PortTaken;
use crate::effects::sysctl::PortSet;
use crate::host::Host;
use crate::world::Names;

pub use echo::FakeEcho;
pub use kernel::FakeKernel;
pub use lab::{Lab, Version, network, proven, site, state};
pub use reach::FakeReach;
pub use server::{FakeServer, Say};

/// A clock that stands; chance is counted, over all clocks.
#[derive(Debug, Default)]
pub struct FakeClock;

static CHANCE: AtomicU64 = AtomicU64::new(0);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        "2026-11-21T00:00:00Z".parse().unwrap()
    }

    fn random(&self) -> u64 {
        CHANCE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }

    fn secret(&self) -> Result<[u8; 32], getrandom::Error> {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.random().to_be_bytes());
        Ok(bytes)
    }
}

/// Resolves what it knows.
#[derive(Debug, Default)]
pub struct FakeNames(pub Mutex<std::collections::BTreeMap<String, IpAddr>>);

#[async_trait]
impl Names for FakeNames {
    async fn resolve(&self, name: &str) -> Vec<IpAddr> {
        self.0.lock().unwrap().get(name).copied().into_iter().collect()
    }
}

/// A host on which some things are taken.
#[derive(Debug, Clone, Default)]
pub struct FakeHost {
    /// Interfaces that are there.
    pub interfaces: &'static [&'static str],
    /// Ports that are taken.
    pub ports: &'static [u16],
    /// Whether it passes on nothing.
    pub forwards_nothing: bool,
    /// What was sent where.
    pub sent: Arc<Mutex<Vec<(String, SocketAddr)>>>,
}

impl Host for FakeHost {
    fn has_interface(&self, name: &str) -> bool {
        self.interfaces.contains(&name)
    }

    fn port_taken(&self, port: u16) -> Option<PortTaken> {
        self.ports.contains(&port).then(|| PortTaken { port, holder: Some("dnsmasq (pid 7)".to_owned()) })
    }

    fn reserve(&self, _: RangeInclusive<u16>) -> effects::Result<PortSet> {
        Ok(PortSet::default())
    }

    fn release(&self, _: &PortSet) -> effects::Result<()> {
        Ok(())
    }

    fn has_ipv6(&self) -> bool {
        true
    }

    fn forwards(&self, _: Family) -> bool {
        !self.forwards_nothing
    }

    fn may_change_network(&self) -> bool {
        true
    }

    fn send(&self, device: &str, to: &[SocketAddr]) {
        self.sent.lock().unwrap().extend(to.iter().map(|address| (device.to_owned(), *address)));
    }
}
