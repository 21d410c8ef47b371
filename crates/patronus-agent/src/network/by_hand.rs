//! What somebody on the host brings as a file, where no server can.
//!
//! It is verified as though a server had sent it, and goes the same way. That the server has paused the site, or names
//! something older, does not matter: whoever acts here knows more.

use patronus_types::api::agent::{Desired, Running};

use super::telling::Teller;
use super::wants::refusal;
use super::{Network, Retry};
use crate::verify::{self, Verified};

/// What becomes of something that was asked for here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// It has ended like this: what can be said of it, or why it does not run.
    Ended(Result<String, String>),
    /// It goes on: [`Network::brought`] says when it has ended.
    UnderWay(Awaited),
}

/// A change whose end somebody here waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Where it leads.
    pub change: Running,
    /// Whether it is to be undone; else it is to run.
    pub undone: bool,
}

impl Awaited {
    /// A change that is to run.
    pub(super) fn to_run(change: Running) -> Self {
        Self { change, undone: false }
    }
}

impl Network {
    /// Takes a bundle with its signature, both as `patronusctl bundle download` writes them.
    pub async fn bring(&mut self, (archive, signature): (&[u8], &str), teller: Teller) -> Brought {
        let (desired, verified) = match self.check_file(archive, signature) {
            Ok(checked) => checked,
            Err(reason) => return Brought::Ended(Err(reason)),
        };
        let Desired { version, digest, .. } = desired;
        let running = Running { version, digest };
        if self.runs(&desired) && !self.is_changing() {
            return Brought::Ended(Ok(format!("version {version} runs already")));
        }
        if self.changes_to() == Some(running) {
            return Brought::UnderWay(Awaited::to_run(running));
        }
        teller(format!("version {version} ({}) is verified", digest.short()));
        self.abort("another version came before the change had proven itself").await;
        if let Err(reason) = self.order(self.orders.brought(version)) {
            return Brought::Ended(Err(reason));
        }
        self.teller = Some(teller);
        let begun = self.begin(&desired, verified).await;
        self.under_way(begun, running)
    }

    /// What became of a change that was begun.
    pub(super) fn under_way(&mut self, begun: Retry, running: Running) -> Brought {
        if begun == Retry::Proving {
            return Brought::UnderWay(Awaited::to_run(running));
        }
        self.teller = None;
        Brought::Ended(self.ending(running.version))
    }

    /// How something that goes on has ended; none while it still does.
    pub fn brought(&self, what: Awaited) -> Option<Result<String, String>> {
        let ended = self.changes_to() != Some(what.change);
        ended.then(|| if what.undone { Ok(self.say_undone()) } else { self.ending(what.change.version) })
    }

    fn check_file(&self, archive: &[u8], signature: &str) -> Result<(Desired, Verified), String> {
        let desired = verify::of_file(signature, archive).map_err(|error| error.to_string())?;
        let verified = verify::verify(&self.identity, &self.versions, &desired, archive);
        let verified = verified.map_err(|error| error.to_string())?;
        if self.runs(&desired) {
            return Ok((desired, verified));
        }
        if self.orders.forbids(desired.version) {
            return Err(format!(
                "version {} was left here by a revert: run `patronus-agent resume` first, or bring a newer one",
                desired.version
            ));
        }
        match self.condemned.find(desired.digest) {
            Some(condemned) => Err(refusal(condemned)),
            None => Ok((desired, verified)),
        }
    }

    /// Where the change under way leads.
    pub(super) fn changes_to(&self) -> Option<Running> {
        self.flight.as_ref().map(|flight| flight.bundle.release.running())
    }
}
