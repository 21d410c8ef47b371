//! Packets as bytes: written with a number behind all headers, and known again by it.

use std::net::IpAddr;

use super::draw::{BARE, ICMP, ICMPV6, Packet, TCP, UDP};

/// What stands before the number.
const MAGIC: [u8; 6] = *b"differ";

/// Where in a conversation a TCP packet stands.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    pub flags: u8,
    pub sequence: u32,
    pub acknowledged: u32,
}

pub const SYN: Segment = Segment { flags: 2, sequence: 0, acknowledged: 0 };
pub const SYN_ACK: Segment = Segment { flags: 0x12, sequence: 0, acknowledged: 1 };
pub const ACK: Segment = Segment { flags: 0x10, sequence: 1, acknowledged: 1 };

/// The first packet of its flow.
pub fn write(packet: &Packet) -> Vec<u8> {
    write_segment(packet, SYN, 0)
}

/// The same with more behind it.
pub fn write_segment(packet: &Packet, segment: Segment, padding: usize) -> Vec<u8> {
    if packet.protocol == BARE {
        return ip(packet, 0);
    }
    let mut payload = [&MAGIC[..], &packet.id.to_be_bytes()].concat();
    payload.resize(payload.len() + padding, 0);
    let mut body = [header(packet, segment, payload.len()), payload].concat();
    if let Some(at) = checksum_at(packet.protocol) {
        let sum = match packet.protocol {
            ICMP => sum(&body),
            // Zero would mean that there is none.
            UDP => match sum(&[pseudo(packet, body.len()), body.clone()].concat()) {
                0 => u16::MAX,
                sum => sum,
            },
            _ => sum(&[pseudo(packet, body.len()), body.clone()].concat()),
        };
        body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    [ip(packet, body.len()), body].concat()
}

/// The number of a packet; none of what the kernel answers by itself.
pub fn number(bytes: &[u8]) -> Option<u16> {
    let (protocol, body) = match bytes.first()? >> 4 {
        4 => (*bytes.get(9)?, bytes.get(20..)?),
        _ => (*bytes.get(6)?, bytes.get(40..)?),
    };
    if protocol == BARE {
        let at = if bytes[0] >> 4 == 4 { 4 } else { 2 };
        return Some(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    }
    let echo = match protocol {
        ICMP => Some(8),
        ICMPV6 => Some(128),
        _ => None,
    };
    let payload = body.get(header_length(protocol)..)?.strip_prefix(&MAGIC)?;
    let is_first = echo.is_none_or(|echo| body[0] == echo);
    let number: [u8; 2] = payload.get(..2)?.try_into().ok()?;
    is_first.then(|| u16::from_be_bytes(number))
}

fn header_length(protocol: u8) -> usize {
    match protocol {
        TCP => 20,
        UDP | ICMP | ICMPV6 => 8,
        _ => 4,
    }
}

fn checksum_at(protocol: u8) -> Option<usize> {
    match protocol {
        TCP => Some(16),
        UDP => Some(6),
        ICMP | ICMPV6 => Some(2),
        _ => None,
    }
}

fn header(packet: &Packet, segment: Segment, payload: usize) -> Vec<u8> {
    let ports = [packet.src_port.to_be_bytes(), packet.dst_port.to_be_bytes()].concat();
    match packet.protocol {
        TCP => {
            let Segment { flags, sequence, acknowledged } = segment;
            let (sequence, acknowledged) = (sequence.to_be_bytes(), acknowledged.to_be_bytes());
            [&ports[..], &sequence, &acknowledged, &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]].concat()
        }
        UDP => [&ports[..], &length(8 + payload), &[0, 0]].concat(),
        ICMP => [&[8, 0, 0, 0][..], &packet.id.to_be_bytes(), &[0, 1]].concat(),
        ICMPV6 => [&[128, 0, 0, 0][..], &packet.id.to_be_bytes(), &[0, 1]].concat(),
        // GRE around IPv4, nothing else said.
        _ => vec![0, 0, 8, 0],
    }
}

fn ip(packet: &Packet, body: usize) -> Vec<u8> {
    let Packet { id, protocol, dscp, .. } = *packet;
    match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let id = id.to_be_bytes();
            let mut header = [
                &[0x45, dscp << 2][..],
                &length(20 + body),
                &id,
                &[0, 0, 64, protocol, 0, 0],
                &src.octets(),
                &dst.octets(),
            ]
            .concat();
            let sum = sum(&header).to_be_bytes();
            header[10..12].copy_from_slice(&sum);
            header
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let first = 0x6000_0000 | u32::from(dscp) << 22 | u32::from(id);
            [&first.to_be_bytes()[..], &length(body), &[protocol, 64], &src.octets(), &dst.octets()].concat()
        }
        _ => Vec::new(),
    }
}

/// What the checksum covers besides the packet.
fn pseudo(packet: &Packet, body: usize) -> Vec<u8> {
    let end = [&length(body)[..], &[0, packet.protocol]].concat();
    match (packet.src, packet.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => [&src.octets()[..], &dst.octets(), &end].concat(),
        (IpAddr::V6(src), IpAddr::V6(dst)) => [&src.octets()[..], &dst.octets(), &end].concat(),
        _ => Vec::new(),
    }
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap().to_be_bytes()
}

/// The internet checksum.
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}
