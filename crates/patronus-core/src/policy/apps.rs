//! Named applications: sets of protocols and ports.

use std::collections::BTreeMap;

use patronus_types::Name;
use patronus_types::policy::Service;
use serde::{Deserialize, Serialize};

/// The applications that are known without being declared. Ports are those of IANA's list, or the programs' defaults.
const BUILT_IN: [(&str, &[&str]); 22] = [
    ("bgp", &["tcp/179"]),
    ("dns", &["tcp/53", "udp/53", "tcp/853"]),
    ("ftp", &["tcp/20-21"]),
    ("ipsec", &["udp/500", "udp/4500", "esp", "ah"]),
    ("kerberos", &["tcp/88", "udp/88", "tcp/464", "udp/464"]),
    ("ldap", &["tcp/389", "udp/389", "tcp/636"]),
    ("mail", &["tcp/25", "tcp/110", "tcp/143", "tcp/465", "tcp/587", "tcp/993", "tcp/995"]),
    ("mssql", &["tcp/1433", "udp/1434"]),
    ("mysql", &["tcp/3306"]),
    ("nfs", &["tcp/111", "udp/111", "tcp/2049", "udp/2049"]),
    ("ntp", &["udp/123"]),
    ("ping", &["icmp", "icmpv6"]),
    ("postgresql", &["tcp/5432"]),
    ("rdp", &["tcp/3389", "udp/3389"]),
    ("rtp", &["udp/16384-32767"]),
    ("sip", &["tcp/5060-5061", "udp/5060-5061"]),
    ("smb", &["tcp/139", "tcp/445", "udp/137-138"]),
    ("snmp", &["udp/161-162"]),
    ("ssh", &["tcp/22"]),
    ("syslog", &["udp/514", "tcp/514", "tcp/6514"]),
    ("voip", &["tcp/5060-5061", "udp/5060-5061", "udp/16384-32767"]),
    ("web", &["tcp/80", "tcp/443", "udp/443"]),
];

/// A table of applications by name, as it is written: `web: [tcp/80, tcp/443]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Apps(BTreeMap<Name, Vec<Service>>);

impl Default for Apps {
    /// The built-in table.
    fn default() -> Self {
        let services = |list: &[&str]| list.iter().filter_map(|service| service.parse().ok()).collect();
        Self(BUILT_IN.iter().filter_map(|(name, list)| Some((name.parse().ok()?, services(list)))).collect())
    }
}

impl Apps {
    /// With the applications of another table, which replace those of the same name.
    pub fn with(mut self, own: Self) -> Self {
        self.0.extend(own.0);
        self
    }

    /// What an application is made of.
    pub fn get(&self, name: &Name) -> Option<&[Service]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_one_can_be_read_and_own_ones_come_before_them() {
        let apps = Apps::default();
        for (name, services) in BUILT_IN {
            assert_eq!(apps.get(&name.parse().unwrap()).unwrap().len(), services.len(), "{name}");
        }
        let own: Apps = serde_json::from_str(r#"{"web": ["tcp/8080"], "erp": ["tcp/3200-3299"]}"#).unwrap();
        let all = apps.with(own);
        assert_eq!(all.names().count(), BUILT_IN.len() + 1);
        assert_eq!(all.get(&"web".parse().unwrap()).unwrap().len(), 1);
        assert!(serde_json::from_str::<Apps>(r#"{"erp": ["tcp/0-65536"]}"#).is_err());
    }
}
