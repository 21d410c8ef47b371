//! Whether what is expected of policies is true.

use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::api::error::Fault;
use patronus_types::policy::{Action, Expectation, Expected, Point, PolicySpec, Protocol, Rule};

use super::resolve::of_site;
use super::{Flow, explain};
use crate::mesh::Site;

/// The most pairs of addresses that are tried.
const MOST_PAIRS: usize = 256;

/// What is not true of the rules, of all that the policies expect. Of a site each range behind it and each of its own addresses
/// is tried, in the families that both ends have.
pub fn expectations(policies: &[PolicySpec], rules: &[Rule], sites: &[Site]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for policy in policies {
        for (index, expectation) in policy.expect.iter().enumerate() {
            if let Err(why) = check(expectation, rules, sites) {
                let detail = format!("policy {} expects `{expectation}`: {why}", policy.name);
                faults.push(Fault { pointer: format!("/expect/{index}"), detail });
            }
        }
    }
    faults
}

/// Whether one is true.
///
/// # Errors
/// Why not, in words, or why it cannot be tried.
pub fn check(expectation: &Expectation, rules: &[Rule], sites: &[Site]) -> Result<(), String> {
    pairs(&expectation.from, &expectation.to, sites)?.into_iter().try_for_each(|(src, dst)| {
        let flow = flow(expectation, src, dst);
        let found = explain(rules, &flow);
        let is = |rule: &Rule| match (&rule.action, &expectation.outcome) {
            (Action::Drop, Expected::Drop) | (Action::RateLimit(_), Expected::RateLimit) => true,
            (Action::Route(_), Expected::Route(None)) => true,
            (Action::Route(route), Expected::Route(Some(uplink))) => route.prefer.first() == Some(uplink),
            _ => false,
        };
        let by_right_one = |rule: &Rule| expectation.by.as_ref().is_none_or(|by| *by == rule.name);
        match found.rule {
            Some(rule) if is(rule) && by_right_one(rule) => Ok(()),
            None if expectation.outcome == Expected::Route(None) && expectation.by.is_none() => Ok(()),
            Some(rule) => Err(format!("from {src} to {dst} policy {} decides: {}", rule.name, does(&rule.action))),
            None => Err(format!("from {src} to {dst} no policy matches, so the best path is taken")),
        }
    })
}

/// The addresses of two ends with each other, those of one family.
pub(super) fn pairs(from: &Point, to: &Point, sites: &[Site]) -> Result<Vec<(IpAddr, IpAddr)>, String> {
    let (from, to) = (addresses(from, sites)?, addresses(to, sites)?);
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
    let pairs: Vec<_> = pairs.filter(|(from, to)| from.is_ipv4() == to.is_ipv4()).take(MOST_PAIRS).collect();
    if pairs.is_empty() { Err("the two ends have no addresses of one family".to_owned()) } else { Ok(pairs) }
}

fn does(action: &Action) -> String {
    match action {
        Action::Drop => "drop".to_owned(),
        Action::RateLimit(_) => "rate_limit".to_owned(),
        Action::Route(route) => match route.prefer.first() {
            Some(uplink) => format!("route via {uplink}"),
            None => "route".to_owned(),
        },
    }
}

fn flow(expectation: &Expectation, src: IpAddr, dst: IpAddr) -> Flow {
    let service = expectation.service;
    let protocol = service.map_or(Protocol::TCP, |service| service.protocol);
    let dst_port = service.and_then(|service| service.ports).map(|ports| ports.first);
    let dscp = expectation.dscp.map(patronus_types::policy::Dscp::get).unwrap_or_default();
    Flow { src, dst, protocol, src_port: expectation.src_port, dst_port, dscp }
}

/// One address of each range.
fn addresses(point: &Point, sites: &[Site]) -> Result<Vec<IpAddr>, String> {
    match point {
        Point::Address(address) => Ok(vec![*address]),
        Point::Site(name) => match sites.iter().find(|site| site.spec.name == *name) {
            Some(site) => Ok(of_site(site).filter_map(host).collect()),
            None => Err(format!("there is no site {name}")),
        },
    }
}

fn host(range: IpNet) -> Option<IpAddr> {
    range.hosts().next()
}

#[cfg(test)]
mod tests {
    use patronus_types::SiteId;
    use patronus_types::site::{SiteInput, SiteSpec};

    use super::*;
    use patronus_types::policy::Apps;

    use crate::policy::resolve;

    fn site(number: u8, name: &str, prefixes: &str) -> Site {
        let json = format!(r#"{{"name": "{name}", "prefixes": {prefixes}, "labels": {{"role": "branch"}}}}"#);
        let spec: SiteSpec = serde_json::from_str::<SiteInput>(&json).unwrap().into_spec().unwrap().0;
        let addresses = vec![IpAddr::from([10, 210, 0, number])];
        Site {
            id: SiteId::new(number.into(), &[0; 10]),
            spec,
            addresses,
            public_keys: Vec::new(),
            port_base: None,
            spare_key: None,
        }
    }

    fn faults(policies: &str) -> Vec<String> {
        let sites = [site(1, "ams", r#"["192.168.1.0/24", "fd01::/64"]"#), site(2, "fra", r#"["192.168.2.0/24"]"#)];
        let policies: Vec<PolicySpec> = serde_json::from_str(policies).unwrap();
        let rules = resolve(&policies, &sites, &Apps::default()).unwrap();
        expectations(&policies, &rules, &sites).into_iter().map(|fault| fault.detail).collect()
    }

    fn with(expect: &str) -> Vec<String> {
        faults(&format!(
            r#"[{{"name": "web", "priority": 10, "action": "route", "match_criteria": {{"src": "site:ams", "dst": "role=branch", "app": "web"}},
                 "route": {{"prefer": ["fiber", "lte"]}}, "expect": ["{expect}"]}},
                {{"name": "no-telnet", "priority": 20, "action": "drop", "match_criteria": {{"protocol": "tcp", "dst_ports": 23}}}}]"#
        ))
    }

    #[test]
    fn what_is_true_passes_and_what_is_not_is_told_with_what_is() {
        for line in [
            "from ams to fra tcp/443 → route via fiber",
            "from ams to fra tcp/443 → route by web",
            "from ams to fra udp/53 → route",
            "from fra to ams tcp/23 -> drop by no-telnet",
            "from 10.9.9.9 to fra tcp/443 → route",
        ] {
            assert_eq!(with(line), Vec::<String>::new(), "{line}");
        }
        for (line, said) in [
            (
                "from ams to fra tcp/443 → route via lte",
                "from 192.168.1.1 to 192.168.2.1 policy web decides: route via fiber",
            ),
            ("from ams to fra tcp/23 → route", "policy no-telnet decides: drop"),
            ("from ams to fra udp/53 → drop", "no policy matches, so the best path is taken"),
            ("from ams to fra udp/53 → route by web", "no policy matches"),
            ("from ams to lon tcp/443 → drop", "there is no site lon"),
            ("from fd01::1 to fra tcp/443 → route", "no addresses of one family"),
        ] {
            let told = with(line);
            assert!(told.len() == 1 && told[0].contains(said), "{line}: {told:?}");
        }
    }
}
