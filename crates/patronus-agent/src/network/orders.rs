//! What somebody on the host orders, whatever the server says: go back, apply nothing, go on.

use std::sync::Arc;

use patronus_types::api::agent::{Halted, Running};

use super::by_hand::{Awaited, Brought};
use super::telling::Teller;
use super::{Bundle, Network};
use crate::state::{Order, Orders};

impl Network {
    /// Applies nothing that the server names, or goes on with it; says what that does. A change under way goes on to its
    /// end.
    pub fn obey(&mut self, order: Order) -> Result<String, String> {
        let running = self.running.as_ref().map(|bundle| bundle.release.version);
        let effect = self.orders.effect(order, &self.identity.network.name, running);
        self.order(self.orders.with(order))?;
        Ok(effect)
    }

    /// Undoes the change under way, or goes back to what ran before the last one; what is left so is not applied again
    /// until something newer comes or somebody says so.
    pub async fn revert(&mut self, teller: Teller) -> Brought {
        if let Some(change) = self.changes_to() {
            // It may be this one.
            return match self.forbids(change.version) {
                true => Brought::UnderWay(Awaited { change, undone: self.orders.left == Some(change.version) }),
                false => self.undo(change, teller).await,
            };
        }
        let Some(running) = self.running.as_ref().map(|bundle| bundle.release.running()) else {
            return Brought::Ended(Err("nothing runs here, so there is nothing to go back from".to_owned()));
        };
        if self.orders.held(Some(running.version)).is_some() {
            return Brought::Ended(Ok(self.say_held(format!("version {} runs already", running.version))));
        }
        match self.before(running) {
            Ok(previous) => self.go_back(running, previous, teller).await,
            Err(reason) => Brought::Ended(Err(reason)),
        }
    }

    /// What is stopped here; none where the server decides.
    pub(super) fn halted(&self) -> Option<Halted> {
        let running = self.running.as_ref().map(|bundle| bundle.release.version);
        let halted = Halted { paused: self.orders.paused, left_version: self.orders.held(running) };
        (halted != Halted::default()).then_some(halted)
    }

    /// Whether a version that the server names is not applied by somebody's order.
    pub(super) fn is_halted(&self, version: u64) -> bool {
        self.orders.paused || self.orders.forbids(version)
    }

    /// Keeps orders, on the disk first.
    pub(super) fn order(&mut self, orders: Orders) -> Result<(), String> {
        if orders != self.orders {
            self.home.save_orders(orders).map_err(|error| error.to_string())?;
            self.orders = orders;
        }
        Ok(())
    }

    /// A sentence with what is held, if anything is.
    pub(super) fn say_held(&self, said: String) -> String {
        match self.halted().and_then(|halted| halted.left_version) {
            Some(left) => format!(
                "{said}; version {left} is not applied again until a newer one comes or somebody runs `patronus-agent resume`"
            ),
            None => said,
        }
    }

    async fn undo(&mut self, change: Running, teller: Teller) -> Brought {
        teller(format!("undoes version {}, which has yet to prove itself", change.version));
        if let Err(reason) = self.order(Orders { left: Some(change.version), ..self.orders }) {
            return Brought::Ended(Err(reason));
        }
        // What is undone already goes on: far ends may be leaving.
        if self.flight.as_ref().is_some_and(|flight| flight.change.undo().is_none()) {
            self.teller = Some(teller);
            self.give_up("somebody undid it here by `patronus-agent revert`").await;
        }
        match self.is_changing() {
            true => Brought::UnderWay(Awaited { change, undone: true }),
            false => Brought::Ended(self.leave_behind(change)),
        }
    }

    /// Does not apply a change again that was undone just now.
    pub fn leave_behind(&mut self, change: Running) -> Result<String, String> {
        self.order(Orders { left: Some(change.version), ..self.orders })?;
        Ok(self.say_undone())
    }

    /// What runs after a change was undone.
    pub(super) fn say_undone(&self) -> String {
        let runs = match &self.running {
            Some(bundle) => format!("version {} runs again", bundle.release.version),
            None => "nothing runs, as before".to_owned(),
        };
        self.say_held(runs)
    }

    /// Whether a version was left, or is older than what was left.
    pub fn forbids(&self, version: u64) -> bool {
        self.orders.forbids(version)
    }

    /// Whether a version runs.
    pub fn has(&self, version: Running) -> bool {
        self.running.as_ref().is_some_and(|bundle| bundle.release.running() == version)
    }

    fn before(&self, running: Running) -> Result<Bundle, String> {
        let digest = self.home.previous().filter(|digest| *digest != running.digest);
        let loaded = digest.map(|digest| self.home.load(digest).map_err(|error| error.to_string())).transpose()?;
        match loaded.flatten() {
            Some((release, _)) if release.version > running.version => Err(format!(
                "version {} runs since version {} was left by a revert, and what ran before it is not on this disk: bring a \
                 bundle with `patronus-agent apply --file`",
                running.version, release.version
            )),
            Some((release, content)) => Ok(Bundle { release, content }),
            None => Err(format!(
                "what ran before version {} is not on this disk: bring a bundle with `patronus-agent apply --file`",
                running.version
            )),
        }
    }

    async fn go_back(&mut self, running: Running, previous: Bundle, teller: Teller) -> Brought {
        let back = previous.release.running();
        if let Err(reason) = self.order(Orders { left: Some(running.version), ..self.orders }) {
            return Brought::Ended(Err(reason));
        }
        teller(format!("goes back from version {} to version {}", running.version, back.version));
        self.teller = Some(Arc::clone(&teller));
        let begun = self.apply(previous).await;
        self.under_way(begun, back)
    }
}
