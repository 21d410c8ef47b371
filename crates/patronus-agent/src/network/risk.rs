//! What a bundle might cost this site, looked at once more where it would.

use futures_util::future::join_all;
use patronus_core::apply::missing_device;
use patronus_core::risk::dangers;
use patronus_types::bundle::Content;
use patronus_types::release::Terms;

use super::Network;
use crate::reach::addresses_of;

impl Network {
    /// Why a bundle is not run, though it is signed: what it would do to this site was not accepted by who published it.
    pub(super) async fn endangered_by(&self, content: &Content, terms: &Terms) -> Option<String> {
        let names = self.world.names.as_ref();
        let servers = join_all(self.identity.servers.iter().map(|url| addresses_of(url, names))).await;
        let before = self.running.as_ref().map(|running| &running.content);
        let found = dangers(before, content, &servers).into_iter();
        let told: Vec<String> = found
            .filter(|danger| !terms.accept_risks.contains(&danger.risk))
            .map(|danger| danger.to_string())
            .collect();
        if !told.is_empty() {
            return Some(told.join("; "));
        }
        let links = self.world.device.host_links().await.ok()?;
        missing_device(before?, content, |name| links.contains_key(name))
    }
}
