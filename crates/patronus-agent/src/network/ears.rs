//! By which tunnels a peer still answers, while keys are replaced. A session that is there says little: the far end may have
//! gone back to other keys, and no device tells; it may even be heard by a tunnel on which it hears nothing.

use std::collections::BTreeMap;

use patronus_core::apply::{Chosen, Departure, Sessions, carrier};
use patronus_core::path::SPARE;
use patronus_core::path::packet::Packet;
use patronus_types::Name;
use patronus_types::bundle::Content;

use crate::effects::model::Owner;

/// So many questions in a row that were not answered.
const MISSES: u32 = 3;

/// By which tunnels a peer still answers, and which of them are left here.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// How many questions since the last answer, by peer and by whether they went through the spare tunnel.
    misses: BTreeMap<(Name, bool), u32>,
    left: Option<Departure>,
}

impl Ears {
    /// A peer is asked by both ways.
    pub(super) fn ask(&mut self, peer: &Name) {
        for spare in [false, true] {
            let misses = self.misses.entry((peer.clone(), spare)).or_default();
            *misses = misses.saturating_add(1);
        }
    }

    /// It answered. Where it leaves that tunnel, nothing more is to be expected by it.
    pub(super) fn hear(&mut self, (content, chosen): (&Content, &Chosen), peer: &Name, answer: &Packet) {
        let tunnel = content.peers.iter().find(|it| it.name == *peer).and_then(|it| carrier(content, chosen, it));
        // The far end names its own uplink first.
        let by_carrier = tunnel.is_some_and(|tunnel| (tunnel.local, tunnel.remote) == (answer.remote, answer.local));
        let by_spare = answer.remote == SPARE;
        if by_carrier || by_spare {
            let misses = if answer.leaving { MISSES + 1 } else { 0 };
            self.misses.insert((peer.clone(), by_spare), misses);
        }
    }

    /// Nobody is asked now.
    pub(super) fn rest(&mut self) {
        self.misses.clear();
    }

    /// From now on these tunnels are left, by both ends; or none of them any longer.
    pub(super) fn leave(&mut self, left: Option<Departure>) {
        self.left = left;
    }

    /// The sessions by which nothing is answered any more, and those that are left.
    pub(super) fn deaf(&self, content: &Content, chosen: &Chosen, owner: &Owner) -> Sessions {
        let silent =
            self.misses.iter().filter(|(_, misses)| **misses > MISSES).map(|((peer, spare), _)| (peer, *spare));
        let concerned = content.spare.iter().flat_map(|spare| &spare.peers).map(|far| &far.name);
        let left = self.left.map(|left| left == Departure::Spare);
        let left = left.into_iter().flat_map(|spare| concerned.clone().map(move |peer| (peer, spare)));
        silent.chain(left).filter_map(|way| session((content, chosen), owner, way)).collect()
    }
}

fn session(
    (content, chosen): (&Content, &Chosen),
    owner: &Owner,
    (name, spare): (&Name, bool),
) -> Option<(String, patronus_types::PublicKey)> {
    if spare {
        let far = content.spare.as_ref()?.peers.iter().find(|far| far.name == *name)?;
        return Some((owner.spare_interface(), far.public_key));
    }
    let peer = content.peers.iter().find(|peer| peer.name == *name)?;
    let tunnel = carrier(content, chosen, peer)?;
    let far = peer.uplinks.get(usize::from(tunnel.remote))?;
    Some((owner.interface(tunnel.local, tunnel.remote), far.public_key))
}

#[cfg(test)]
mod tests {
    use patronus_types::bundle::{Spare, SparePeer};

    use super::*;
    use crate::fakes::Lab;

    #[test]
    fn who_does_not_answer_by_one_way_is_deaf_there_until_it_does() {
        let lab = Lab::new();
        let (owner, mut content) = (lab.identity().owner().unwrap(), lab.open_content());
        let peer = content.peers[0].name.clone();
        let far = patronus_types::PublicKey([9; 32]);
        let peers = vec![SparePeer { name: peer.clone(), public_key: far, endpoint: None }];
        content.spare = Some(Spare { public_key: far, port: 1, local: 0, carries: true, peers });
        let ordinary = Packet::default();
        let spare = Packet { local: SPARE, remote: SPARE, ..ordinary };
        let mut ears = Ears::default();
        let mut deaf = |answer: Option<&Packet>| {
            ears.ask(&peer);
            answer.into_iter().for_each(|answer| ears.hear((&content, &Chosen::new()), &peer, answer));
            ears.deaf(&content, &Chosen::new(), &owner).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        for _ in 0..3 {
            assert!(deaf(Some(&ordinary)).is_empty());
        }
        assert_eq!(deaf(Some(&ordinary)), ["pt0s"]);
        assert!(deaf(Some(&spare)).is_empty());
        (0..2).for_each(|_| assert!(deaf(Some(&spare)).is_empty()));
        assert_eq!(deaf(Some(&spare)), ["pt000"]);
        let leaving = Packet { leaving: true, ..spare };
        assert_eq!(deaf(Some(&leaving)), ["pt000", "pt0s"], "at once");
        assert_eq!(deaf(Some(&spare)), ["pt000"]);
        let elsewhere = Packet { local: 1, remote: 1, ..ordinary };
        assert_eq!(deaf(Some(&elsewhere)), ["pt000"], "that tunnel carries nothing");
        let names = |ears: &Ears| {
            ears.deaf(&content, &Chosen::new(), &owner).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let mut ears = Ears::default();
        for (left, wanted) in [(Departure::Spare, "pt0s"), (Departure::Ordinary, "pt000")] {
            ears.leave(Some(left));
            assert_eq!(names(&ears), [wanted]);
        }
        ears.leave(None);
        assert!(names(&ears).is_empty());
    }
}
