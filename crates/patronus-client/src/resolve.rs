//! Names to addresses: the system's answer, less those to which this host has no way.
//!
//! A name with IPv4 and IPv6 is tried by both, and one error is told. On a host without IPv6 that was "no route to it",
//! where the truth, by IPv4, was that nothing listens there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Any port but 0: the kernel looks only at the address.
const PORT: u16 = 443;

/// The system's resolver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reachable;

impl Resolve for Reachable {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(reachable(found.collect()).into_iter()) as Addrs)
        })
    }
}

/// Those with a way to them; all where none has one, so that the error is about a real one.
fn reachable(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let near: Vec<SocketAddr> = addresses.iter().copied().filter(|address| has_way(address.ip())).collect();
    if near.is_empty() { addresses } else { near }
}

/// Connecting a datagram socket sends nothing, and fails at once where the routing table has no way.
fn has_way(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, PORT))).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_way_is_left_out_unless_it_is_the_only_one() {
        let of = |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        // Only a socket that asks for it may broadcast: there is a way to this one on no machine.
        let (gone, here) = ("255.255.255.255:0", "127.0.0.1:0");
        assert_eq!(reachable(of(&[gone, here])), of(&[here]));
        assert_eq!(reachable(of(&[gone])), of(&[gone]));
        assert_eq!(reachable(Vec::new()), Vec::new());
    }
}
