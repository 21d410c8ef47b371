//! The rules of a policy by itself. What it names of others is the resolver's.

use patronus_types::api::error::Fault;
use patronus_types::bound::PRIORITY;
use patronus_types::policy::{ActionKind, MatchCriteria, PolicySpec, Protocol, RateLimit, RateUnit, Route};

use super::Faults;

/// The most places of one kind, ports of one kind, and expectations.
const MOST: usize = 64;
/// The most uplinks in an order of preference.
pub const MAX_PREFERRED: usize = 8;
/// The highest rates: a terabit a second, and what fits a wire of that.
const MOST_BITS: u64 = 1_000_000_000_000;
const MOST_PACKETS: u64 = 1_000_000_000;

/// Everything that does not hold in a policy's declaration.
pub fn policy(spec: &PolicySpec) -> Vec<Fault> {
    let mut faults = Faults::default();
    faults.within(&PRIORITY, spec.priority, "/priority");
    criteria(&mut faults, &spec.match_criteria);
    action(&mut faults, spec);
    few(&mut faults, spec.expect.len(), "/expect");
    faults.into_vec()
}

fn few(faults: &mut Faults, count: usize, pointer: &str) {
    faults.check(count <= MOST, pointer, format!("use at most {MOST}, not {count}"));
}

fn criteria(faults: &mut Faults, criteria: &MatchCriteria) {
    let MatchCriteria { src, dst, protocol, src_ports, dst_ports, app, .. } = criteria;
    for (count, field) in
        [(src.len(), "src"), (dst.len(), "dst"), (src_ports.len(), "src_ports"), (dst_ports.len(), "dst_ports")]
    {
        few(faults, count, &format!("/match_criteria/{field}"));
    }
    for (given, field) in [(!src_ports.is_empty(), "src_ports"), (!dst_ports.is_empty(), "dst_ports")] {
        let portless = protocol.filter(|protocol: &Protocol| given && !protocol.has_ports());
        if let Some(protocol) = portless {
            faults.add(format!("/match_criteria/{field}"), format!("{protocol} has no ports: leave them out"));
        }
    }
    for (given, field) in [(protocol.is_some(), "protocol"), (!dst_ports.is_empty(), "dst_ports")] {
        let holds = !(given && app.is_some());
        faults.check(holds, format!("/match_criteria/{field}"), "`app` says this already: leave one of them out");
    }
}

fn action(faults: &mut Faults, spec: &PolicySpec) {
    let is = |kind| spec.action == kind;
    let stray = |field: &str| format!("`{field}` is for policies with `action: {field}`: leave it out");
    faults.check(spec.route.is_none() || is(ActionKind::Route), "/route", stray("route"));
    faults.check(spec.rate_limit.is_none() || is(ActionKind::RateLimit), "/rate_limit", stray("rate_limit"));
    let wanted = spec.rate_limit.is_some() || !is(ActionKind::RateLimit);
    faults.check(wanted, "/rate_limit", "say how much may pass, as `{rate: 8000000, unit: bit/s}`");
    if let Some(it) = &spec.route {
        route(faults, it);
    }
    if let Some(it) = &spec.rate_limit {
        rate_limit(faults, it);
    }
}

fn route(faults: &mut Faults, route: &Route) {
    let count = route.prefer.len();
    faults.check(count <= MAX_PREFERRED, "/route/prefer", format!("use at most {MAX_PREFERRED}, not {count}"));
    for (index, uplink) in route.prefer.iter().enumerate() {
        let is_new = !route.prefer[..index].contains(uplink);
        faults.check(is_new, format!("/route/prefer/{index}"), format!("{uplink} stands there before"));
    }
    for (limit, field) in [(route.sla.latency_ms, "latency_ms"), (route.sla.jitter_ms, "jitter_ms")] {
        let holds = limit.is_none_or(|limit| limit.get() > 0.0);
        faults.check(holds, format!("/route/sla/{field}"), "no path is so good: use a number above 0");
    }
    let loss = route.sla.packet_loss_pct;
    let holds = loss.is_none_or(|loss| loss.get() <= 100.0);
    faults.check(holds, "/route/sla/packet_loss_pct", "use 0 to 100 percent");
}

fn rate_limit(faults: &mut Faults, limit: &RateLimit) {
    let most = match limit.unit {
        RateUnit::Bits => MOST_BITS,
        RateUnit::Packets => MOST_PACKETS,
    };
    let holds = (1..=most).contains(&limit.rate);
    faults.check(
        holds,
        "/rate_limit/rate",
        format!("use 1 to {most}, not {}; to let nothing pass use `drop`", limit.rate),
    );
    faults.check(limit.burst != Some(0), "/rate_limit/burst", "use at least 1, or leave it out");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(fields: &str) -> Vec<String> {
        let json = format!(r#"{{"name": "a", "priority": 1, {fields}}}"#);
        policy(&serde_json::from_str(&json).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_action_holds() {
        for fields in [
            r#""match_criteria": {}, "action": "drop""#,
            r#""match_criteria": {"src": "0.0.0.0/0", "src_ports": 1, "app": "web"}, "action": "route""#,
            r#""match_criteria": {"protocol": "sctp", "dst_ports": 1}, "action": "route", "route": {"prefer": ["a", "b=c"], "sla": {"packet_loss_pct": 0}}"#,
            r#""match_criteria": {}, "action": "rate_limit", "rate_limit": {"rate": 1, "unit": "packets/s", "burst": 1}"#,
        ] {
            assert_eq!(faults(fields), Vec::<String>::new(), "{fields}");
        }
    }

    #[test]
    fn what_does_not_hold_is_told_with_its_place() {
        let many = format!("[{}]", vec!["1"; 65].join(","));
        for (fields, said) in [
            (
                r#""match_criteria": {"protocol": "icmp", "dst_ports": 1}, "action": "drop""#,
                "match_criteria.dst_ports: icmp has no ports",
            ),
            (
                r#""match_criteria": {"app": "web", "protocol": "tcp"}, "action": "drop""#,
                "match_criteria.protocol: `app` says this",
            ),
            (
                &format!(r#""match_criteria": {{"dst_ports": {many}}}, "action": "drop""#),
                "match_criteria.dst_ports: use at most 64, not 65",
            ),
            (
                r#""match_criteria": {}, "action": "drop", "route": {}"#,
                "route: `route` is for policies with `action: route`",
            ),
            (r#""match_criteria": {}, "action": "rate_limit""#, "rate_limit: say how much may pass"),
            (
                r#""match_criteria": {}, "action": "rate_limit", "rate_limit": {"rate": 0, "unit": "bit/s"}"#,
                "rate_limit.rate: use 1 to 1000000000000, not 0",
            ),
            (
                r#""match_criteria": {}, "action": "rate_limit", "rate_limit": {"rate": 1, "unit": "bit/s", "burst": 0}"#,
                "rate_limit.burst: use at least 1",
            ),
            (
                r#""match_criteria": {}, "action": "route", "route": {"prefer": ["a", "a"]}"#,
                "route.prefer[1]: a stands there before",
            ),
            (
                r#""match_criteria": {}, "action": "route", "route": {"sla": {"latency_ms": 0}}"#,
                "route.sla.latency_ms: no path is so good",
            ),
            (
                r#""match_criteria": {}, "action": "route", "route": {"sla": {"packet_loss_pct": 100.5}}"#,
                "route.sla.packet_loss_pct: use 0 to 100 percent",
            ),
        ] {
            let told = faults(fields);
            assert!(told.len() == 1 && told[0].starts_with(said), "{fields}: {told:?}");
        }
        assert!(faults(r#""match_criteria": {}, "action": "drop""#).is_empty());
    }
}
