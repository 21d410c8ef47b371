//! What stands in policies and has no effect, or not the one that was meant. Each policy by itself holds already.

use patronus_types::Name;
use patronus_types::policy::{PolicySpec, Rule, UplinkRef};
use patronus_types::words::nearest;

use super::in_order;
use super::overlap::{covers, is_empty, meets};
use crate::mesh::Site;

/// One finding: a warning, since whatever stands there has a meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The policies concerned; the one to look at first.
    pub policies: Vec<Name>,
    /// What is wrong, naming them, and what to do.
    pub message: String,
}

/// Looks for policies that match nothing, that another one hides, that only their names put in order, and that prefer uplinks
/// which no site has. `rules` are those of the policies, resolved.
pub fn lint(policies: &[PolicySpec], rules: &[Rule], sites: &[Site]) -> Vec<Finding> {
    let order = in_order(policies);
    let mut findings = unknown_uplinks(&order, sites);
    for (place, rule) in rules.iter().enumerate() {
        let name = &rule.name;
        if is_empty(rule) || is_nowhere(rule) {
            let message =
                format!("policy {name} matches no packet: its sources or destinations are none of the network's");
            findings.push(Finding { policies: vec![name.clone()], message });
            continue;
        }
        let before = &rules[..place];
        if let Some(other) = before.iter().find(|other| covers(other, rule)) {
            let message = match other.action == rule.action {
                true => format!(
                    "policy {name} has no effect: {} does the same for all its packets before it is asked",
                    other.name
                ),
                false => format!("policy {name} is never asked: {} matches all its packets before", other.name),
            };
            findings.push(Finding { policies: vec![name.clone(), other.name.clone()], message });
            continue;
        }
        let priority = |place: usize| order.get(place).map(|policy| policy.priority);
        let same = before.iter().enumerate().rev().take_while(|(other, _)| priority(*other) == priority(place));
        if let Some((_, other)) =
            same.filter(|(_, other)| other.action != rule.action).find(|(_, other)| meets(other, rule))
        {
            let message = format!(
                "policies {} and {name} match some of the same packets with the same priority, and only their names say \
                 which is asked first: give one a higher priority",
                other.name
            );
            findings.push(Finding { policies: vec![name.clone(), other.name.clone()], message });
        }
    }
    findings
}

fn unknown_uplinks(policies: &[&PolicySpec], sites: &[Site]) -> Vec<Finding> {
    let uplinks: Vec<_> = sites.iter().flat_map(|site| &site.spec.uplinks).collect();
    let is_known = |wanted: &UplinkRef| uplinks.iter().any(|uplink| wanted.matches(&uplink.name, &uplink.labels));
    let mut findings = Vec::new();
    for policy in policies {
        let Some(route) = &policy.route else { continue };
        for wanted in route.prefer.iter().filter(|wanted| !is_known(wanted)) {
            let name = &policy.name;
            let near = match wanted {
                UplinkRef::Name(wanted) => nearest(wanted.as_str(), uplinks.iter().map(|uplink| uplink.name.as_str())),
                UplinkRef::Labels(_) => None,
            };
            let hint = near.map(|near| format!(": did you mean {near}?")).unwrap_or_default();
            let message = format!("policy {name} prefers {wanted}, and no site has such an uplink{hint}");
            findings.push(Finding { policies: vec![name.clone()], message });
        }
    }
    findings
}

fn is_nowhere(rule: &Rule) -> bool {
    [&rule.src, &rule.dst].into_iter().flatten().any(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use patronus_types::SiteId;
    use patronus_types::site::SiteInput;

    use super::*;
    use patronus_types::policy::Apps;

    use crate::policy::resolve;

    fn found(json: &str) -> Vec<String> {
        let policies: Vec<PolicySpec> = serde_json::from_str(json).unwrap();
        let rules = resolve(&policies, &[], &Apps::default()).unwrap();
        lint(&policies, &rules, &[site()]).into_iter().map(|finding| finding.message).collect()
    }

    fn site() -> Site {
        let json = r#"{"name": "ams", "uplinks": [{"name": "fiber", "labels": {"kind": "dark"}}]}"#;
        let (spec, _) = serde_json::from_str::<SiteInput>(json).unwrap().into_spec().unwrap();
        let id = SiteId::new(1, &[0; 10]);
        Site { id, spec, addresses: Vec::new(), public_keys: Vec::new(), port_base: None, spare_key: None }
    }

    #[test]
    fn an_uplink_that_nobody_has_is_told() {
        let json = |prefer: &str| {
            format!(
                r#"[{{"name": "a", "priority": 1, "action": "route", "match_criteria": {{}}, "route": {{"prefer": [{prefer}]}}}}]"#
            )
        };
        assert!(found(&json(r#""fiber", "kind=dark""#)).is_empty());
        assert_eq!(
            found(&json(r#""fibre", "kind=lte""#)),
            [
                "policy a prefers fibre, and no site has such an uplink: did you mean fiber?",
                "policy a prefers kind=lte, and no site has such an uplink"
            ]
        );
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let json = r#"[
            {"name": "all", "priority": 100, "action": "drop", "match_criteria": {"dst": "10.0.0.0/8", "protocol": "tcp"}},
            {"name": "hidden", "priority": 50, "action": "route", "match_criteria": {"dst": "10.1.0.0/16", "app": "ssh"}},
            {"name": "same", "priority": 50, "action": "drop", "match_criteria": {"dst": ["10.2.0.0/16", "10.3.0.0/16"], "protocol": "tcp", "src": "10.9.0.0/16"}},
            {"name": "mixed", "priority": 40, "action": "drop", "match_criteria": {"src": "10.0.0.0/8", "dst": "fd00::/8"}},
            {"name": "nobody", "priority": 40, "action": "drop", "match_criteria": {"src": "role=none"}},
            {"name": "tie-a", "priority": 10, "action": "drop", "match_criteria": {"src": "10.0.0.0/9", "protocol": "udp"}},
            {"name": "tie-b", "priority": 10, "action": "route", "match_criteria": {"dst": "10.128.0.0/9"}},
            {"name": "fine", "priority": 9, "action": "route", "match_criteria": {"dst_ports": 80}}]"#;
        let found = found(json);
        assert_eq!(found.len(), 5, "{found:#?}");
        for (found, said) in found.iter().zip([
            "policy hidden is never asked: all matches",
            "policy same has no effect: all does the same",
            "policy mixed matches no packet",
            "policy nobody matches no packet",
            "policies tie-a and tie-b match some of the same packets",
        ]) {
            assert!(found.starts_with(said), "{found}");
        }
    }
}
