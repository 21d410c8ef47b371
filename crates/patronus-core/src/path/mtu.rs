//! Whether full packets pass, and where not, how large ones do.
//!
//! Small packets pass where full ones vanish: a narrower hop that sends no ICMP. So a packet padded to the tunnel's MTU goes
//! first and once a minute. The far end answers it at once with a packet that acknowledges exactly it; without that, three
//! times in a row, full ones do not pass, and the size that does is found by halving.

use std::time::Duration;

use super::packet::LEN;

/// Between two full-size packets of a path that carries them.
const EVERY: Duration = Duration::from_secs(60);
/// How often in a row one must be lost.
const ROW: u8 = 3;
/// How long one is waited for, beside the time in which the path would fall silent.
const WAIT: Duration = Duration::from_millis(200);
/// Headers of IPv4 and UDP in the tunnel. (For IPv6 the packet is 20 bytes larger than it says, so it says less than it could.)
const HEADERS: u16 = 28;
/// How exactly the size is found, in bytes.
const EXACT: u16 = 8;

/// A padded packet under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Test {
    seq: u32,
    size: u16,
    until: Duration,
}

/// The machine of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mtu {
    /// The tunnel's MTU.
    full: u16,
    due: Duration,
    test: Option<Test>,
    lost: u8,
    /// While it is known that full ones do not pass: the largest size that did, and the smallest that did not.
    narrow: Option<(u16, u16)>,
}

impl Mtu {
    /// `full` is the tunnel's MTU in bytes; the first test is due at once.
    pub fn begin(full: u16, now: Duration) -> Self {
        Self { full, due: now, test: None, lost: 0, narrow: None }
    }

    /// The tunnel's MTU is another; the first test of it is due then. Nothing happens where it is the same.
    pub fn follow(&mut self, full: u16, due: Duration) {
        if full != self.full {
            *self = Self::begin(full, due);
        }
    }

    /// To how many bytes of UDP payload the next packet is to be padded; none where it goes as it is.
    pub fn poll_size(&self, now: Duration) -> Option<u16> {
        (self.test.is_none() && now >= self.due).then(|| self.next_size().saturating_sub(HEADERS))
    }

    /// A padded packet went; `patience` is how long the path may be silent.
    pub fn handle_sent(&mut self, seq: u32, patience: Duration, now: Duration) {
        self.test = Some(Test { seq, size: self.next_size(), until: now + patience + WAIT });
    }

    /// The far end acknowledged a packet. Says whether what is known changed.
    pub fn handle_ack(&mut self, seq: u32, now: Duration) -> bool {
        let Some(test) = self.test.filter(|test| test.seq == seq) else { return false };
        let before = self.narrowed();
        self.test = None;
        self.lost = 0;
        match &mut self.narrow {
            Some((passes, _)) if test.size < self.full => *passes = test.size,
            _ => self.narrow = None,
        }
        self.due = now + if self.is_searching() { Duration::ZERO } else { EVERY };
        before != self.narrowed()
    }

    /// Time has passed; `heard` says whether small packets pass in both directions. Says whether what is known changed.
    pub fn handle_timeout(&mut self, heard: bool, now: Duration) -> bool {
        let Some(test) = self.test.filter(|test| now >= test.until) else { return false };
        let before = self.narrowed();
        self.test = None;
        if !heard {
            // Nothing passes, so nothing is learnt.
            (self.lost, self.due) = (0, now);
            return false;
        }
        self.lost += 1;
        if self.lost == ROW {
            self.lost = 0;
            match &mut self.narrow {
                Some((_, fails)) if test.size < self.full => *fails = test.size,
                Some(_) => {}
                None => self.narrow = Some((least(), self.full)),
            }
        }
        self.due = now + if self.lost > 0 || self.is_searching() { Duration::ZERO } else { EVERY };
        before != self.narrowed()
    }

    /// When [`Mtu::handle_timeout`] has something to say.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.test.map(|test| test.until)
    }

    /// The tunnel MTU that would fit, as far as it is known; none where full packets pass, or nobody knows yet.
    pub fn narrowed(&self) -> Option<u16> {
        self.narrow.map(|(passes, _)| passes)
    }

    fn is_searching(&self) -> bool {
        self.narrow.is_some_and(|(passes, fails)| fails - passes > EXACT)
    }

    /// Half-way while it searches; else a full one, which tells when the hop is gone.
    fn next_size(&self) -> u16 {
        match self.narrow {
            Some((passes, fails)) if self.is_searching() => passes + (fails - passes) / 2,
            _ => self.full,
        }
    }
}

/// What passes wherever the path is heard: a packet without padding.
fn least() -> u16 {
    u16::try_from(LEN).unwrap_or_default() + HEADERS
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(310);

    /// Runs a path of which only packets up to `hop` bytes pass, one packet each 100 ms; returns what is known at the end,
    /// and how many padded packets went.
    fn run(mtu: &mut Mtu, hop: u16, from_s: u64, seconds: u64) -> (Option<u16>, u32) {
        let mut padded = 0;
        for tick in from_s * 10..(from_s + seconds) * 10 {
            let now = Duration::from_millis(tick * 100);
            mtu.handle_timeout(true, now);
            if let Some(size) = mtu.poll_size(now) {
                padded += 1;
                let seq = u32::try_from(tick).unwrap();
                mtu.handle_sent(seq, PATIENCE, now);
                if size + HEADERS <= hop {
                    mtu.handle_ack(seq, now + Duration::from_millis(20));
                }
            }
        }
        (mtu.narrowed(), padded)
    }

    #[test]
    fn a_wide_path_costs_one_full_packet_a_minute() {
        let mut mtu = Mtu::begin(1420, Duration::ZERO);
        assert_eq!(run(&mut mtu, 1500, 0, 300), (None, 5));
    }

    #[test]
    fn what_fits_is_found_and_a_mended_hop_is_noticed() {
        for hop in [68, 600, 1279, 1300, 1411, 1419] {
            let mut mtu = Mtu::begin(1420, Duration::ZERO);
            let (found, padded) = run(&mut mtu, hop, 0, 60);
            let found = found.unwrap();
            assert!(found <= hop && hop - found <= EXACT, "{found} for {hop}");
            assert!(padded < 50, "{padded} for {hop}");
            assert_eq!(run(&mut mtu, 1420, 60, 62).0, None);
        }
    }

    #[test]
    fn two_lost_ones_are_no_verdict_and_a_dead_path_is_none() {
        let mut mtu = Mtu::begin(1420, Duration::ZERO);
        for (seq, lost) in [(1, true), (2, true), (3, false), (4, true), (5, true)] {
            let now = Duration::from_secs(100 * u64::from(seq));
            assert_eq!(mtu.poll_size(now), Some(1392));
            mtu.handle_sent(seq, PATIENCE, now);
            match lost {
                true => assert!(!mtu.handle_timeout(true, now + Duration::from_secs(1))),
                false => assert!(!mtu.handle_ack(seq, now)),
            }
        }
        mtu.handle_sent(6, PATIENCE, Duration::from_secs(600));
        assert!(!mtu.handle_timeout(false, Duration::from_secs(601)));
        assert_eq!((mtu.narrowed(), mtu.lost), (None, 0));
    }
}
