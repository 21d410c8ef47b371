//! One membership of this host: what it knows, what runs, and what is done about a change.
//!
//! The life of a version: the server names it → [`Network::wants`] decides → it is downloaded → verified → accepted (its
//! number is on the disk before anything acts on it) → staged → changed, proven and kept, or undone (`change`, by
//! `patronus_core::apply::change`). Where that is cut short, [`Network::recover`] ends it at the next start.
//!
//! Nothing here waits for a server but the proof; that is the driver's.

mod accept;
mod by_hand;
mod change;
mod ears;
mod heal;
mod keys;
mod neighbours;
mod orders;
mod prove;
mod report;
mod risk;
mod telling;
mod timing;
mod view;
mod wants;

use std::sync::Arc;

use patronus_core::path::PORT_OFFSET;
use patronus_types::Name;
use patronus_types::api::agent::{Desired, Mode, Shadow, State, Timings};
use patronus_types::bundle::Content;
use tokio::time::Instant;

use crate::control::ControlError;
use crate::converge::Resolved;
use crate::echo::Lines;
use crate::effects::model::Owner;
use crate::probe::Probes;
use crate::state::{self, CondemnedList, Home, Identity, Orders, Progress, Release, StateError, Versions};
use crate::status::{Contact, TunnelStatus};
use crate::world::World;

use change::Flight;
use ears::Ears;
use neighbours::Neighbours;

pub use accept::Retry;
pub use by_hand::{Awaited, Brought};
pub use heal::put_back;
pub use prove::Evidence;
pub use telling::Teller;
pub use wants::Todo;

/// A bundle that is on the disk.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Its statement.
    pub release: Release,
    /// What it says.
    pub content: Content,
}

/// One membership.
pub struct Network {
    world: World,
    home: Home,
    identity: Identity,
    owner: Owner,
    versions: Versions,
    progress: Progress,
    /// Shared, because a plan is made from it while the rest of this changes.
    running: Option<Arc<Bundle>>,
    driver: Option<String>,
    /// The tunnels when the kernel was last looked at.
    seen: Vec<TunnelStatus>,
    contact: Contact,
    known: Option<State>,
    /// What was refused for good, so that it is not fetched again and again.
    refused: Option<Desired>,
    /// What was looked at in shadow mode.
    shown: Option<Desired>,
    resolved: Resolved,
    neighbours: Neighbours,
    condemned: CondemnedList,
    /// Peers whose traffic has yet to move, when the kernel was last looked at.
    waits_for: Vec<Name>,
    /// Who is still heard, while keys are replaced.
    ears: Ears,
    orders: Orders,
    /// Who asked here for the change under way, and is told how it goes.
    teller: Option<Teller>,
    /// A change under way.
    flight: Option<Flight>,
    /// Where far agents are asked, and answered.
    lines: Lines,
    /// What is measured, and chosen by that.
    probes: Probes,
    /// Counts what was sent by them.
    seq: u32,
    /// Stands in what was sent last: whoever did not see it cannot answer.
    asked: u64,
    epoch: Instant,
    /// What it took to get the version that is looked at.
    timings: Timings,
    notes: Notes,
}

/// What is wrong, by where it was noticed, so that it goes away where it was mended.
#[derive(Debug, Clone, Default)]
struct Notes {
    versions: Option<String>,
    disk: Option<String>,
    download: Option<String>,
    kernel: Vec<String>,
    overlaps: Vec<String>,
    /// What the newest version would do: nothing wrong, but it goes the same way.
    shadow: Option<Shadow>,
    /// Probes that did not pass before the newest change.
    probes: Vec<String>,
}

impl Network {
    /// Reads a membership from the disk. Nothing is changed.
    pub fn open(home: Home, identity: Identity, world: World) -> state::Result<Self> {
        let corrupt = |why: &str| StateError::Corrupt { path: home.path().to_owned(), why: why.to_owned() };
        let owner = identity.owner().ok_or_else(|| corrupt("its network number is not 0 to 35"))?;
        let mut notes = Notes::default();
        let (versions, note) = accepted(&home, &identity);
        notes.versions = note;
        let running = match home.current().map(|digest| home.load(digest)) {
            Some(Ok(Some((release, content)))) => Some(Arc::new(Bundle { release, content })),
            Some(Ok(None)) => {
                notes.disk = Some("the current bundle is not on the disk: it is fetched again".to_owned());
                None
            }
            Some(Err(error)) => {
                notes.disk = Some(format!("the current bundle is fetched again: {error}"));
                None
            }
            None => None,
        };
        let server = identity.servers.first().cloned().unwrap_or_default();
        let contact = Contact { server, reachable: false, answers: 0, last_answer_at: None, error: None, mode: None };
        let mut progress = home.progress();
        // The server takes a lower number for an old report: where the file is lost, or came back from a backup.
        let now = u64::try_from(world.clock.now().as_millisecond()).unwrap_or_default();
        progress.seq = progress.seq.max(now);
        // Where that moment is lost, the start is the next best one: it must not move on with the clock.
        if let Some(running) = running.as_ref().filter(|running: &&Arc<Bundle>| running.content.spare.is_some()) {
            let digest = running.release.digest;
            if progress.changed.is_none_or(|(known, _)| known != digest) {
                progress.changed = Some((digest, world.clock.now()));
            }
        }
        let condemned = home.condemned();
        let orders = home.orders().unwrap_or_else(|error| {
            notes.disk = Some(format!("what was paused or reverted here is forgotten: {error}"));
            Orders::default()
        });
        let lines = Lines::new(Arc::clone(&world.echo), identity.port_base.saturating_add(PORT_OFFSET));
        Ok(Self {
            world,
            home,
            identity,
            owner,
            versions,
            progress,
            running,
            driver: None,
            seen: Vec::new(),
            contact,
            known: None,
            refused: None,
            shown: None,
            resolved: Resolved::default(),
            neighbours: Neighbours::default(),
            condemned,
            waits_for: Vec::new(),
            ears: Ears::default(),
            orders,
            teller: None,
            flight: None,
            lines,
            probes: Probes::new(owner),
            seq: 0,
            asked: 0,
            epoch: Instant::now(),
            timings: Timings::default(),
            notes,
        })
    }

    /// Who this host is in the network.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its folder.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The effects.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A server answered.
    pub fn heard(&mut self, server: &str) {
        if !self.contact.reachable || self.contact.error.is_some() {
            tracing::info!(network = %self.identity.network.name, server, "the server answers");
        }
        server.clone_into(&mut self.contact.server);
        self.contact.reachable = true;
        self.contact.answers += 1;
        self.contact.error = None;
        self.contact.last_answer_at = Some(self.world.clock.now());
    }

    /// A server did not answer, or refused.
    pub fn unheard(&mut self, server: &str, error: &ControlError) {
        let why = match error.is_stranger() {
            true => format!(
                "it refuses this site, which was deleted there or enrolled anew; tunnels stay; to join again: \
                 patronus-agent leave --network {}, then enrol with a new invitation",
                self.identity.network.name
            ),
            false => error.to_string(),
        };
        if self.contact.error.as_ref() != Some(&why) {
            tracing::warn!(network = %self.identity.network.name, server, reason = %why, "no answer; tunnels stay as they are");
        }
        server.clone_into(&mut self.contact.server);
        self.contact.reachable = matches!(error, ControlError::Refused { .. });
        self.contact.error = Some(why);
    }

    /// The server wants something else; true if it really is something else.
    pub fn told(&mut self, state: State) -> bool {
        self.contact.mode = Some(state.mode);
        if state.mode != Mode::Shadow {
            self.notes.shadow = None;
        }
        let news = self.known.as_ref() != Some(&state);
        self.known = Some(state);
        self.offer_keys();
        news
    }

    fn name(&self) -> &str {
        self.identity.network.name.as_str()
    }

    /// What runs.
    #[cfg(test)]
    pub fn running_content(&self) -> Content {
        self.running.as_ref().unwrap().content.clone()
    }
}

#[cfg(test)]
mod tests;

/// The highest accepted versions, and what is to be told of them. They must not be forgotten, and tunnels must not wait for
/// a file that is missing or that nobody can read.
fn accepted(home: &Home, identity: &Identity) -> (Versions, Option<String>) {
    let why = match home.versions() {
        Ok(Some(versions)) => return (versions, None),
        Ok(None) => "versions.json is missing".to_owned(),
        Err(error) => error.to_string(),
    };
    let versions = home.versions_of_bundles(&identity.verifying_keys());
    let is_new = home.contents().is_empty();
    (versions, (!is_new).then(|| format!("the highest version is taken from the bundles on the disk: {why}")))
}
