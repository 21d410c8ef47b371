//! Applications by name: those that are known without being declared, and those of a network, which come first.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use patronus_types::Name;
use patronus_types::api::policies::App;
use patronus_types::policy::{Apps, Service};

/// Ports are those of IANA's list, or the programs' defaults.
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

static KNOWN: LazyLock<Apps> = LazyLock::new(|| {
    let services = |list: &[&str]| list.iter().filter_map(|service| service.parse().ok()).collect();
    Apps(BUILT_IN.iter().filter_map(|(name, list)| Some((name.parse().ok()?, services(list)))).collect())
});

/// What an application is made of; one that the network declares comes before the one that is known by that name.
pub fn app<'a>(own: &'a Apps, name: &Name) -> Option<&'a [Service]> {
    own.get(name).or_else(|| KNOWN.get(name))
}

/// Every application that policies of a network can name, sorted by name.
pub fn apps(own: &Apps) -> Vec<App> {
    let known = KNOWN.0.iter().map(|(name, services)| (name, (services, true)));
    let own = own.0.iter().map(|(name, services)| (name, (services, false)));
    let all: BTreeMap<_, _> = known.chain(own).collect();
    let app = |(name, (services, built_in)): (&Name, (&Vec<Service>, bool))| App {
        name: name.clone(),
        services: services.clone(),
        built_in,
    };
    all.into_iter().map(app).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_one_can_be_read_and_own_ones_come_before_them() {
        let name = |name: &str| name.parse().unwrap();
        for (known, services) in BUILT_IN {
            assert_eq!(app(&Apps::default(), &name(known)).unwrap().len(), services.len(), "{known}");
        }
        let own: Apps = serde_json::from_str(r#"{"web": ["tcp/8080"], "erp": ["tcp/3200-3299"]}"#).unwrap();
        assert_eq!(app(&own, &name("web")).unwrap().len(), 1);
        let all = apps(&own);
        assert_eq!(all.len(), BUILT_IN.len() + 1);
        let own: Vec<_> = all.iter().filter(|app| !app.built_in).map(|app| app.name.as_str()).collect();
        assert_eq!(own, ["erp", "web"]);
        assert!(serde_json::from_str::<Apps>(r#"{"erp": ["tcp/0-65536"]}"#).is_err());
    }
}
