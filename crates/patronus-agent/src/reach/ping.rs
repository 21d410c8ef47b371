//! An ICMP echo and its answer, by a socket for just that where the host allows it, else by a raw one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long after one echo the next one is sent: a single packet may be lost.
const AGAIN: Duration = Duration::from_millis(400);
const HEADER: usize = 8;
const NONCE: usize = 16;

/// Sends echoes until one is answered.
///
/// # Errors
/// When there is no way to the address, or the socket cannot be made.
pub(super) async fn ping(address: IpAddr) -> io::Result<()> {
    let socket = socket(address)?;
    let nonce = nonce()?;
    let mut answer = [0; 1024];
    for seq in 0u16.. {
        socket.send(&request(address, seq, &nonce)).await?;
        let answered = async {
            loop {
                let len = socket.recv(&mut answer).await?;
                if is_answer(address, &answer[..len], &nonce) {
                    return Ok(());
                }
            }
        };
        if let Ok(answered) = timeout(AGAIN, answered).await {
            return answered;
        }
    }
    Ok(())
}

/// Linux lets some groups ping without a privilege (`ping_group_range`), by default not even root's.
fn socket(address: IpAddr) -> io::Result<UdpSocket> {
    let (domain, protocol) = match address {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket =
        Socket::new(domain, Type::DGRAM, Some(protocol)).or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)))?;
    socket.set_nonblocking(true)?;
    socket.connect(&SocketAddr::new(address, 0).into())?;
    UdpSocket::from_std(socket.into())
}

/// Nobody else's echo has it, and nobody who has not seen ours.
fn nonce() -> io::Result<[u8; NONCE]> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    Ok(nonce)
}

fn request(address: IpAddr, seq: u16, nonce: &[u8; NONCE]) -> Vec<u8> {
    let kind = if address.is_ipv4() { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0, nonce[0], nonce[1]];
    packet.extend(seq.to_be_bytes());
    packet.extend(nonce);
    if address.is_ipv4() {
        // For IPv6 it is over addresses too, and the kernel writes it.
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

fn is_answer(address: IpAddr, packet: &[u8], nonce: &[u8; NONCE]) -> bool {
    // A raw socket gives the IPv4 header along.
    let packet = match (address, packet.first()) {
        (IpAddr::V4(_), Some(first)) if first >> 4 == 4 => {
            packet.get(usize::from(first & 0xf) * 4..).unwrap_or_default()
        }
        _ => packet,
    };
    let kind = if address.is_ipv4() { 0 } else { 129 };
    packet.first() == Some(&kind) && packet.get(HEADER..HEADER + NONCE) == Some(nonce.as_slice())
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or_default()));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_echo_is_well_formed_and_only_its_answer_counts() {
        let request = request(V4, 7, &[9; NONCE]);
        assert_eq!(checksum(&request), 0, "with its checksum in it");
        assert!(!is_answer(V4, &request, &[9; NONCE]), "it is not its own answer");
        let mut answer = request.clone();
        answer[0] = 0;
        assert!(is_answer(V4, &answer, &[9; NONCE]) && !is_answer(V4, &answer, &[8; NONCE]));
        let raw = [&[0x45; 20][..], &answer].concat();
        assert!(is_answer(V4, &raw, &[9; NONCE]));
        for cut in 0..raw.len() {
            assert!(!is_answer(V4, &raw[..cut], &[9; NONCE]));
        }
    }
}
