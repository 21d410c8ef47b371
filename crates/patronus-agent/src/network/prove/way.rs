//! By which way a far agent answers. After a change it must be as good as before.

use std::collections::BTreeMap;

use patronus_core::apply::{Choices, Chosen, carrier};
use patronus_core::path::SPARE;
use patronus_core::path::packet::Packet;
use patronus_types::Name;
use patronus_types::bundle::Content;

/// By which way an answer came, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// By the tunnel that carries what goes to the peer: that another one works is of no use to it.
    carries: bool,
    /// To a packet of full size.
    full: bool,
}

impl Way {
    const BEST: Self = Self { carries: true, full: true };

    /// That of an answer.
    pub fn of(content: &Content, chosen: &Chosen, name: &Name, answer: &Packet) -> Self {
        let peer = content.peers.iter().find(|peer| peer.name == *name);
        let carrier = peer.and_then(|peer| carrier(content, chosen, peer));
        // The far end names its own uplink first. While keys are replaced, the spare tunnel stands in.
        let ordinary = carrier.is_some_and(|tunnel| (tunnel.local, tunnel.remote) == (answer.remote, answer.local));
        let carries = ordinary || answer.remote == SPARE;
        Self { carries, full: answer.ack % 2 == 1 }
    }
}

/// The best way to each peer that answered.
#[derive(Debug, Default)]
pub struct Ways {
    /// What was chosen before. By that a peer must be reached after a change, too: that traffic could flee from it by another
    /// path proves nothing.
    chosen: Option<Choices>,
    all: BTreeMap<Name, Way>,
    best: usize,
}

impl Ways {
    /// None yet.
    pub fn new(chosen: Choices) -> Self {
        Self { chosen: Some(chosen), ..Self::default() }
    }

    /// The way of an answer.
    pub fn of(&self, content: &Content, name: &Name, answer: &Packet) -> Way {
        let none = Chosen::new();
        Way::of(content, self.chosen.as_ref().map_or(&none, |chosen| &chosen.default), name, answer)
    }

    /// What was chosen before; none where that was not looked at.
    pub fn chosen(&self) -> Option<&Choices> {
        self.chosen.as_ref()
    }

    /// An answer came.
    pub fn note(&mut self, name: &Name, way: Way) {
        let before = self.all.get(name).copied();
        if before < Some(way) {
            self.best += usize::from(way == Way::BEST);
            self.all.insert(name.clone(), way);
        }
    }

    /// Who answered.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.all.keys()
    }

    /// How many answered by a way than which there is no better one.
    pub fn best(&self) -> usize {
        self.best
    }

    /// Whether a way is as good as that of a peer, if it has any.
    pub fn allow(&self, name: &Name, way: Way) -> bool {
        self.all.get(name).is_none_or(|before| *before <= way)
    }

    /// Whether full-size packets came through to a peer.
    pub fn full(&self, name: &Name) -> bool {
        self.all.get(name).is_some_and(|way| way.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_way_of_each_is_kept_and_nothing_less_is_allowed() {
        let way = |carries, full| Way { carries, full };
        let (one, two): (Name, Name) = ("one".parse().unwrap(), "two".parse().unwrap());
        let mut ways = Ways::default();
        for answer in [way(false, true), way(true, false), way(false, false)] {
            ways.note(&one, answer);
        }
        assert_eq!((ways.best(), ways.full(&one)), (0, false));
        assert!(ways.allow(&one, way(true, false)) && ways.allow(&one, way(true, true)));
        assert!(!ways.allow(&one, way(false, true)), "another tunnel is of no use");
        assert!(ways.allow(&two, way(false, false)), "nothing is known of it");
        for _ in 0..2 {
            ways.note(&one, Way::BEST);
        }
        assert_eq!((ways.best(), ways.full(&one)), (1, true));
        assert!(!ways.allow(&one, way(true, false)), "full packets must still come through");
    }
}
