//! From values to text. Peers are written one by one, so that a block may be shared by many files.

use std::fmt::{self, Display};

use super::{Config, Interface, Peer};

impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.interface)?;
        self.peers.iter().try_for_each(|peer| write!(f, "\n{peer}"))
    }
}

impl Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[Interface]\n# PrivateKey = (stays on the site; put it here to use this file by hand)\n")?;
        if !self.addresses.is_empty() {
            writeln!(f, "Address = {}", List(&self.addresses))?;
        }
        setting(f, "ListenPort", self.listen_port)?;
        setting(f, "MTU", self.mtu)?;
        setting(f, "Table", self.table_off.then_some("off"))
    }
}

impl Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[Peer]\nPublicKey = {}", self.public_key)?;
        if !self.allowed_ips.is_empty() {
            writeln!(f, "AllowedIPs = {}", List(&self.allowed_ips))?;
        }
        setting(f, "Endpoint", self.endpoint.as_ref())?;
        setting(f, "PersistentKeepalive", self.keepalive_s)
    }
}

fn setting(f: &mut fmt::Formatter<'_>, key: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| writeln!(f, "{key} = {value}"))
}

struct List<'a, T>(&'a [T]);

impl<T: Display> Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        Ok(())
    }
}
