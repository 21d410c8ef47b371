//! What somebody on the host asks of a network's loop: to run a file, to go back, to stop, to go on.

use tokio::sync::oneshot;

use super::Loop;
use crate::driver::{Errand, File};
use crate::network::{Brought, Retry};
use crate::state::Order;

/// Takes how a change ended that somebody waits for.
pub(super) type Answer = oneshot::Sender<Result<String, String>>;

impl Loop {
    /// Runs what somebody here brought as a file.
    pub(super) async fn bring(&mut self, File { archive, signature }: &File, Errand { teller, answer }: Errand) {
        let brought = self.network.bring((archive, signature), teller).await;
        self.await_end(brought, answer).await;
    }

    /// Goes back.
    pub(super) async fn revert(&mut self, Errand { teller, answer }: Errand) {
        let brought = self.network.revert(teller).await;
        self.await_end(brought, answer).await;
    }

    /// Stops or goes on.
    pub(super) async fn obey(&mut self, order: Order, answer: Answer) {
        let _ = answer.send(self.network.obey(order));
        self.pursue().await;
        self.tell_changes();
    }

    /// Answers when a change that was asked for here has ended; then what the server wants counts again.
    async fn await_end(&mut self, brought: Brought, answer: Answer) {
        match brought {
            Brought::Ended(end) => {
                let _ = answer.send(end);
                self.settle(Retry::No);
                self.pursue().await;
            }
            Brought::UnderWay(what) => {
                // A download must not come in between.
                (self.fetching, self.fetched) = (None, None);
                self.waiting.push((what, answer));
                self.settle(Retry::Proving);
            }
        }
        self.tell_changes();
    }

    /// Answers whose change has ended.
    pub(super) fn answer_waiting(&mut self) {
        for (what, answer) in std::mem::take(&mut self.waiting) {
            match self.network.brought(what) {
                Some(end) => drop(answer.send(end)),
                None => self.waiting.push((what, answer)),
            }
        }
    }
}
