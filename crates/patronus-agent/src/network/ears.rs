//! Who is not heard any more though a session is there: the far end may have gone back to other tunnels, and no device says so.

use std::collections::BTreeMap;

use patronus_core::apply::Sessions;
use patronus_types::PublicKey;

use crate::effects::model::Observed;

/// So many looks in a row at which nothing had come, though each of them asked.
const MISSES: u32 = 3;

/// What had come from each peer when it was last looked at, and at how many looks since then nothing had.
#[derive(Debug, Default)]
pub(super) struct Ears(BTreeMap<(String, PublicKey), (u64, u32)>);

impl Ears {
    /// Looks once more; whoever looks asks everybody afterwards.
    pub(super) fn listen(&mut self, observed: &Observed) {
        let mut seen = BTreeMap::new();
        for (name, tunnel) in &observed.tunnels {
            for (key, peer) in tunnel.wireguard.iter().flat_map(|state| &state.peers) {
                let end = (name.clone(), *key);
                let misses = match self.0.get(&end) {
                    Some((bytes, misses)) if *bytes == peer.rx_bytes => misses.saturating_add(1),
                    _ => 0,
                };
                seen.insert(end, (peer.rx_bytes, misses));
            }
        }
        self.0 = seen;
    }

    /// Nobody is asked now.
    pub(super) fn rest(&mut self) {
        self.0.clear();
    }

    /// Those of whom nothing is heard.
    pub(super) fn deaf(&self) -> Sessions {
        self.0.iter().filter(|(_, (_, misses))| *misses >= MISSES).map(|(end, _)| end.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Lab;

    #[tokio::test]
    async fn who_is_asked_and_says_nothing_thrice_is_deaf_until_heard() {
        let lab = Lab::new();
        let mut network = lab.open();
        let version = lab.version(1, 2);
        network.told(crate::fakes::state(patronus_types::api::agent::Mode::Apply, &version));
        network.take(&version.desired, &version.archive).await;
        let (device, owner) = (lab.world().device, lab.identity().owner().unwrap());
        let mut ears = Ears::default();
        for looks in 0..6 {
            ears.listen(&device.observe(&owner).await.unwrap());
            assert_eq!(ears.deaf().len(), if looks < 3 { 0 } else { 2 }, "{looks}");
        }
        lab.kernel.receive(1);
        ears.listen(&device.observe(&owner).await.unwrap());
        assert!(ears.deaf().is_empty());
    }
}
