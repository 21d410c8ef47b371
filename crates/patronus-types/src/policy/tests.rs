use super::*;

fn read(fields: &str) -> Result<PolicySpec, String> {
    let json = format!(r#"{{"name": "a", "priority": 10, {fields}}}"#);
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn matching(criteria: &str) -> Result<MatchCriteria, String> {
    read(&format!(r#""action": "drop", "match_criteria": {criteria}"#)).map(|spec| spec.match_criteria)
}

#[test]
fn one_or_many_may_be_written_and_many_is_what_is_kept() {
    let one = matching(r#"{"src": "10.0.0.0/8", "dst_ports": 443}"#).unwrap();
    let many = matching(r#"{"src": ["10.0.0.0/8"], "dst_ports": ["443"]}"#).unwrap();
    assert_eq!(one, many);
    let all = r#"{"src":["10.0.0.0/8","site:ams","role=branch,region!=eu"],"dst":["fd00::/48"],"protocol":"tcp","src_ports":["1024-65535"],"dst_ports":[80,"8000-8080"],"dscp":"ef"}"#;
    assert_eq!(serde_json::to_string(&matching(all).unwrap()).unwrap(), all);
}

#[test]
fn what_cannot_be_read_is_refused_and_never_matches_all() {
    for (criteria, said) in [
        (r#"{"src": "10.0.0.0/33"}"#, "`10.0.0.0/33` is no place: use a range as 10.1.0.0/16, `site:NAME`"),
        (r#"{"src": "10.0.0.1/8"}"#, "bits are set behind the prefix of `10.0.0.1/8`: did you mean 10.0.0.0/8?"),
        (r#"{"src": "branch"}"#, "`branch` is no place"),
        (r#"{"src": ""}"#, "`` is no place"),
        (r#"{"src": "site:"}"#, "`site:` is no place"),
        (r#"{"src": "=x"}"#, "`=x` is no selector: use labels as `key=value` or `key!=value`, joined by commas"),
        (r#"{"src": null}"#, "expected one value or a list"),
        (r#"{"src": {"cidr": "10.0.0.0/8"}}"#, "expected one value or a list"),
        (r#"{"dst_ports": "443-80"}"#, "`443-80` are no ports: use 0 to 65535 as 443 or 8000-8100"),
        (r#"{"dst_ports": 65536}"#, "`65536` are no ports"),
        (r#"{"dst_ports": -1}"#, "`-1` are no ports"),
        (r#"{"dst_ports": [80, "any"]}"#, "`any` are no ports"),
        (r#"{"protocol": "tpc"}"#, "`tpc` is no protocol: did you mean `tcp`?"),
        (r#"{"protocol": 256}"#, "`256` is no protocol: use `tcp`"),
        (r#"{"dscp": 64}"#, "`64` is no class: use a number from 0 to 63"),
        (r#"{"dscp": "eff"}"#, "`eff` is no class: did you mean `ef`?"),
        (r#"{"source": "10.0.0.0/8"}"#, "unknown field `source`"),
        (r#"{"src": "10.0.0.0/8", "src": "10.1.0.0/16"}"#, "duplicate field `src`"),
    ] {
        let refused = matching(criteria).unwrap_err();
        assert!(refused.contains(said), "{criteria}: {refused}");
    }
}

#[test]
fn an_action_comes_with_its_own_object_and_no_other() {
    let action = |fields: &str| read(&format!(r#""match_criteria": {{}}, {fields}"#)).map(|spec| spec.action());
    assert_eq!(action(r#""action": "drop""#), Ok(Some(Action::Drop)));
    assert_eq!(action(r#""action": "route""#), Ok(Some(Action::Route(Route::default()))));
    let limit = RateLimit { rate: 8_000_000, unit: RateUnit::Bits, burst: None };
    let json = r#""action": "rate_limit", "rate_limit": {"rate": 8000000, "unit": "bit/s"}"#;
    assert_eq!(action(json), Ok(Some(Action::RateLimit(limit))));
    for fields in [
        r#""action": "rate_limit""#,
        r#""action": "drop", "route": {}"#,
        r#""action": "route", "rate_limit": {"rate": 1, "unit": "packets/s"}"#,
    ] {
        assert_eq!(action(fields), Ok(None), "{fields}");
    }
    let route = r#""action": "route", "route": {"prefer": ["fiber", "kind=lte"], "sla": {"latency_ms": 150}, "fallback": "drop"}"#;
    let Ok(Some(Action::Route(route))) = action(route) else { panic!("a route") };
    assert_eq!((route.prefer.len(), route.fallback), (2, Fallback::Drop));
    assert_eq!(route.sla.latency_ms, Some(Decimal::whole(150)));
    for fields in [
        r#""action": "allow""#,
        r#""action": "rate_limit", "rate_limit": {"rate": -1, "unit": "bit/s"}"#,
        r#""action": "rate_limit", "rate_limit": {"rate": 1, "unit": "bytes"}"#,
        r#""action": "route", "route": {"sla": {"latency_ms": -1}}"#,
        r#""action": "route", "route": {"prefer": ["Fi ber"]}"#,
    ] {
        assert!(action(fields).is_err(), "{fields}");
    }
}

#[test]
fn manifests_keep_the_network_apart() {
    let json = r#"{"network": "lab", "name": "a", "priority": 1, "match_criteria": {}, "action": "drop"}"#;
    let input: PolicyInput = serde_json::from_str(json).unwrap();
    assert_eq!(input.network.unwrap().to_string(), "lab");
    let refused = json.replace("priority\": 1", "priority\": 1, \"prio\": 1");
    assert!(serde_json::from_str::<PolicyInput>(&refused).is_err());
}

#[test]
fn labels_select_sites() {
    let labels =
        |text: &str| text.split(' ').filter_map(|it| it.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
    let selects = |selector: &str, site: &str| selector.parse::<Selector>().unwrap().matches(&labels(site));
    assert!(selects("role=branch", "role=branch region=eu"));
    assert!(!selects("role=branch", "role=hub") && !selects("role=branch", ""));
    assert!(selects("role!=hub", "") && selects("role!=hub,region=eu", "role=branch region=eu"));
    assert!(!selects("role!=hub,region=eu", "role=hub region=eu"));
}
