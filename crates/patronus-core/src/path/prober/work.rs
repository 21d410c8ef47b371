//! What the machine does in one turn.

use std::collections::BTreeMap;
use std::time::Duration;

use patronus_types::site::MAX_UPLINKS;

use super::line::Line;
use super::{Action, Burst, Interface, Prober, THINK_AGAIN};
use crate::path::hearing::START;
use crate::path::packet::LEN;
use crate::path::schedule::{FLOWS_FOR, Worth, intervals};

/// What is kept from plan to plan.
pub(super) struct Known {
    pub lines: BTreeMap<(String, u8, u8), Line>,
    pub flowed: BTreeMap<String, Option<Duration>>,
    /// By site and class.
    pub carried: BTreeMap<(String, usize), Carrier>,
}

/// The uplinks of the path that carries something, and when that last moved.
type Carrier = ((u8, u8), Option<Duration>);

impl Prober {
    /// Takes everything that outlives the plan.
    pub(super) fn take_known(&mut self) -> Known {
        let mut known = Known { lines: BTreeMap::new(), flowed: BTreeMap::new(), carried: BTreeMap::new() };
        let mut lines = std::mem::take(&mut self.lines).into_iter();
        for (pair, peer) in self.plan.peers.iter().enumerate() {
            let name = peer.name.as_str();
            known.flowed.insert(name.to_owned(), self.flowed[pair]);
            let first = self.selector.paths(pair).start;
            for class in 0..self.plan.classes.len() {
                if let Some(path) = self.selector.decision(pair, class).path {
                    let way = peer.ways[path - first];
                    let carried = ((way.local, way.remote), self.selector.moved(pair, class));
                    known.carried.insert((name.to_owned(), class), carried);
                }
            }
            for line in lines.by_ref().take(self.selector.paths(pair).len()) {
                known.lines.insert((name.to_owned(), line.way.local, line.way.remote), line);
            }
        }
        known
    }

    /// Finds the paths that fell silent, and says so to their far ends at once.
    pub(super) fn judge(&mut self, now: Duration) {
        for path in 0..self.lines.len() {
            let line = &mut self.lines[path];
            let heard = line.hearing.hears();
            let narrowed = line.mtu.handle_timeout(heard, now);
            if line.hearing.handle_timeout(now) {
                if line.due.is_some() && !line.yields {
                    self.send_one(path, now);
                }
                self.look(path);
            } else if narrowed {
                self.look(path);
            }
        }
    }

    /// A far end is heard by a path: its others are not left waiting for it as for one that is away.
    pub(super) fn expect_others(&mut self, path: usize, now: Duration) {
        let others = self.selector.pair(path).map(|pair| self.selector.paths(pair)).unwrap_or_default();
        for other in others.filter(|other| *other != path) {
            let line = &mut self.lines[other];
            // A far end that waits to be spoken to hears of it with the next packet.
            line.hearing.expect(now + START + line.interval());
            let at = line.poll_timeout();
            self.wake(at);
        }
    }

    /// Gives each path the interval that it is worth and that its uplink's budget leaves.
    pub(super) fn think_over(&mut self, now: Duration) {
        self.think = now + THINK_AGAIN;
        let worths: Vec<Worth> = (0..self.lines.len()).map(|path| self.worth(path, now)).collect();
        let mut count = [[0; 4]; MAX_UPLINKS];
        for (line, worth) in self.lines.iter().zip(&worths) {
            count[usize::from(line.way.local) % MAX_UPLINKS][worth.index()] += 1;
        }
        let base = self.plan.base();
        let shares: Vec<_> = count
            .iter()
            .enumerate()
            .map(|(local, count)| intervals(*count, base, self.plan.budget_kbps(local)))
            .collect();
        for (over, share) in self.over_budget.iter_mut().zip(&shares) {
            *over = share.over_budget;
        }
        for index in 0..self.interfaces.len() {
            let interface = &self.interfaces[index];
            for (place, &path) in interface.paths.iter().enumerate() {
                let line = &mut self.lines[path];
                let share = &shares[usize::from(line.way.local) % MAX_UPLINKS];
                line.want(share.of[worths[path].index()]);
                line.may_double = worths[path] == Worth::Used && share.room_to_double;
                // What was to go later than the new interval allows goes earlier.
                let next = interface.grid.next(place, line.interval(), now);
                line.due = line.due.map(|due| if line.yields { due } else { due.min(next) });
            }
        }
    }

    fn worth(&self, path: usize, now: Duration) -> Worth {
        let Some(pair) = self.selector.pair(path) else { return Worth::Idle };
        // Where there has been none yet, it has been quiet since the agent began, and is not idle for that.
        let quiet = match self.flowed[pair] {
            Some(flowed) => now.saturating_sub(flowed),
            None => now.saturating_sub(self.began).max(FLOWS_FOR),
        };
        let is_used = (0..self.plan.classes.len()).any(|class| self.selector.decision(pair, class).path == Some(path));
        Worth::of(self.selector.paths(pair).len(), is_used, quiet)
    }

    /// Sends what is due, one burst for each interface.
    pub(super) fn send_due(&mut self, now: Duration) {
        for index in 0..self.interfaces.len() {
            let is_due = |path: &usize| self.lines[*path].is_due(now);
            let due: Vec<usize> = self.interfaces[index].paths.iter().copied().filter(is_due).collect();
            if due.is_empty() {
                continue;
            }
            self.send(index, &due, false, now);
            let interface = &self.interfaces[index];
            for (place, &path) in interface.paths.iter().enumerate() {
                let line = &mut self.lines[path];
                if line.due.is_some_and(|due| now >= due) {
                    line.schedule(interface.grid.next(place, line.interval(), now), now);
                } else if line.extra.is_some_and(|extra| now >= extra) {
                    line.extra = None;
                }
            }
        }
    }

    /// Sends one packet beside the grid.
    pub(super) fn send_one(&mut self, path: usize, now: Duration) {
        let way = self.lines[path].way;
        let interface = self.interfaces.iter().position(|it| (it.local, it.remote) == (way.local, way.remote));
        if let Some(interface) = interface {
            self.send(interface, &[path], false, now);
        }
    }

    pub(super) fn send(&mut self, interface: usize, paths: &[usize], leaving: bool, now: Duration) {
        let mut packets = Vec::with_capacity(paths.len());
        for &path in paths {
            let Some(pair) = self.selector.pair(path) else { continue };
            let (packet, size) = self.lines[path].send(leaving, now);
            packets.push((self.plan.peers[pair].address, packet, size.max(LEN)));
        }
        let Interface { local, remote, .. } = self.interfaces[interface];
        self.actions.push_back(Action::Send(Burst { local, remote, packets }));
    }

    /// Shows the selector what is known of a path.
    pub(super) fn look(&mut self, path: usize) {
        let line = &self.lines[path];
        let view = line.view(!self.is_present(line.way.local));
        self.selector.handle_view(path, view);
    }

    pub(super) fn is_present(&self, local: u8) -> bool {
        self.present.get(usize::from(local)).copied().unwrap_or(true)
    }

    pub(super) fn wake(&mut self, at: Option<Duration>) {
        self.next = [self.next, at].into_iter().flatten().min();
    }

    /// The next of a row of numbers that look random (SplitMix64, Steele, Lea and Flood 2014).
    pub(super) fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn draw32(&mut self) -> u32 {
        u32::try_from(self.draw() >> 32).unwrap_or_default()
    }
}
