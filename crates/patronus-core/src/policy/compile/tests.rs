use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::policy::{PolicySpec, Ports, Protocol, Service};
use proptest::prelude::*;

use super::*;
use patronus_types::policy::Apps;

use crate::policy::{Flow, evaluate, keys, misses, resolve};

fn rules(policies: &str) -> Vec<Rule> {
    let policies: Vec<PolicySpec> = serde_json::from_str(policies).unwrap();
    resolve(&policies, &[], &Apps::default()).unwrap()
}

/// What the kernel would find: each question in turn, each entry by itself.
fn run(program: &Program, rules: &[Rule], flow: &Flow) -> Verdict {
    for step in &program.steps {
        let found = match step {
            Step::All(verdict) => Some(*verdict),
            Step::Rule { rule, verdict } => misses(&rules[*rule], flow).is_none().then_some(*verdict),
            Step::Map { dscp, entries, .. } if dscp.is_none_or(|dscp| dscp.get() == flow.dscp) => {
                let mut found = entries.iter().filter(|entry| is_key_of(&entry.key, flow));
                let first = found.next().map(|entry| entry.verdict);
                assert_eq!(found.next(), None, "two entries of a map meet");
                first
            }
            Step::Map { .. } => None,
        };
        if let Some(verdict) = found {
            return verdict;
        }
    }
    Verdict::Default
}

fn is_key_of(key: &Key, flow: &Flow) -> bool {
    let by = key.service.is_none_or(|service| {
        let port = |ports: Ports, port: Option<u16>| ports.contains(port.unwrap_or_default());
        service.protocol == flow.protocol && port(service.src, flow.src_port) && port(service.dst, flow.dst_port)
    });
    by && key.src.contains(&flow.src) && key.dst.contains(&flow.dst)
}

/// What the evaluator says, in the same words.
fn wanted(rules: &[Rule], flow: &Flow) -> Verdict {
    let Some(rule) = evaluate(rules, flow) else { return Verdict::Default };
    let limits = rules.iter().filter(|rule| matches!(rule.action, Action::RateLimit(_)));
    match &rule.action {
        Action::Drop => Verdict::Drop,
        Action::Route(route) => {
            classes(rules).iter().position(|it| *it == route).map_or(Verdict::Default, Verdict::Class)
        }
        Action::RateLimit(_) => Verdict::Limit(limits.map(|it| &it.name).position(|name| *name == rule.name).unwrap()),
    }
}

fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = (0u8..4, 0u8..4, prop_oneof![Just(1u8), Just(200)]).prop_map(|(b, c, d)| IpAddr::from([10, b, c, d]));
    let v6 = (0u16..4).prop_map(|last| IpAddr::from([0xfd00, last, 0, 0, 0, 0, 0, 1]));
    prop_oneof![3 => v4, 1 => v6]
}

fn range() -> impl Strategy<Value = IpNet> {
    (address(), 0usize..6).prop_map(|(address, length)| {
        let lengths = if address.is_ipv4() { [8, 14, 15, 16, 24, 32] } else { [16, 30, 31, 32, 64, 128] };
        IpNet::new(address, lengths[length]).unwrap().trunc()
    })
}

fn places() -> impl Strategy<Value = Option<Vec<IpNet>>> {
    prop::option::of(prop::collection::vec(range(), 1..4))
        .prop_map(|ranges| ranges.map(|ranges| IpNet::aggregate(&ranges)))
}

fn action() -> impl Strategy<Value = Action> {
    let actions = [
        r#"{"route": {}}"#,
        r#"{"route": {"prefer": ["fiber"]}}"#,
        r#"{"route": {"prefer": ["lte"], "fallback": "drop"}}"#,
        r#""drop""#,
        r#"{"rate_limit": {"rate": 1000, "unit": "packets/s"}}"#,
    ];
    prop::sample::select(actions.to_vec()).prop_map(|action| serde_json::from_str(action).unwrap())
}

fn rule() -> impl Strategy<Value = Rule> {
    let ports =
        prop::option::of((0u16..8, 0u16..4)).prop_map(|it| it.map(|(first, more)| Ports { first, last: first + more }));
    let services = prop_oneof![
        2 => Just(Vec::new()),
        3 => (prop::sample::select(vec![Protocol::TCP, Protocol::UDP]), ports).prop_map(|(protocol, ports)| vec![Service { protocol, ports }]),
        1 => Just(vec![Service { protocol: Protocol(1), ports: None }]),
    ];
    let dscp = prop_oneof![4 => Just(None), 1 => Just("ef".parse().ok())];
    (places(), places(), services, any::<bool>(), dscp, action()).prop_map(
        |(src, dst, services, has_src, dscp, action)| {
            let has_src = has_src && services.iter().all(|it| it.protocol.has_ports()) && !services.is_empty();
            let src_ports = if has_src { vec![Ports { first: 3, last: 9 }] } else { Vec::new() };
            Rule { name: "a".parse().unwrap(), src, dst, services, src_ports, dscp, action }
        },
    )
}

fn rule_set() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 0..25).prop_map(|mut rules| {
        rules.iter_mut().enumerate().for_each(|(place, rule)| rule.name = format!("r{place}").parse().unwrap());
        rules
    })
}

/// Both ends are of one family.
fn ends() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    (address(), address(), address()).prop_map(|(src, one, other)| {
        let dst = [one, other, src].into_iter().find(|it| it.is_ipv4() == src.is_ipv4());
        (src, dst.unwrap_or(src))
    })
}

fn flow() -> impl Strategy<Value = Flow> {
    let protocol = prop::sample::select(vec![Protocol::TCP, Protocol::UDP, Protocol(1), Protocol(47)]);
    (ends(), protocol, 0u16..12, 0u16..12, prop::sample::select(vec![0u8, 46])).prop_map(
        |((src, dst), protocol, from, to, dscp)| {
            let port = |port| protocol.has_ports().then_some(port);
            Flow { src, dst, protocol, src_port: port(from), dst_port: port(to), dscp }
        },
    )
}

proptest! {
    #[test]
    fn the_program_does_what_the_evaluator_says(rules in rule_set(), flows in prop::collection::vec(flow(), 40)) {
        let program = compile(&rules);
        for flow in flows {
            prop_assert_eq!(run(&program, &rules, &flow), wanted(&rules, &flow), "{:?}", flow);
        }
    }

    #[test]
    fn meeting_is_what_some_packet_does(one in rule(), other in rule(), flows in prop::collection::vec(flow(), 60)) {
        use crate::policy::overlap::covers;
        for flow in flows {
            let (in_one, in_other) = (misses(&one, &flow).is_none(), misses(&other, &flow).is_none());
            prop_assert!(!(in_one && in_other) || meets(&one, &other));
            prop_assert!(!covers(&one, &other) || in_one || !in_other);
        }
        prop_assert_eq!(meets(&one, &other), meets(&other, &one));
    }

    #[test]
    fn the_text_is_the_same_each_time(rules in rule_set()) {
        let text = || firewall(&compile(&rules), &rules, &numbers(&rules));
        prop_assert_eq!(text(), text());
        prop_assert_eq!(text().is_empty(), compile(&rules).steps.is_empty());
    }
}

fn numbers(rules: &[Rule]) -> Numbers {
    let ids = (0..keys(rules).len()).map(|id| u8::try_from(id + 1).unwrap()).collect();
    Numbers { prefix: "pt1".to_owned(), probe_port: 51_837, shift: 24, ids }
}

#[test]
fn a_thousand_policies_are_a_map_for_each_family() {
    let policies: Vec<String> = (0..1000)
        .map(|number| {
            let (high, low) = (number / 250, number % 250);
            let prefer = ["fiber", "lte", "kind=dsl"][number % 3];
            format!(
                r#"{{"name": "p{number}", "priority": 5, "match_criteria": {{"src": "10.0.0.0/8", "dst": ["10.{high}.{low}.0/24", "fd00:{number}::/32"], "protocol": "tcp", "dst_ports": 443}},
                    "action": "route", "route": {{"prefer": ["{prefer}"]}}}}"#
            )
        })
        .collect();
    let rules = rules(&format!("[{}]", policies.join(",")));
    let program = compile(&rules);
    assert_eq!(program.steps.len(), 1);
    assert_eq!(classes(&rules).len(), 3);
    let text = firewall(&program, &rules, &numbers(&rules));
    assert_eq!(text.matches("\tmap ").count(), 1, "no source is IPv6");
    assert_eq!(text.matches(" : goto class_").count(), 1000 + 3);
}

#[test]
fn what_lies_in_a_pile_is_asked_from_the_top() {
    let rules = rules(
        r#"[{"name": "a", "priority": 9, "action": "drop", "match_criteria": {"dst": "10.1.1.0/24"}},
            {"name": "b", "priority": 8, "action": "route", "match_criteria": {"dst": "10.2.1.0/24"}, "route": {"prefer": ["lte"]}},
            {"name": "c", "priority": 7, "action": "route", "match_criteria": {"dst": "10.1.0.0/16"}, "route": {"prefer": ["lte"]}},
            {"name": "d", "priority": 6, "action": "drop", "match_criteria": {"dst": "10.3.0.0/16"}},
            {"name": "e", "priority": 5, "action": "route", "match_criteria": {}, "route": {"prefer": ["fiber"]}},
            {"name": "f", "priority": 4, "action": "drop", "match_criteria": {"dst": "10.4.0.0/16"}}]"#,
    );
    let program = compile(&rules);
    let shape: Vec<usize> =
        program.steps.iter().map(|step| if let Step::Map { entries, .. } = step { entries.len() } else { 0 }).collect();
    assert_eq!(shape, [2, 2, 0], "a and b, c and d, and e; f is never asked");
    assert_eq!(program.steps[2], Step::All(Verdict::Class(0)));
    let classes: Vec<usize> = rules.iter().map(|rule| class_of(&rules, rule)).collect();
    assert_eq!(classes, [0, 2, 2, 0, 1, 0]);
}

#[test]
fn a_rule_of_very_many_ranges_is_sets() {
    let list = |net: u8| (0..40).map(|host| format!(r#""10.{net}.{}.0/24""#, host * 2)).collect::<Vec<_>>().join(",");
    let rules = rules(&format!(
        r#"[{{"name": "a", "priority": 9, "action": "drop", "match_criteria": {{"src": [{}], "dst": [{}], "dst_ports": 22}}}}]"#,
        list(1),
        list(2)
    ));
    let program = compile(&rules);
    assert_eq!(program.steps, [Step::Rule { rule: 0, verdict: Verdict::Drop }]);
    let text = firewall(&program, &rules, &numbers(&rules));
    assert!(text.contains("ip saddr @set_0_ip_saddr ip daddr @set_0_ip_daddr meta l4proto . th sport . th dport { 6 . 0-65535 . 22, 17 . 0-65535 . 22 } drop;"), "{text}");
}

#[test]
fn a_protocol_is_asked_for_without_ports() {
    let texts = |hosts: usize| {
        let list: Vec<String> = (0..hosts).map(|host| format!(r#""10.1.{}.0/24""#, host * 2)).collect();
        let list = list.join(",");
        let rules = rules(&format!(
            r#"[{{"name": "a", "priority": 9, "action": "drop", "match_criteria": {{"src": [{list}], "dst": [{list}], "app": "ipsec"}}}}]"#
        ));
        firewall(&compile(&rules), &rules, &numbers(&rules))
    };
    let maps = texts(1);
    for said in [
        "map ask_0_ip { typeof ip saddr . ip daddr . meta l4proto . th sport . th dport : verdict; flags interval; elements = { 10.1.0.0/24 . 10.1.0.0/24 . 17 . 0-65535 . 500 : drop, ",
        "map ask_0_ip_protocol { typeof ip saddr . ip daddr . meta l4proto : verdict; flags interval; elements = { 10.1.0.0/24 . 10.1.0.0/24 . 50 : drop, 10.1.0.0/24 . 10.1.0.0/24 . 51 : drop }; }",
        "ip saddr . ip daddr . meta l4proto . th sport . th dport vmap @ask_0_ip; ip saddr . ip daddr . meta l4proto vmap @ask_0_ip_protocol; goto unclassed;",
    ] {
        assert!(maps.contains(said), "{maps}");
    }
    let sets = texts(40);
    let ranges = "ip saddr @set_0_ip_saddr ip daddr @set_0_ip_daddr";
    let said = format!(
        "{ranges} meta l4proto . th sport . th dport {{ 17 . 0-65535 . 500, 17 . 0-65535 . 4500 }} drop; {ranges} meta l4proto {{ 50, 51 }} drop;"
    );
    assert!(sets.contains(&said), "{sets}");
}

#[test]
fn the_text_is_what_was_measured() {
    let rules = rules(
        r#"[{"name": "voice", "priority": 900, "action": "route", "match_criteria": {"dscp": "ef"}, "route": {"prefer": ["fiber"], "sla": {"latency_ms": 150}}},
            {"name": "web", "priority": 500, "action": "route", "match_criteria": {"src": "10.1.0.0/16", "protocol": "tcp", "dst_ports": [80, 443]}, "route": {"prefer": ["lte"]}},
            {"name": "bulk", "priority": 400, "action": "rate_limit", "match_criteria": {"dst": "10.2.0.0/16"}, "rate_limit": {"rate": 8000000, "unit": "bit/s"}},
            {"name": "guests", "priority": 300, "action": "drop", "match_criteria": {"src": ["10.9.0.0/16", "fd09::/32"]}}]"#,
    );
    let text = firewall(&compile(&rules), &rules, &numbers(&rules));
    assert_eq!(text, include_str!("tests/golden.nft"));
    assert_eq!(firewall(&compile(&[]), &[], &numbers(&[])), "");
}

#[test]
fn limits_are_bytes_and_packets() {
    for (limit, said) in [
        (
            r#"{"rate": 8000000, "unit": "bit/s", "burst": 64000}"#,
            "limit rate over 1000000 bytes/second burst 0 bytes drop;",
        ),
        (
            r#"{"rate": 8000000, "unit": "bit/s", "burst": 1600000}"#,
            "limit rate over 1000000 bytes/second burst 600000 bytes drop;",
        ),
        (r#"{"rate": 8, "unit": "bit/s"}"#, "limit rate over 1 bytes/second burst 14999 bytes drop;"),
        (r#"{"rate": 5000, "unit": "packets/s"}"#, "limit rate over 5000/second burst 500 packets drop;"),
        (r#"{"rate": 1, "unit": "packets/s", "burst": 3}"#, "limit rate over 1/second burst 3 packets drop;"),
    ] {
        let policy = format!(
            r#"[{{"name": "a", "priority": 9, "action": "rate_limit", "match_criteria": {{}}, "rate_limit": {limit}}}]"#
        );
        let rules = rules(&policy);
        let text = firewall(&compile(&rules), &rules, &numbers(&rules));
        assert!(text.contains(said), "{text}");
    }
}
