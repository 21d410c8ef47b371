//! What is done to a network while no agent runs: under the lock of the state folder, by this process, to its end.

use patronus_types::api::agent::Running;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::effects::disk::StateLock;
use crate::failure::{Exit, Failure};
use crate::network::{Brought, Network};
use crate::state::{Entry, StateDir};
use crate::world::World;

/// A network that no agent runs.
pub struct Alone {
    /// It.
    pub network: Network,
    /// A change that was cut short and is undone now.
    pub undone: Option<Running>,
    signals: [Signal; 2],
    _lock: StateLock,
}

impl Alone {
    /// Takes a network up, as the agent does when it starts: what was cut short is ended, and tunnels come from the disk.
    pub async fn take_up(state: &StateDir, entry: Entry, world: &World) -> Result<Self, Failure> {
        let lock = state.lock()?;
        let [terminate, interrupt] = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let signals = terminate.and_then(|terminate| Ok([terminate, interrupt?]));
        let signals = signals.map_err(|error| Failure::new(Exit::Failed, error))?;
        let cut_short = entry.home.journal().ok().flatten();
        let mut network = Network::open(entry.home, entry.identity?, world.clone())?;
        network.recover().await;
        let mut this = Self { network, undone: None, signals, _lock: lock };
        this.carry().await;
        let cut_short = cut_short.map(|journal| Running { version: journal.version, digest: journal.digest });
        // A revert that was cut short is begun again instead.
        this.undone = cut_short.filter(|change| !this.network.has(*change) && !this.network.forbids(change.version));
        Ok(this)
    }

    /// Waits for the end of what was begun.
    pub async fn end(&mut self, brought: Brought) -> Result<String, String> {
        match brought {
            Brought::Ended(end) => end,
            Brought::UnderWay(what) => {
                self.carry().await;
                self.network.brought(what).unwrap_or_else(|| Err("it has no end".to_owned()))
            }
        }
    }

    /// Carries a change under way to its end. Told to stop, it undoes what has not proven itself: nobody else would.
    async fn carry(&mut self) {
        let [terminate, interrupt] = &mut self.signals;
        while self.network.is_changing() {
            let evidence = tokio::select! {
                evidence = self.network.evidence() => Some(evidence),
                _ = terminate.recv() => None,
                _ = interrupt.recv() => None,
            };
            match evidence {
                Some(evidence) => drop(self.network.weigh(evidence).await),
                None => self.network.abort("it was told to stop before the change had proven itself").await,
            }
        }
    }
}
