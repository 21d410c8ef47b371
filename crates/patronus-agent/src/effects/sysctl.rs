//! The few settings of the host that Patronus changes, each with its earlier value, so that it can be put back.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::link::check_name;

/// A setting under `/proc/sys/net`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Reverse-path filter of a device; the greater of it and `all` counts.
    RpFilter(String),
    /// Whether a device answers ARP only for its own addresses.
    ArpIgnore(String),
    /// Which source address a device announces by ARP.
    ArpAnnounce(String),
    /// Whether a device makes itself a link-local address.
    AddressGeneration(String),
    /// UDP and TCP ports that are never given out by themselves.
    ReservedPorts,
}

impl Setting {
    /// The setting of a path below `/proc/sys`; none if it is not one of those that Patronus changes.
    pub fn at(path: &str) -> Option<Self> {
        let words: Vec<&str> = path.split('/').collect();
        let setting = match words.as_slice() {
            ["net", "ipv4", "ip_local_reserved_ports"] => return Some(Self::ReservedPorts),
            ["net", "ipv4", "conf", device, "rp_filter"] => Self::RpFilter((*device).to_owned()),
            ["net", "ipv4", "conf", device, "arp_ignore"] => Self::ArpIgnore((*device).to_owned()),
            ["net", "ipv4", "conf", device, "arp_announce"] => Self::ArpAnnounce((*device).to_owned()),
            ["net", "ipv6", "conf", device, "addr_gen_mode"] => Self::AddressGeneration((*device).to_owned()),
            _ => return None,
        };
        setting.path().is_ok().then_some(setting)
    }

    /// Its path below `/proc/sys`.
    pub fn path(&self) -> Result<String> {
        let (version, device, file) = match self {
            Self::RpFilter(device) => (4, device, "rp_filter"),
            Self::ArpIgnore(device) => (4, device, "arp_ignore"),
            Self::ArpAnnounce(device) => (4, device, "arp_announce"),
            Self::AddressGeneration(device) => (6, device, "addr_gen_mode"),
            Self::ReservedPorts => return Ok("net/ipv4/ip_local_reserved_ports".to_owned()),
        };
        check_name(device)?;
        Ok(format!("net/ipv{version}/conf/{device}/{file}"))
    }

    fn file(&self) -> Result<PathBuf> {
        Ok(PathBuf::from("/proc/sys").join(self.path()?))
    }

    /// Its value; none where the kernel has no such setting or the device is gone.
    pub fn read(&self) -> Result<Option<String>> {
        let path = self.file()?;
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { doing: "read", path, source }),
        }
    }

    /// Sets it and says what it was, if that was something else. Without such a setting nothing happens.
    pub fn write(&self, value: &str) -> Result<Option<String>> {
        match self.read()? {
            Some(earlier) if earlier != value => {
                let path = self.file()?;
                fs::write(&path, value).map_err(|source| Error::File { doing: "write", path, source })?;
                Ok(Some(earlier))
            }
            _ => Ok(None),
        }
    }
}

/// Adds ports to `ip_local_reserved_ports` and says which of them were not there: those, and no others, are to be
/// released later.
pub fn reserve_ports(ports: RangeInclusive<u16>) -> Result<PortSet> {
    let Some(text) = Setting::ReservedPorts.read()? else { return Ok(PortSet::default()) };
    let mut all = PortSet::parse(&text);
    let added = PortSet(ports.filter(|port| all.0.insert(*port)).collect());
    if !added.0.is_empty() {
        Setting::ReservedPorts.write(&all.to_string())?;
    }
    Ok(added)
}

/// Takes ports out of `ip_local_reserved_ports`.
pub fn release_ports(ports: &PortSet) -> Result<()> {
    let Some(text) = Setting::ReservedPorts.read()? else { return Ok(()) };
    let mut all = PortSet::parse(&text);
    all.0.retain(|port| !ports.0.contains(port));
    // The kernel takes an empty line for an empty list, and nothing at all for nothing to do.
    Setting::ReservedPorts.write(&format!("{all}\n")).map(drop)
}

/// A set of ports, written as the kernel does: `51820-51837,60000`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortSet(BTreeSet<u16>);

impl PortSet {
    /// Reads the kernel's form; what is no port is left out.
    pub fn parse(text: &str) -> Self {
        let ports = text.trim().split(',').filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse::<u16>().ok()?..=last.trim().parse::<u16>().ok()?)
        });
        Self(ports.flatten().collect())
    }

    /// Whether a port is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ports = self.0.iter().copied().peekable();
        let mut separator = "";
        while let Some(first) = ports.next() {
            let mut last = first;
            while ports.next_if(|port| last.checked_add(1) == Some(*port)).is_some() {
                last += 1;
            }
            f.write_str(separator)?;
            if first == last {
                write!(f, "{first}")?
            } else {
                write!(f, "{first}-{last}")?
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_as_the_kernel_does() {
        for text in ["", "8080", "1-3,5,7-8", "65534-65535", "51820-51837,60000"] {
            assert_eq!(PortSet::parse(text).to_string(), text);
        }
        assert_eq!(PortSet::parse(" 3,1,2\n").to_string(), "1-3");
    }

    #[test]
    fn a_setting_leads_nowhere_else() {
        assert!(Setting::RpFilter("../../..".to_owned()).path().is_err());
        assert!(Setting::RpFilter("a/b".to_owned()).path().is_err());
        assert_eq!(Setting::at("net/ipv4/conf/../rp_filter"), None);
        assert_eq!(Setting::at("kernel/core_pattern"), None);
    }

    #[test]
    fn a_path_is_a_setting_and_back() {
        for setting in
            [Setting::ReservedPorts, Setting::ArpIgnore("eth0.7".to_owned()), Setting::RpFilter("wan".to_owned())]
        {
            assert_eq!(Setting::at(&setting.path().unwrap()), Some(setting));
        }
    }
}
