//! How the network stands, for `status` and reports.

use super::Network;
use crate::status::{self, Member, NetworkStatus, Proving, TunnelStatus};

impl Network {
    /// How it stands. Without an agent running nothing is known of the server.
    pub async fn status(&self, agent_running: bool) -> NetworkStatus {
        let mut warnings = self.warnings();
        let (tunnels, driver) = match self.world.device.observe(&self.owner).await {
            Ok(observed) => {
                let driver = observed.tunnels.values().next().map(|tunnel| tunnel.driver.to_string());
                (self.named(&observed), driver)
            }
            Err(error) => {
                warnings.push(format!("cannot look at the tunnels: {error}"));
                (Vec::new(), None)
            }
        };
        let content = self.running.as_ref().map(|bundle| &bundle.content);
        let known = self.known.as_ref().and_then(|state| state.desired.as_ref());
        let member = Member {
            network: self.identity.network.clone(),
            site: self.identity.site.clone(),
            servers: self.identity.servers.clone(),
            contact: agent_running.then(|| self.contact.clone()),
            running: self.running.as_ref().map(|bundle| bundle.release.running()),
            known_version: known.map(|desired| desired.version),
            highest_accepted: self.versions.highest(),
            driver,
            addresses: content.map(|content| content.addresses.clone()).unwrap_or_default(),
            tunnels,
            paths: self.probes.show().await,
            outcome: self.progress.outcome.clone(),
            undone: self.undone(),
            proving: self.proving(),
            waits_for: self.waits_for.clone(),
            halted: self.halted(),
            shadow: self.notes.shadow.clone(),
        };
        NetworkStatus { network_id: self.identity.network.id, member: Some(member), warnings }
    }

    fn proving(&self) -> Option<Proving> {
        let flight = self.flight.as_ref()?;
        let proof = flight.change.proof()?;
        Some(Proving {
            version: flight.bundle.release.version,
            left_s: proof.poll_timeout().saturating_sub(self.now()).as_secs(),
            server: proof.wants_server(),
            peers: proof.wants_peers().cloned().collect(),
        })
    }

    pub(super) fn named(&self, observed: &crate::effects::model::Observed) -> Vec<TunnelStatus> {
        let content = self.running.as_ref().map(|bundle| &bundle.content);
        status::tunnels(observed, content, self.world.clock.now())
    }
}
