//! The machine that measures all paths of one network on one site, and decides which are used.
//!
//! A driver does this, and decides nothing itself:
//!
//! 1. It reads all its sockets and gives each packet to [`Prober::handle_packet`].
//! 2. When [`Prober::poll_timeout`] has come, it calls [`Prober::handle_timeout`].
//! 3. It carries out what [`Prober::poll_action`] says until that says nothing. After [`Action::Read`] it does 1 and 2 again.
//!
//! One packet goes each way and interval; nobody asks and nobody answers, but a full-size packet is answered at once. A path
//! that falls silent says so at once to the far end, by a packet of which it does not know whether it arrives.

mod line;
mod plan;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use patronus_types::site::MAX_UPLINKS;

use super::hearing::Heard;
use super::packet::Packet;
use super::schedule::{FLOWS_FOR, Grid};
use super::select::{Change, Selector, Way};
use super::summary::Summary;
use line::{Line, Taken};

pub use plan::{Peer, Plan, begins, begins_by};

/// How often intervals are thought over, beside the moment in which traffic begins.
const THINK_AGAIN: Duration = Duration::from_secs(1);
/// How many new paths of an interface are begun with at once; the next follow after an interval.
const BEGIN: u32 = 32;
/// Between the first full-size packets of two paths: a thousand at once would fill any uplink.
const FULL_SPACING: Duration = Duration::from_millis(50);

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send these, at best with one system call.
    Send(Burst),
    /// Read all sockets, and then call [`Prober::handle_timeout`] again: the agent woke late, and what it would take for
    /// silence may lie there unread.
    Read,
    /// Another path carries something now, or it stands in another way.
    Decide(Change),
}

/// Packets that go by one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// Index of the local uplink.
    pub local: u8,
    /// Index of the far uplink.
    pub remote: u8,
    /// To whom, what, and the length in bytes up to which zeros follow; no shorter than the packet itself.
    pub packets: Vec<(IpAddr, Packet, usize)>,
}

/// Packets that were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// No packet of ours, or of another version.
    pub rubbish: u64,
    /// From an address that has no path by this interface.
    pub stranger: u64,
    /// It names other uplinks than those of the interface.
    pub misled: u64,
    /// More than a far end may send.
    pub too_many: u64,
    /// It came before, or was overtaken.
    pub old: u64,
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Prober {
    plan: Plan,
    lines: Vec<Line>,
    /// When traffic last went to each peer.
    flowed: Vec<Option<Duration>>,
    began: Duration,
    /// Interface and address to path.
    paths: BTreeMap<(u8, u8, IpAddr), usize>,
    interfaces: Vec<Interface>,
    present: [bool; MAX_UPLINKS],
    selector: Selector,
    refused: Refused,
    actions: VecDeque<Action>,
    think: Duration,
    over_budget: [bool; MAX_UPLINKS],
    next: Option<Duration>,
    reads: bool,
    random: u64,
}

#[derive(Debug, Clone)]
struct Interface {
    local: u8,
    remote: u8,
    grid: Grid,
    paths: Vec<usize>,
}

impl Prober {
    /// Begins to measure. `seed` is any random number: it spreads the interfaces' phases and the numbers from which packets
    /// are counted.
    pub fn new(plan: Plan, seed: u64, now: Duration) -> Self {
        let mut this = Self {
            selector: Selector::new(plan.settings.clone(), &[], Vec::new()),
            plan: Plan { peers: Vec::new(), ..plan.clone() },
            lines: Vec::new(),
            flowed: Vec::new(),
            began: now,
            paths: BTreeMap::new(),
            interfaces: Vec::new(),
            present: [true; MAX_UPLINKS],
            refused: Refused::default(),
            actions: VecDeque::new(),
            think: now,
            over_budget: [false; MAX_UPLINKS],
            next: Some(now),
            reads: false,
            random: seed,
        };
        this.handle_plan(plan, now);
        this
    }

    /// Measures other paths from now on. What is known of those that were there before stays, and so does what they carry.
    pub fn handle_plan(&mut self, plan: Plan, now: Duration) {
        let mut known = self.take_known();
        // Classes are known by what they are: others may have come before them.
        let before = |class| self.plan.classes.iter().position(|known| known == class);
        let before: Vec<Option<usize>> = plan.classes.iter().map(before).collect();
        let ways: Vec<Vec<Way>> = plan.peers.iter().map(|peer| peer.ways.clone()).collect();
        let mut selector = Selector::new(plan.settings.clone(), &ways, plan.classes.clone());
        let mut interfaces: BTreeMap<(u8, u8), Vec<usize>> = BTreeMap::new();
        (self.paths, self.flowed) = (BTreeMap::new(), Vec::new());
        for (pair, peer) in plan.peers.iter().enumerate() {
            self.flowed.push(known.flowed.get(peer.name.as_str()).copied().flatten());
            for path in selector.paths(pair) {
                let way = peer.ways[path - selector.paths(pair).start];
                let old = known.lines.remove(&(peer.name.as_str().to_owned(), way.local, way.remote));
                let others = interfaces.entry((way.local, way.remote)).or_default();
                let turn = u32::try_from(others.len()).unwrap_or_default() / BEGIN;
                others.push(path);
                let mut line = old.unwrap_or_else(|| Line::new(way, self.draw32(), now + plan.base() * turn));
                line.way = way;
                line.mtu.follow(plan.mtu, now + FULL_SPACING * u32::try_from(path).unwrap_or_default());
                self.paths.insert((way.local, way.remote, peer.address), path);
                selector.handle_view(path, line.view(!self.is_present(way.local)));
                for (class, before) in before.iter().enumerate() {
                    let carried = before.and_then(|before| known.carried.get(&(peer.name.as_str().to_owned(), before)));
                    if let Some(&(_, moved)) = carried.filter(|(carrier, _)| *carrier == (way.local, way.remote)) {
                        selector.adopt(pair, class, path, moved);
                    }
                }
                self.lines.push(line);
            }
        }
        let base = plan.base();
        let interface =
            |((local, remote), paths)| Interface { local, remote, grid: Grid::new(base, self.draw(), now), paths };
        self.interfaces = interfaces.into_iter().map(interface).collect();
        (self.plan, self.selector, self.think, self.next) = (plan, selector, now, Some(now));
    }

    /// A packet came by the interface of these uplinks.
    pub fn handle_packet(&mut self, (local, remote): (u8, u8), from: IpAddr, bytes: &[u8], now: Duration) {
        let Some(packet) = Packet::decode(bytes) else { return self.refused.rubbish += 1 };
        let Some(&path) = self.paths.get(&(local, remote, from)) else { return self.refused.stranger += 1 };
        if (packet.local, packet.remote) != (remote, local) {
            return self.refused.misled += 1;
        }
        let answer = match self.lines[path].handle_packet(&packet, now) {
            Taken::TooMany => return self.refused.too_many += 1,
            Taken::Old => return self.refused.old += 1,
            Taken::Yes { answer } => answer,
        };
        if answer && self.lines[path].due.is_some() {
            self.send_one(path, now);
        }
        let before = self.selector.view(path).heard;
        self.look(path);
        let heard = self.selector.view(path).heard;
        if heard != before && matches!(heard, Heard::Both | Heard::OneWay) {
            self.expect_others(path, now);
        }
        // What only measures waits for the next turn; what can move traffic does not.
        let moves = heard != before || self.selector.is_waiting(path);
        self.wake(if moves { Some(now) } else { self.lines[path].poll_timeout() });
    }

    /// Traffic went to a site, as the counters say: paths to it are measured more often for a while.
    pub fn handle_traffic(&mut self, pair: usize, now: Duration) {
        let Some(flowed) = self.flowed.get_mut(pair) else { return };
        if flowed.replace(now).is_none_or(|before| now >= before + FLOWS_FOR) {
            self.think = now;
            self.wake(Some(now));
        }
    }

    /// Traffic goes by an interface: to which of its sites is not known, so it may be to each that uses it.
    pub fn handle_flow(&mut self, local: u8, remote: u8, now: Duration) {
        let uses = |pair: &usize| {
            let path = self.selector.decision(*pair, 0).path.and_then(|path| self.way(path));
            path.is_some_and(|(_, way)| (way.local, way.remote) == (local, remote))
        };
        let pairs: Vec<usize> = (0..self.plan.peers.len()).filter(uses).collect();
        pairs.into_iter().for_each(|pair| self.handle_traffic(pair, now));
    }

    /// The device of a local uplink is gone, or it is there again.
    pub fn handle_uplink(&mut self, local: u8, is_present: bool, now: Duration) {
        let Some(known) = self.present.get_mut(usize::from(local)) else { return };
        if std::mem::replace(known, is_present) == is_present {
            return;
        }
        for path in 0..self.lines.len() {
            let line = &mut self.lines[path];
            if line.way.local == local {
                line.due = is_present.then_some(now);
                if !is_present {
                    line.hearing.cut(now);
                }
                self.look(path);
            }
        }
        self.wake(Some(now));
    }

    /// Time has passed: judges, sends and decides.
    pub fn handle_timeout(&mut self, now: Duration) {
        let late = self.next.is_some_and(|next| now > next + self.plan.base());
        if late && !std::mem::replace(&mut self.reads, true) {
            return self.actions.push_back(Action::Read);
        }
        if std::mem::take(&mut self.reads) {
            self.lines.iter_mut().for_each(|line| line.hearing.excuse(now));
        }
        self.judge(now);
        if now >= self.think {
            self.think_over(now);
        }
        self.send_due(now);
        self.selector.handle_timeout(now);
        while let Some(change) = self.selector.poll_action() {
            self.think = now;
            self.actions.push_back(Action::Decide(change));
        }
        let lines = self.lines.iter().filter_map(Line::poll_timeout).min();
        self.next = [lines, self.selector.poll_timeout(), Some(self.think)].into_iter().flatten().min();
    }

    /// When [`Prober::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.next
    }

    /// What to do next; none when all is done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The agent leaves for a while: the far ends are told, so that they do not take it for an outage, and nothing else is
    /// sent any more.
    pub fn leave(&mut self, now: Duration) {
        for index in 0..self.interfaces.len() {
            let paths = self.interfaces[index].paths.clone();
            self.send(index, &paths, true, now);
        }
        self.lines.iter_mut().for_each(|line| line.due = None);
    }

    /// What is decided, and why.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Gives a site's class the path that carries it already, unless one was decided on; nothing where there is no such path.
    pub fn adopt(&mut self, pair: usize, class: usize, uplinks: (u8, u8)) {
        let Some(peer) = self.plan.peers.get(pair) else { return };
        let place = peer.ways.iter().position(|way| (way.local, way.remote) == uplinks);
        if let Some(place) = place.filter(|_| self.selector.decision(pair, class).path.is_none()) {
            self.selector.adopt(pair, class, self.selector.paths(pair).start + place, None);
        }
    }

    /// What is measured and decided.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The site to which a path leads, and its uplinks.
    pub fn way(&self, path: usize) -> Option<(&Peer, Way)> {
        let pair = self.selector.pair(path)?;
        let peer = self.plan.peers.get(pair)?;
        Some((peer, *peer.ways.get(path - self.selector.paths(pair).start)?))
    }

    /// A path is drained, or no longer.
    pub fn handle_drain(&mut self, path: usize, drained: bool, now: Duration) {
        self.selector.handle_drain(path, drained);
        self.wake(Some(now));
    }

    /// By how many paths nothing comes though their uplink is there.
    pub fn silent(&self) -> usize {
        let is_silent = |line: &&Line| line.hearing.heard() == Heard::Silent && self.is_present(line.way.local);
        self.lines.iter().filter(is_silent).count()
    }

    /// Of how many paths something is known.
    pub fn measured(&self) -> usize {
        self.lines.iter().filter(|line| line.estimate.is_measured()).count()
    }

    /// What each path was like since this was last asked.
    pub fn take_minute(&mut self) -> Vec<Summary> {
        self.lines.iter_mut().map(|line| std::mem::take(&mut line.minute)).collect()
    }

    /// Packets that were not taken.
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// Whether the paths of a local uplink take more than its budget though each is measured as seldom as can be.
    pub fn is_over_budget(&self, local: u8) -> bool {
        self.over_budget.get(usize::from(local)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
