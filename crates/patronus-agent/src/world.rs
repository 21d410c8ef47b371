//! Everything of the world that the driver touches: the kernel, the servers, names, time. The disk is [`crate::state`].

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, System};
use crate::config::{Config, Polling};
use crate::control::{Dial, Https};
use crate::echo::{Echo, Sockets};
use crate::effects::{Device, Linux};
use crate::host::{Host, ThisHost};
use crate::reach::{self, Reach};

/// The effects, so that tests can put others in their place.
#[derive(Clone)]
pub struct World {
    /// The kernel.
    pub device: Arc<dyn Device>,
    /// The servers.
    pub dial: Arc<dyn Dial>,
    /// Names.
    pub names: Arc<dyn Names>,
    /// The rest of the host.
    pub host: Arc<dyn Host>,
    /// Sockets on tunnels.
    pub echo: Arc<dyn Echo>,
    /// What declared probes ask for.
    pub reach: Arc<dyn Reach>,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
    /// How to ask for changes.
    pub polling: Polling,
    /// By how many bits the numbers of classes are shifted in marks.
    pub mark_shift: u8,
}

impl World {
    /// The real one.
    pub fn real(config: &Config) -> Result<Self, patronus_types::Invalid> {
        Ok(Self {
            device: Arc::new(Linux::new(config.settings()?, config.nft_program.clone())),
            dial: Arc::new(Https),
            names: Arc::new(Dns),
            host: Arc::new(ThisHost),
            echo: Arc::new(Sockets),
            reach: Arc::new(reach::Sockets),
            clock: Arc::new(System),
            polling: config.poll,
            mark_shift: config.mark_shift,
        })
    }
}

/// Turns the names of endpoints into addresses.
#[async_trait]
pub trait Names: Send + Sync {
    /// The addresses of a name, best first; empty if it cannot be resolved now.
    async fn resolve(&self, name: &str) -> Vec<IpAddr>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dns;

const PATIENCE: Duration = Duration::from_secs(5);

#[async_trait]
impl Names for Dns {
    async fn resolve(&self, name: &str) -> Vec<IpAddr> {
        match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, 0))).await {
            Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
            _ => Vec::new(),
        }
    }
}
