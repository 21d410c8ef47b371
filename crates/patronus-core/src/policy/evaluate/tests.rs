use patronus_types::policy::PolicySpec;

use super::*;
use patronus_types::policy::Apps;

use crate::policy::resolve;

fn rules(policies: &str) -> Vec<Rule> {
    let policies: Vec<PolicySpec> = serde_json::from_str(policies).unwrap();
    resolve(&policies, &[], &Apps::default()).unwrap()
}

fn one(criteria: &str) -> Rule {
    rules(&format!(r#"[{{"name": "a", "priority": 1, "action": "drop", "match_criteria": {criteria}}}]"#)).remove(0)
}

fn flow(src: &str, dst: &str, service: &str) -> Flow {
    let service: patronus_types::policy::Service = service.parse().unwrap();
    let dst_port = service.ports.map(|ports| ports.first);
    let src_port = dst_port.map(|_| 40_000);
    Flow {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        protocol: service.protocol,
        src_port,
        dst_port,
        dscp: 46,
    }
}

#[test]
fn all_that_is_given_must_hold() {
    let web = flow("10.1.0.1", "10.2.0.2", "tcp/443");
    for (criteria, miss) in [
        (r#"{}"#, None),
        (r#"{"src": "10.1.0.0/16", "dst": ["10.3.0.0/16", "10.2.0.0/16"]}"#, None),
        (r#"{"src": "10.2.0.0/16"}"#, Some(Miss::Source(web.src))),
        (r#"{"src": "10.1.0.0/16", "dst": "10.1.0.0/16"}"#, Some(Miss::Destination(web.dst))),
        (r#"{"src": "fd00::/8"}"#, Some(Miss::Source(web.src))),
        (r#"{"src": "role=none"}"#, Some(Miss::Source(web.src))),
        (r#"{"protocol": "tcp"}"#, None),
        (r#"{"protocol": "udp"}"#, Some(Miss::Protocol(Protocol::TCP))),
        (r#"{"dst_ports": "400-500"}"#, None),
        (r#"{"dst_ports": [80, "444-500"]}"#, Some(Miss::Port(Some(443)))),
        (r#"{"protocol": "udp", "dst_ports": 443}"#, Some(Miss::Protocol(Protocol::TCP))),
        (r#"{"src_ports": "32768-65535"}"#, None),
        (r#"{"src_ports": 1}"#, Some(Miss::SourcePort(Some(40_000)))),
        (r#"{"app": "web"}"#, None),
        (r#"{"app": "dns"}"#, Some(Miss::Port(Some(443)))),
        (r#"{"app": "rtp"}"#, Some(Miss::Protocol(Protocol::TCP))),
        (r#"{"dscp": "ef"}"#, None),
        (r#"{"dscp": "cs1"}"#, Some(Miss::Dscp(46))),
    ] {
        assert_eq!(misses(&one(criteria), &web), miss, "{criteria}");
    }
    let unknown = Flow { dst_port: None, src_port: None, ..web };
    assert_eq!(misses(&one(r#"{"dst_ports": 443}"#), &unknown), Some(Miss::Port(None)));
    assert_eq!(
        misses(&one(r#"{"dst_ports": 1}"#), &flow("10.1.0.1", "10.2.0.2", "icmp")),
        Some(Miss::Protocol(Protocol(1)))
    );
}

#[test]
fn the_first_by_priority_and_name_decides() {
    let rules = rules(
        r#"[{"name": "b", "priority": 10, "action": "route", "match_criteria": {"dst": "10.2.0.0/16"}},
            {"name": "a", "priority": 10, "action": "drop", "match_criteria": {"dst": "10.2.0.0/16"}},
            {"name": "z", "priority": 1000, "action": "route", "match_criteria": {"dst_ports": 22}},
            {"name": "c", "priority": 0, "action": "drop", "match_criteria": {}}]"#,
    );
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["z", "a", "b", "c"]);
    let found = explain(&rules, &flow("10.1.0.1", "10.2.0.2", "tcp/443"));
    assert_eq!(found.rule.unwrap().name.as_str(), "a");
    assert_eq!(found.missed.len(), 1);
    assert_eq!(found.missed[0].1.to_string(), "443 is none of its destination ports");
    assert_eq!(explain(&rules, &flow("10.1.0.1", "10.3.0.2", "icmp")).rule.unwrap().name.as_str(), "c");
    assert_eq!(evaluate(&rules[..2], &flow("10.1.0.1", "10.3.0.2", "icmp")), None);
}

#[test]
fn lists_become_as_short_as_they_can() {
    let rule = one(
        r#"{"src": ["10.1.0.0/17", "10.1.128.0/17", "10.1.3.0/24", "fd00::/9", "fd80::/9"], "dst_ports": ["80-90", 91, 85, 443]}"#,
    );
    let src: Vec<String> = rule.src.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(src, ["10.1.0.0/16", "fd00::/8"]);
    let services: Vec<String> = rule.services.iter().map(ToString::to_string).collect();
    assert_eq!(services, ["tcp/80-91", "tcp/443", "udp/80-91", "udp/443"]);
}

#[test]
fn what_is_not_there_is_refused_with_what_was_probably_meant() {
    let policies: Vec<PolicySpec> = serde_json::from_str(
        r#"[{"name": "a", "priority": 1, "action": "drop", "match_criteria": {"src": ["10.0.0.0/8", "site:ams"], "app": "wep"}},
            {"name": "b", "priority": 1, "action": "rate_limit", "match_criteria": {}},
            {"name": "c", "priority": 1, "action": "drop", "match_criteria": {"app": "ping", "src_ports": 1}}]"#,
    )
    .unwrap();
    let faults = resolve(&policies, &[], &Apps::default()).unwrap_err();
    let told: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.detail.as_str())).collect();
    assert_eq!(
        told,
        [
            ("/match_criteria/src/1", "policy a: there is no site ams"),
            ("/match_criteria/app", "policy a: there is no application wep: did you mean web?"),
            ("/action", "policy b: `rate_limit` is incomplete"),
            ("/match_criteria/src_ports", "policy c: the application has icmp too, which has no ports: leave them out"),
        ]
    );
}
