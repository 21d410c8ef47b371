//! The rules of a network.

use ipnet::IpNet;
use patronus_types::api::error::Fault;
use patronus_types::bound::{CONFIRM_TIMEOUT, KEY_AGE, PERCENT, POLL_INTERVAL, TUNNEL_MTU};
use patronus_types::network::NetworkSpec;
use patronus_types::policy::Apps;

use super::{Faults, path_settings, probe, unusable};

/// The most applications of a network, and the most services of one.
const MOST_APPS: usize = 256;
const MOST_SERVICES: usize = 64;

/// Everything that does not hold in a network's declaration.
pub fn network(spec: &NetworkSpec) -> Vec<Fault> {
    let mut faults = Faults::default();
    range(&mut faults, "/range", spec.range.into(), 8..=30);
    if let Some(range6) = spec.range6 {
        range(&mut faults, "/range6", range6.into(), 32..=112);
    }
    if let Some(mtu) = spec.mtu {
        faults.within(&TUNNEL_MTU, mtu, "/mtu");
    }
    faults.within(&POLL_INTERVAL, spec.poll_interval_s, "/poll_interval_s");
    faults.within(&CONFIRM_TIMEOUT, spec.confirm.timeout_s, "/confirm/timeout_s");
    if let Some(days) = spec.rotate_keys_days {
        faults.within(&KEY_AGE, days, "/rotate_keys_days");
    }
    faults.within(&PERCENT, spec.confirm.peers_percent, "/confirm/peers_percent");
    faults.within(&PERCENT, spec.confirm.max_removed_percent, "/confirm/max_removed_percent");
    probe::probes(&mut faults, &spec.confirm);
    apps(&mut faults, &spec.apps);
    let mut faults = faults.into_vec();
    faults.extend(path_settings(&spec.paths));
    faults
}

fn apps(faults: &mut Faults, apps: &Apps) {
    let count = apps.0.len();
    faults.check(count <= MOST_APPS, "/apps", format!("use at most {MOST_APPS} applications, not {count}"));
    for (name, services) in &apps.0 {
        let (pointer, count) = (format!("/apps/{name}"), services.len());
        faults.check(count > 0, &pointer, "say what it is made of, as [tcp/443]");
        faults.check(count <= MOST_SERVICES, &pointer, format!("use at most {MOST_SERVICES}, not {count}"));
    }
}

fn range(faults: &mut Faults, pointer: &str, range: IpNet, lengths: std::ops::RangeInclusive<u8>) {
    faults.check(
        lengths.contains(&range.prefix_len()),
        pointer,
        format!(
            "use a length of /{} to /{}, not /{}, so that sites have addresses in it",
            lengths.start(),
            lengths.end(),
            range.prefix_len()
        ),
    );
    if let Some(reason) = unusable(range) {
        faults.add(pointer, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(change: impl FnOnce(&mut NetworkSpec)) -> Vec<String> {
        let mut spec = NetworkSpec::named("n".parse().unwrap());
        change(&mut spec);
        network(&spec).into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn the_default_holds_and_every_bound_is_kept() {
        assert!(pointers(|_| {}).is_empty());
        assert!(pointers(|spec| spec.range6 = "fd12::/48".parse().ok()).is_empty());
        assert_eq!(pointers(|spec| spec.range = "10.0.0.0/31".parse().unwrap()), ["/range"]);
        assert_eq!(pointers(|spec| spec.range = "10.0.0.1/24".parse().unwrap()), ["/range"]);
        assert_eq!(pointers(|spec| spec.range6 = "fd12::/113".parse().ok()), ["/range6"]);
        assert_eq!(pointers(|spec| spec.mtu = Some(1279)), ["/mtu"]);
        assert_eq!(pointers(|spec| spec.mtu = Some(8921)), ["/mtu"]);
        assert_eq!(pointers(|spec| spec.poll_interval_s = 0), ["/poll_interval_s"]);
        assert_eq!(pointers(|spec| spec.confirm.timeout_s = 4), ["/confirm/timeout_s"]);
        assert_eq!(pointers(|spec| spec.confirm.peers_percent = 101), ["/confirm/peers_percent"]);
        assert!(pointers(|spec| spec.rotate_keys_days = Some(1)).is_empty());
        assert_eq!(pointers(|spec| spec.rotate_keys_days = Some(0)), ["/rotate_keys_days"]);
        assert_eq!(pointers(|spec| spec.rotate_keys_days = Some(3651)), ["/rotate_keys_days"]);
        assert_eq!(pointers(|spec| spec.confirm.max_removed_percent = 101), ["/confirm/max_removed_percent"]);
        assert_eq!(pointers(|spec| spec.confirm.probes_required = Some(1)), ["/confirm/probes_required"]);
        assert_eq!(pointers(|spec| spec.paths.interval_ms = 1), ["/paths/interval_ms"]);
        let apps = |json: &str| pointers(|spec| spec.apps = serde_json::from_str(json).unwrap());
        assert!(apps(r#"{"erp": ["tcp/3200-3299"]}"#).is_empty());
        assert_eq!(apps(r#"{"erp": []}"#), ["/apps/erp"]);
        let many = vec!["tcp/1"; MOST_SERVICES + 1];
        assert_eq!(apps(&serde_json::json!({"erp": many}).to_string()), ["/apps/erp"]);
        let many: serde_json::Map<_, _> = (0..=MOST_APPS).map(|n| (format!("app-{n}"), ["tcp/1"].into())).collect();
        assert_eq!(apps(&serde_json::Value::from(many).to_string()), ["/apps"]);
        let all = pointers(|spec| {
            (spec.mtu, spec.poll_interval_s) = (Some(1), 3601);
            spec.range = "127.0.0.0/8".parse().unwrap();
        });
        assert_eq!(all, ["/range", "/mtu", "/poll_interval_s"]);
    }
}
