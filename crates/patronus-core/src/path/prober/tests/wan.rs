//! Two sites with two uplinks each, and the four ways between them, in virtual time.

use std::collections::BTreeMap;

use super::*;
use crate::path::packet::LEN;
use crate::path::select::{Class, Decision};

pub const HERE: &str = "10.210.0.1";
pub const THERE: &str = "10.210.0.2";

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What one way does to packets in one direction.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub delay: Duration,
    pub jitter: Duration,
    pub loss_pct: u64,
    pub most_len: usize,
}

pub const GOOD: Link = Link { delay: ms_const(10), jitter: ms_const(0), loss_pct: 0, most_len: 1500 };
pub const DEAD: Link = Link { loss_pct: 100, ..GOOD };

const fn ms_const(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn plan(to: &str, settings: PathSettings, ways: usize) -> Plan {
    let way = |path: u8| Way { local: path / 2, remote: path % 2, cost: 200, drained: false, begins: true };
    let peer = Peer {
        name: if to == HERE { "here" } else { "there" }.parse().unwrap(),
        address: to.parse().unwrap(),
        ways: (0..u8::try_from(ways).unwrap()).map(way).collect(),
    };
    Plan { settings, mtu: 1420, metered: vec![false; 2], peers: vec![peer], classes: vec![Class::default()] }
}

/// What was sent, by which end, interface and when it arrives.
struct Flying {
    at: Duration,
    to: usize,
    local: u8,
    remote: u8,
    bytes: Vec<u8>,
}

pub struct Wan {
    pub now: Duration,
    pub ends: [Prober; 2],
    /// By sending end and its (local, remote).
    pub links: BTreeMap<(usize, u8, u8), Link>,
    flying: Vec<Flying>,
    random: u64,
    pub sent: usize,
    /// When, which end, what.
    pub moves: Vec<(Duration, usize, Option<usize>)>,
    pub reads: usize,
    /// While it is on, an end's traffic flows all the time.
    pub traffic: bool,
}

impl Wan {
    pub fn new(settings: PathSettings, ways: usize, seed: u64) -> Self {
        let end = |to, seed| Prober::new(plan(to, settings.clone(), ways), seed, s(50));
        Self {
            now: s(50),
            ends: [end(THERE, seed), end(HERE, !seed)],
            links: BTreeMap::new(),
            flying: Vec::new(),
            random: seed | 1,
            sent: 0,
            moves: Vec::new(),
            reads: 0,
            traffic: true,
        }
    }

    /// Sets both directions of the way between `end`'s uplink `local` and the other's `remote`.
    pub fn both(&mut self, (local, remote): (u8, u8), link: Link) {
        self.links.insert((0, local, remote), link);
        self.links.insert((1, remote, local), link);
    }

    /// Sets all ways of the first end's uplink.
    pub fn uplink(&mut self, local: u8, link: Link) {
        (0..2).for_each(|remote| self.both((local, remote), link));
    }

    fn roll(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn act(&mut self, end: usize) {
        while let Some(action) = self.ends[end].poll_action() {
            match action {
                Action::Send(burst) => burst.packets.iter().for_each(|packet| self.send(end, &burst, packet)),
                Action::Decide(change) if change.before.path != change.now.path => {
                    self.moves.push((self.now, end, change.now.path));
                }
                Action::Decide(_) => {}
                Action::Read => {
                    self.reads += 1;
                    self.deliver();
                    self.ends[end].handle_timeout(self.now);
                }
            }
        }
    }

    fn send(&mut self, end: usize, burst: &Burst, (_, packet, size): &(IpAddr, Packet, usize)) {
        self.sent += 1;
        let link = self.links.get(&(end, burst.local, burst.remote)).copied().unwrap_or(GOOD);
        let mut bytes = packet.encode().to_vec();
        bytes.resize((*size).max(LEN), 0);
        if self.roll() % 100 < link.loss_pct || bytes.len() + 28 > link.most_len {
            return;
        }
        let jitter = u64::try_from(link.jitter.as_nanos()).unwrap();
        let jitter = Duration::from_nanos(if jitter == 0 { 0 } else { self.roll() % jitter });
        let at = self.now + link.delay + jitter;
        self.flying.push(Flying { at, to: 1 - end, local: burst.remote, remote: burst.local, bytes });
    }

    fn deliver(&mut self) {
        let (now, mut flying) = (self.now, std::mem::take(&mut self.flying));
        flying.sort_by_key(|it| it.at);
        let due = flying.partition_point(|it| it.at <= now);
        for it in flying.drain(..due) {
            let from = if it.to == 0 { THERE } else { HERE };
            self.ends[it.to].handle_packet((it.local, it.remote), from.parse().unwrap(), &it.bytes, now);
        }
        self.flying.append(&mut flying);
    }

    /// Lets time pass, from event to event.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        let mut steps = 0u64;
        loop {
            let flying = self.flying.iter().map(|it| it.at);
            let ends = self.ends.iter().filter_map(Prober::poll_timeout);
            let next = flying.chain(ends).min().unwrap_or(until).max(self.now);
            if next > until {
                break self.now = until;
            }
            self.now = next;
            steps += 1;
            assert!(steps < 100_000 + 2_000 * time.as_secs(), "no end of steps");
            self.turn();
        }
    }

    /// Lets time pass in which nobody is awake.
    pub fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.turn();
    }

    fn turn(&mut self) {
        for end in 0..2 {
            if self.traffic {
                self.ends[end].handle_traffic(0, self.now);
            }
            if self.ends[end].poll_timeout().is_some_and(|at| at + ms(100) < self.now) {
                // It woke late, and nothing is read yet.
                self.ends[end].handle_timeout(self.now);
                self.act(end);
            }
        }
        self.deliver();
        for end in 0..2 {
            if self.ends[end].poll_timeout().is_some_and(|at| at <= self.now) {
                self.ends[end].handle_timeout(self.now);
            }
            self.act(end);
        }
    }

    pub fn chosen(&self, end: usize) -> Decision {
        self.ends[end].selector().decision(0, 0)
    }

    pub fn heard(&self, end: usize) -> Vec<Heard> {
        (0..self.ends[end].selector().paths(0).len()).map(|path| self.ends[end].selector().view(path).heard).collect()
    }
}
