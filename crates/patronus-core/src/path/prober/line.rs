//! One path: what goes out on it, and what is made of what comes in.

use std::time::Duration;

use crate::path::estimate::{Arrival, Count, Estimate, Trip};
use crate::path::hearing::{Heard, Hearing};
use crate::path::mtu::Mtu;
use crate::path::packet::Packet;
use crate::path::schedule::{DOUBT, RELAXED, SHORTEST};
use crate::path::select::{View, Way};
use crate::path::summary::Summary;

/// How many packets name a longer interval before it is kept: if one alone did and were lost, the far end would hear silence.
const NAMED: u8 = 3;
/// What a far end may send on average: twice what the shortest interval takes.
const SPACING: Duration = Duration::from_millis(10);
/// And at once, after a pause.
const AT_ONCE: u32 = 8;
/// How far an acknowledged number may be behind the last one sent.
const MOST_UNDER_WAY: u32 = 1 << 16;

/// How long this end waits for the other to begin a session, where that is its part.
const YIELD: Duration = Duration::from_secs(10);

/// The state of one path.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub way: Way,
    pub hearing: Hearing,
    pub estimate: Estimate,
    pub mtu: Mtu,
    pub minute: Summary,
    /// When the next packet goes; none while the device is gone.
    pub due: Option<Duration>,
    /// When one goes beside the grid, because packets were lost.
    pub extra: Option<Duration>,
    /// Whether one may: it is used, and its uplink's budget has room.
    pub may_double: bool,
    /// Until when it is to be doubted.
    doubt: Duration,
    /// Whether it waits for the far end to begin.
    pub yields: bool,
    /// The number of the last packet sent.
    seq: u32,
    received: u32,
    /// The newest packet heard: its number, the time in it, and when it came.
    newest: Option<(u32, u64, Duration)>,
    /// The newest of ours that the far end acknowledged, and when it was sent.
    acked: Option<(u32, Duration)>,
    /// The interval that is named, the one that is kept, and how many packets named it.
    named: Duration,
    kept: Duration,
    times_named: u8,
    /// Before when the far end has sent enough.
    earned: Duration,
}

/// What a packet did to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is counted, and perhaps to be answered at once.
    Yes {
        /// It was a full-size one.
        answer: bool,
    },
    /// The far end sends more than it may.
    TooMany,
    /// It came before, or is older than what is known.
    Old,
}

impl Line {
    /// `seq` is where it begins to count, so that it is not taken for the line of an earlier agent.
    pub fn new(way: Way, seq: u32, now: Duration) -> Self {
        Self {
            way,
            hearing: Hearing::begin(now),
            estimate: Estimate::default(),
            mtu: Mtu::begin(0, now),
            minute: Summary::default(),
            due: Some(if way.begins { now } else { now + YIELD }),
            extra: None,
            may_double: false,
            doubt: Duration::ZERO,
            yields: !way.begins,
            seq,
            received: 0,
            newest: None,
            acked: None,
            named: RELAXED,
            kept: RELAXED,
            times_named: 0,
            earned: Duration::ZERO,
        }
    }

    /// The next packet, and the size it is padded to.
    pub fn send(&mut self, leaving: bool, now: Duration) -> (Packet, usize) {
        self.seq = self.seq.wrapping_add(1);
        self.yields = false;
        self.times_named = self.times_named.saturating_add(1);
        if self.times_named >= NAMED {
            self.kept = self.named;
        }
        let size = self.mtu.poll_size(now).filter(|_| self.hearing.hears() || self.newest.is_none());
        if size.is_some() {
            let patience = self.hearing.poll_timeout().map_or(RELAXED, |silent| silent.saturating_sub(now));
            self.mtu.handle_sent(self.seq, patience, now);
        }
        self.minute.add_score(self.score());
        let (ack, echo, came) = self.newest.unwrap_or_default();
        let packet = Packet {
            hears: self.hearing.hears(),
            full: size.is_some(),
            leaving,
            asks: false,
            local: self.way.local,
            remote: self.way.remote,
            interval_ms: u16::try_from(self.named.as_millis()).unwrap_or(u16::MAX),
            seq: self.seq,
            ack,
            time: nanos(now),
            echo,
            hold_us: u32::try_from(now.saturating_sub(came).as_micros()).unwrap_or(u32::MAX),
            received: self.received,
        };
        (packet, size.map_or(0, usize::from))
    }

    /// Takes a packet.
    pub fn handle_packet(&mut self, packet: &Packet, now: Duration) -> Taken {
        self.earned = self.earned.max(now.saturating_sub(SPACING * AT_ONCE));
        if self.earned > now {
            return Taken::TooMany;
        }
        self.earned += SPACING;
        match self.estimate.handle_seq(packet.seq) {
            Arrival::Newest(count) => {
                self.received = self.received.wrapping_add(1);
                self.minute.incoming.add(count);
            }
            Arrival::Anew => self.received = 1,
            Arrival::Overtaken => {
                self.received = self.received.wrapping_add(1);
                let Count { lost, came } = &mut self.minute.incoming;
                (*lost, *came) = (lost.saturating_sub(1), came.saturating_add(1));
                return Taken::Old;
            }
            Arrival::Twice => return Taken::Old,
        }
        if std::mem::take(&mut self.yields) {
            self.due = self.due.map(|due| due.min(now));
        }
        self.newest = Some((packet.seq, packet.time, now));
        self.handle_acknowledged(packet, now);
        self.hearing.handle_packet(packet, (self.kept, self.estimate.jitter()), now);
        Taken::Yes { answer: packet.full }
    }

    /// What it says of our own packets.
    fn handle_acknowledged(&mut self, packet: &Packet, now: Duration) {
        // Numbers of an agent that ran here before are not ours.
        if packet.received == 0 || self.seq.wrapping_sub(packet.ack) > MOST_UNDER_WAY {
            return;
        }
        self.mtu.handle_ack(packet.ack, now);
        let mut told = self.estimate.handle_told(packet.ack, packet.received);
        if told.lost > 0 {
            self.doubt = now + DOUBT;
        }
        let is_newer =
            self.acked.is_none_or(|(acked, _)| (1..MOST_UNDER_WAY).contains(&packet.ack.wrapping_sub(acked)));
        let sent = Duration::from_nanos(packet.echo);
        let held = Duration::from_micros(packet.hold_us.into());
        if let Some(trip) = now.checked_sub(sent).and_then(|away| away.checked_sub(held)).filter(|_| is_newer) {
            self.acked = Some((packet.ack, sent));
            match self.estimate.handle_trip(trip, self.kept.max(self.hearing.far_interval())) {
                Trip::Taken => self.minute.add_trip(trip, self.estimate.jitter()),
                Trip::Late => told = Count { lost: told.lost + 1, came: told.came.saturating_sub(1) },
            }
        }
        self.minute.outgoing.add(told);
    }

    /// The interval that it shall have. A shorter one is kept at once, a longer one when it has been named often enough.
    pub fn want(&mut self, interval: Duration) {
        if interval != self.named {
            (self.named, self.times_named) = (interval, 0);
            self.kept = self.kept.min(interval);
        }
    }

    /// The interval that is kept.
    pub fn interval(&self) -> Duration {
        self.kept
    }

    /// One packet has gone, and the next by the grid goes at `due`: another goes between them while packets are lost.
    pub fn schedule(&mut self, due: Duration, now: Duration) {
        let half = self.kept / 2;
        let doubles = self.may_double && now < self.doubt && half >= SHORTEST;
        (self.due, self.extra) = (Some(due), doubles.then(|| now + half).filter(|extra| *extra < due));
    }

    /// Whether a packet is to go now.
    pub fn is_due(&self, now: Duration) -> bool {
        self.due.is_some() && [self.due, self.extra].into_iter().flatten().any(|at| now >= at)
    }

    /// When it is to be looked at though nothing came.
    pub fn poll_timeout(&self) -> Option<Duration> {
        [self.due, self.extra.filter(|_| self.due.is_some()), self.hearing.poll_timeout(), self.mtu.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// As the selector sees it.
    pub fn view(&self, cut: bool) -> View {
        View {
            heard: self.hearing.heard(),
            since: self.hearing.since(),
            last: self.hearing.last(),
            proven: self.acked.map(|(_, sent)| sent),
            intervals: (self.hearing.far_interval(), self.kept),
            cut,
            figures: self.estimate.figures(),
            narrow: self.mtu.narrowed(),
        }
    }

    fn score(&self) -> f32 {
        let figures = self.estimate.figures().filter(|_| self.hearing.heard() == Heard::Both);
        figures.map_or(0.0, |figures| figures.score())
    }
}

fn nanos(now: Duration) -> u64 {
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
