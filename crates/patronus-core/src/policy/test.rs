//! What policies do with packets between two ends, for people who ask.

use std::net::IpAddr;

use patronus_types::api::policies::{Missed, TestRequest, TestVerdict};
use patronus_types::policy::{Dscp, Point, Protocol, Rule};

use super::expect::pairs;
use super::{Flow, explain};
use crate::mesh::Site;

/// What becomes of the packets, by pairs of addresses that are treated alike; the most pairs first.
///
/// # Errors
/// Why it cannot be said: a site that is not there, or two ends without addresses of one family.
pub fn test(
    request: &TestRequest,
    (from, to): (&Point, &Point),
    rules: &[Rule],
    sites: &[Site],
) -> Result<Vec<TestVerdict>, String> {
    let mut verdicts: Vec<TestVerdict> = Vec::new();
    for (src, dst) in pairs(from, to, sites)? {
        let verdict = one(request, (src, dst), rules);
        let alike = |other: &&mut TestVerdict| (&other.policy, src.is_ipv4()) == (&verdict.policy, other.src.is_ipv4());
        match verdicts.iter_mut().find(alike) {
            Some(known) => known.pairs += 1,
            None => verdicts.push(verdict),
        }
    }
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.pairs));
    Ok(verdicts)
}

fn one(request: &TestRequest, (src, dst): (IpAddr, IpAddr), rules: &[Rule]) -> TestVerdict {
    let service = request.service;
    let flow = Flow {
        src,
        dst,
        protocol: service.map_or(Protocol::TCP, |service| service.protocol),
        src_port: request.src_port,
        dst_port: service.and_then(|service| service.ports).map(|ports| ports.first),
        dscp: request.dscp.map(Dscp::get).unwrap_or_default(),
    };
    let found = explain(rules, &flow);
    let missed = found.missed.into_iter().map(|(name, miss)| Missed { policy: name.clone(), reason: miss.to_string() });
    TestVerdict {
        src,
        dst,
        pairs: 1,
        policy: found.rule.map(|rule| rule.name.clone()),
        action: found.rule.map(|rule| rule.action.clone()),
        missed: missed.collect(),
    }
}

#[cfg(test)]
mod tests {
    use patronus_types::SiteId;
    use patronus_types::site::SiteInput;

    use super::*;

    fn site(number: u8, name: &str, prefixes: &str) -> Site {
        let json = format!(r#"{{"name": "{name}", "prefixes": {prefixes}}}"#);
        let (spec, _) = serde_json::from_str::<SiteInput>(&json).unwrap().into_spec().unwrap();
        let (id, addresses) = (SiteId::new(number.into(), &[0; 10]), vec![IpAddr::from([10, 210, 0, number])]);
        Site { id, spec, addresses, public_keys: Vec::new(), port_base: None, spare_key: None }
    }

    #[test]
    fn pairs_that_are_treated_alike_are_told_once() {
        let sites = [site(1, "ams", r#"["192.168.1.0/24"]"#), site(2, "fra", r#"["192.168.2.0/24"]"#)];
        let rules: Vec<Rule> = serde_json::from_str(
            r#"[{"name": "telnet", "services": ["tcp/23"], "action": "drop"},
                {"name": "lan", "dst": ["192.168.0.0/16"], "action": {"route": {"prefer": ["lte"]}}}]"#,
        )
        .unwrap();
        let request = TestRequest { service: Some("tcp/443".parse().unwrap()), ..TestRequest::default() };
        let ends = (&"ams".parse().unwrap(), &"fra".parse().unwrap());
        let verdicts = test(&request, ends, &rules, &sites).unwrap();
        let told: Vec<_> = verdicts.iter().map(|it| (it.policy.as_ref().map(|name| name.as_str()), it.pairs)).collect();
        assert_eq!(told, [(Some("lan"), 2), (None, 2)]);
        assert_eq!(verdicts[0].missed[0].reason, "443 is none of its destination ports");
        assert!(test(&request, (ends.0, &"lon".parse().unwrap()), &rules, &sites).unwrap_err().contains("no site lon"));
    }
}
