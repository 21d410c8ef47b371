//! Getting a version from the server.

use patronus_types::api::agent::Desired;
use tokio::time::Instant;

use super::super::fetch;
use super::Loop;
use crate::control::ControlError;
use crate::effects::disk;
use crate::network::Retry;

impl Loop {
    /// Begins to download a version.
    pub(super) fn fetch(&mut self, desired: Desired) {
        let ready = self.control().and_then(|control| {
            let path = self.network.home().partial(desired.digest);
            path.map(|path| (control, path)).map_err(|error| ControlError::Kept(error.to_string()))
        });
        match ready {
            Ok((control, path)) => {
                self.fetching = Some(Box::pin(fetch::fetch(control, desired.digest, path)));
                (self.fetched, self.fetched_since) = (Some(desired), Instant::now());
            }
            Err(error) => {
                self.network.not_fetched(&desired, &error);
                self.settle(Retry::Fetch);
            }
        }
    }

    /// A download ended.
    pub(super) async fn fetched(&mut self, result: Result<Vec<u8>, ControlError>) {
        let Some(desired) = self.fetched.take() else { return };
        match result {
            Ok(archive) => {
                let server = self.server(self.poll.preferred()).url;
                self.network.heard(&server);
                self.network.fetched(self.fetched_since.elapsed());
                let retry = self.network.take(&desired, &archive).await;
                drop(archive);
                self.forget_download(&desired);
                self.settle(retry);
            }
            Err(error) => {
                self.network.not_fetched(&desired, &error);
                self.settle(Retry::Fetch);
            }
        }
        self.tell_changes();
    }

    /// Whatever became of it, the file is of no more use; one that was damaged would be continued.
    fn forget_download(&self, desired: &Desired) {
        if let Ok(path) = self.network.home().partial(desired.digest) {
            let _ = disk::remove(&path);
        }
    }
}
