//! What the agent asks of the host beside the kernel's networking: ports, names of interfaces, a packet now and then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;

use socket2::{Domain, Socket, Type};

use crate::effects;
use crate::effects::model::Family;
use crate::effects::ports::{self, PortTaken};
use crate::effects::sysctl::{self, PortSet};

/// The number of `CAP_NET_ADMIN`.
const NET_ADMIN: u32 = 12;

const SETTINGS: &str = "/proc/sys/net";

/// A host.
pub trait Host: Send + Sync {
    /// Whether there is an interface of this name.
    fn has_interface(&self, name: &str) -> bool;

    /// Who has a UDP port; none if it can be bound.
    fn port_taken(&self, port: u16) -> Option<PortTaken>;

    /// Keeps ports from being given out by chance; gives those that were not kept before.
    fn reserve(&self, ports: RangeInclusive<u16>) -> effects::Result<PortSet>;

    /// Takes that back.
    fn release(&self, ports: &PortSet) -> effects::Result<()>;

    /// Whether new interfaces have IPv6.
    fn has_ipv6(&self) -> bool;

    /// Whether packets of others are passed on; also where that cannot be told.
    fn forwards(&self, family: Family) -> bool;

    /// Whether this process may change the kernel's networking.
    fn may_change_network(&self) -> bool;

    /// Sends a packet without content to each address through a device. Nobody waits for an answer.
    fn send(&self, device: &str, to: &[SocketAddr]);
}

/// This one.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisHost;

impl Host for ThisHost {
    fn has_interface(&self, name: &str) -> bool {
        let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::DGRAM, None);
        socket.is_ok_and(|socket| rustix::net::netdevice::name_to_index(socket, name).is_ok())
    }

    fn port_taken(&self, port: u16) -> Option<PortTaken> {
        ports::first_taken(port..=port)
    }

    fn reserve(&self, ports: RangeInclusive<u16>) -> effects::Result<PortSet> {
        sysctl::reserve_ports(ports)
    }

    fn release(&self, ports: &PortSet) -> effects::Result<()> {
        sysctl::release_ports(ports)
    }

    fn has_ipv6(&self) -> bool {
        // Where it is switched off, an address is refused as if the agent lacked a permission.
        let off = setting("ipv6/conf/default/disable_ipv6").is_some_and(|value| value == "1");
        Path::new("/proc/sys/net/ipv6").exists() && !off
    }

    fn forwards(&self, family: Family) -> bool {
        let folder = match family {
            Family::V4 => "ipv4/conf",
            Family::V6 => "ipv6/conf",
        };
        let Ok(devices) = std::fs::read_dir(Path::new(SETTINGS).join(folder)) else { return true };
        // Who switches it on for single devices knows what for; `default` says nothing of those that are there.
        let mut devices = devices.flatten().filter(|device| device.file_name() != "default");
        devices.any(|device| {
            let value = std::fs::read_to_string(device.path().join("forwarding"));
            value.is_ok_and(|value| value.trim() != "0")
        })
    }

    fn may_change_network(&self) -> bool {
        // Where it cannot be told, the first change will.
        std::fs::read_to_string("/proc/self/status").map_or(true, |status| has_net_admin(&status))
    }

    fn send(&self, device: &str, to: &[SocketAddr]) {
        let families: [(Domain, IpAddr); 2] =
            [(Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()), (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into())];
        for (domain, any) in families {
            let mut to = to.iter().filter(|address| address.is_ipv4() == any.is_ipv4()).peekable();
            if to.peek().is_none() {
                continue;
            }
            // A packet that cannot be sent is sent with the next look: the kernel's reasons are its own.
            let Ok(socket) = bound(domain, device) else { continue };
            for address in to {
                let _ = socket.send_to(&[], &(*address).into());
            }
        }
    }
}

/// A setting of the kernel below `/proc/sys/net`.
fn setting(path: &str) -> Option<String> {
    let value = std::fs::read_to_string(Path::new(SETTINGS).join(path)).ok()?;
    Some(value.trim().to_owned())
}

/// Whether `/proc/PID/status` names `CAP_NET_ADMIN` among the effective capabilities.
fn has_net_admin(status: &str) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_none_or(|set| set & (1 << NET_ADMIN) != 0)
}

fn bound(domain: Domain, device: &str) -> std::io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(device.as_bytes()))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_user_is_known() {
        assert!(has_net_admin("Name:\ta\nCapEff:\t000001ffffffffff\n"));
        assert!(has_net_admin("CapEff:\t0000000000001000\n"));
        assert!(!has_net_admin("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n"));
        assert!(has_net_admin("nothing of it"));
    }
}
