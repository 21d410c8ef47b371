//! Which tunnels have sessions: what can carry traffic at once.

use std::collections::BTreeSet;
use std::time::Duration;

use patronus_types::{PublicKey, Timestamp};

use super::model::{Observed, Owner};

/// A session that is older carries nothing (WireGuard's `REJECT_AFTER_TIME`).
const SESSION: Duration = Duration::from_secs(180);

/// The peers with a session, by interface.
pub type Sessions = BTreeSet<(String, PublicKey)>;

/// The peers with a session at `now`, by interface.
///
/// A device whose key is replaced ends its sessions, and still says when their last handshakes were. So on the ordinary
/// tunnels only those count that began after `since`, when the change began that may have replaced it; the key of the spare
/// one never changes.
pub fn sessions(observed: &Observed, owner: &Owner, now: Timestamp, since: Option<Timestamp>) -> Sessions {
    let spare = owner.spare_interface();
    let mut sessions = BTreeSet::new();
    for (name, tunnel) in &observed.tunnels {
        let peers = tunnel.wireguard.iter().flat_map(|state| &state.peers);
        let since = since.filter(|_| *name != spare);
        let has_session = |at: Timestamp| is_live(at, now) && since.is_none_or(|since| at > since);
        let live = peers.filter(|(_, peer)| peer.last_handshake.is_some_and(has_session));
        sessions.extend(live.map(|(key, _)| (name.clone(), *key)));
    }
    sessions
}

/// Whether a session whose last handshake was at `at` still carries something at `now`.
fn is_live(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).unsigned_abs() < SESSION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::model::{Driver, Firewall, PeerState, Tunnel, WireguardState};

    #[test]
    fn sessions_count_from_where_a_key_may_have_been_replaced() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let tunnel = |handshakes: &[i64]| {
            let peers = (1u8..).zip(handshakes).map(|(byte, second)| {
                (PublicKey([byte; 32]), PeerState { last_handshake: Some(at(*second)), ..PeerState::default() })
            });
            Tunnel {
                index: 1,
                driver: Driver::Kernel,
                mtu: 1420,
                up: true,
                addresses: BTreeSet::new(),
                rp_filter: None,
                wireguard: Ok(WireguardState { peers: peers.collect(), ..WireguardState::default() }),
            }
        };
        let owner = Owner::new(0, patronus_types::NetworkId::new(1, &[0; 10])).unwrap();
        let tunnels = [("pt000", tunnel(&[1000, 950, 800])), ("pt0s", tunnel(&[900, 800]))];
        let observed = Observed {
            tunnels: tunnels.into_iter().map(|(name, tunnel)| (name.to_owned(), tunnel)).collect(),
            foreign: BTreeSet::new(),
            routes: BTreeSet::new(),
            twins: BTreeSet::new(),
            rules: BTreeSet::new(),
            firewall: Firewall::Missing,
            sysctls: Default::default(),
        };
        let found = |since: Option<i64>| {
            let found = sessions(&observed, &owner, at(1010), since.map(at));
            found.into_iter().map(|(name, key)| (name, key.0[0])).collect::<Vec<_>>()
        };
        let named = |all: &[(&str, u8)]| all.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect::<Vec<_>>();
        assert_eq!(found(None), named(&[("pt000", 1), ("pt000", 2), ("pt0s", 1)]));
        assert_eq!(found(Some(999)), named(&[("pt000", 1), ("pt0s", 1)]));
        // A clock that was set back makes no session live for ever.
        assert_eq!(sessions(&observed, &owner, at(0), None).len(), 0);
    }
}
