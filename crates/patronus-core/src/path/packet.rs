//! The packet that tells two agents of a path, 40 bytes and then zeros, big-endian:
//!
//! ```text
//! "PT" 2 · version 1 · flags 1 · i 1 · j 1 · interval_ms 2 · seq 4 · ack 4 · time 8 · echo 8 · hold_us 4 · received 4
//! ```
//!
//! Flags: 1 I hear you, 2 full size, 4 leaving, 8 a question. Whoever sends one asks for nothing, unless it is a question: that is
//! answered at once, by a packet that names no interval (0), whether the far end measures the path or not. A full-size one is
//! answered at once by the next of the far end's own, so that `ack` names exactly it.
//! No clock is compared with another: `time` means nothing to the far end, which sends it back as `echo`.

use std::time::Duration;

/// Bytes of a packet without padding.
pub const LEN: usize = 40;

const MAGIC: [u8; 2] = *b"PT";
const VERSION: u8 = 1;

const HEARS: u8 = 1;
const FULL: u8 = 2;
const LEAVING: u8 = 4;
const ASKS: u8 = 8;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packet {
    /// The sender hears the other end.
    pub hears: bool,
    /// It is padded to the tunnel's MTU.
    pub full: bool,
    /// The sender leaves this path: nothing more should come by it.
    pub leaving: bool,
    /// It is a question, to be answered at once.
    pub asks: bool,
    /// The sender's uplink.
    pub local: u8,
    /// The receiver's uplink.
    pub remote: u8,
    /// Milliseconds to the sender's next one; 0 where none comes by itself.
    pub interval_ms: u16,
    /// Counts the sender's packets on this path.
    pub seq: u32,
    /// The highest `seq` heard.
    pub ack: u32,
    /// The sender's clock in nanoseconds.
    pub time: u64,
    /// `time` of the packet that `ack` names.
    pub echo: u64,
    /// Microseconds since that one came.
    pub hold_us: u32,
    /// How many packets were heard.
    pub received: u32,
}

impl Packet {
    /// Its bytes.
    pub fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let flags = [(self.hears, HEARS), (self.full, FULL), (self.leaving, LEAVING), (self.asks, ASKS)];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2] = VERSION;
        bytes[3] = flags.iter().filter(|(is, _)| *is).map(|(_, bit)| bit).sum();
        (bytes[4], bytes[5]) = (self.local, self.remote);
        bytes[6..8].copy_from_slice(&self.interval_ms.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.seq.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.ack.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.time.to_be_bytes());
        bytes[24..32].copy_from_slice(&self.echo.to_be_bytes());
        bytes[32..36].copy_from_slice(&self.hold_us.to_be_bytes());
        bytes[36..].copy_from_slice(&self.received.to_be_bytes());
        bytes
    }

    /// Reads one; none where it is something else, or of a later version. Padding is zeros.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, padding) = bytes.split_first_chunk::<LEN>()?;
        let known = head[..2] == MAGIC && head[2] == VERSION && padding.iter().all(|byte| *byte == 0);
        if !known {
            return None;
        }
        let mut rest = &head[3..];
        let [flags, local, remote] = take(&mut rest)?;
        let packet = Self {
            hears: flags & HEARS != 0,
            full: flags & FULL != 0,
            leaving: flags & LEAVING != 0,
            asks: flags & ASKS != 0,
            local,
            remote,
            interval_ms: u16::from_be_bytes(take(&mut rest)?),
            seq: u32::from_be_bytes(take(&mut rest)?),
            ack: u32::from_be_bytes(take(&mut rest)?),
            time: u64::from_be_bytes(take(&mut rest)?),
            echo: u64::from_be_bytes(take(&mut rest)?),
            hold_us: u32::from_be_bytes(take(&mut rest)?),
            received: u32::from_be_bytes(take(&mut rest)?),
        };
        Some(packet)
    }

    /// What is said to a question at once; none to anything else.
    pub fn answer(&self, now: Duration) -> Option<Self> {
        self.asks.then(|| Self {
            hears: true,
            local: self.remote,
            remote: self.local,
            seq: self.seq,
            ack: self.seq,
            time: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            echo: self.time,
            received: 1,
            ..Self::default()
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet() -> impl Strategy<Value = Packet> {
        let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
        let small = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u32>(), any::<u32>());
        let large = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
        (flags, small, large).prop_map(|((hears, full, leaving, asks), small, large)| {
            let ((local, remote, interval_ms, seq, ack), (time, echo, hold_us, received)) = (small, large);
            Packet { hears, full, leaving, asks, local, remote, interval_ms, seq, ack, time, echo, hold_us, received }
        })
    }

    #[test]
    fn the_bytes_are_those_of_the_design() {
        let packet = Packet {
            hears: true,
            leaving: true,
            local: 1,
            remote: 2,
            interval_ms: 0x0304,
            seq: 0x0506_0708,
            ack: 0x090a_0b0c,
            time: 0x0d0e_0f10_1112_1314,
            echo: 0x1516_1718_191a_1b1c,
            hold_us: 0x1d1e_1f20,
            received: 0x2122_2324,
            ..Packet::default()
        };
        let numbers: Vec<u8> = (1..=0x24).collect();
        assert_eq!(packet.encode()[..], [&b"PT\x01\x05"[..], &numbers].concat());
    }

    #[test]
    fn an_answer_is_not_answered() {
        let asked = Packet { asks: true, seq: 7, time: 9, local: 1, ..Packet::default() };
        let answer = asked.answer(Duration::from_nanos(5)).unwrap();
        assert_eq!((answer.ack, answer.echo, answer.remote, answer.time), (7, 9, 1, 5));
        assert_eq!(answer.answer(Duration::ZERO), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(packet in packet(), padding in 0usize..1500) {
            let mut bytes = packet.encode().to_vec();
            bytes.resize(LEN + padding, 0);
            prop_assert_eq!(Packet::decode(&bytes), Some(packet));
        }

        #[test]
        fn rubbish_is_nothing(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let is_ours = bytes.len() >= LEN && bytes.starts_with(b"PT\x01") && bytes[LEN..].iter().all(|byte| *byte == 0);
            prop_assert_eq!(Packet::decode(&bytes).is_some(), is_ours);
        }
    }
}
