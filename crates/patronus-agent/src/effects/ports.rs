//! UDP ports: whether they can be had, and who has them.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;

use socket2::{Domain, Socket, Type};

/// A port that cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortTaken {
    /// The port.
    pub port: u16,
    /// Who holds it, where that could be found out.
    pub holder: Option<String>,
}

/// The first port of a block that cannot be bound, for IPv4 or IPv6. A port that a tunnel of ours holds counts as taken,
/// so ask only for new ones.
pub fn first_taken(ports: RangeInclusive<u16>) -> Option<PortTaken> {
    let mut ports = ports;
    ports.find(|port| !is_free(*port)).map(|port| PortTaken { port, holder: holder(port) })
}

/// Whether a port can be bound, as WireGuard would: for IPv4, and for IPv6 where there is any.
pub fn is_free(port: u16) -> bool {
    let v4 = bind(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into());
    let v6 = bind(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into());
    v4.is_ok() && !v6.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn bind(domain: Domain, address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())
}

/// Who holds a UDP port, as `name (pid 123)`. The kernel's own sockets belong to no process.
pub fn holder(port: u16) -> Option<String> {
    let inode = inode_of(port)?;
    if inode == "0" {
        return Some("the kernel (a WireGuard interface of someone else?)".to_owned());
    }
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        // Numbers only: `self` is a process as well.
        let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
        holds(&entry.path().join("fd"), &wanted).then_some(())?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some(format!("{} (pid {pid})", name.trim()))
    })
}

fn inode_of(port: u16) -> Option<String> {
    // Not `/proc/net`: that is the network namespace of the first thread.
    let tables = ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"];
    tables.iter().find_map(|path| inode_in(&fs::read_to_string(path).ok()?, port))
}

fn inode_in(table: &str, port: u16) -> Option<String> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let local = fields.nth(1)?;
        let inode = fields.nth(7)?;
        local.ends_with(&suffix).then(|| inode.to_owned())
    })
}

fn holds(descriptors: &Path, wanted: &str) -> bool {
    let Ok(entries) = fs::read_dir(descriptors) else { return false };
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inode_is_read_from_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     1234: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 98765 2 0000000000000000 0\n";
        assert_eq!(inode_in(table, 51820).as_deref(), Some("98765"));
        assert_eq!(inode_in(table, 51821), None);
    }

    #[test]
    fn a_taken_port_names_its_holder() {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let taken = first_taken(port..=port).unwrap();
        assert_eq!(taken.port, port);
        assert!(taken.holder.unwrap().contains(&std::process::id().to_string()));
        drop(socket);
        assert_eq!(first_taken(port..=port), None);
    }
}
