//! The rules of a network.

use ipnet::IpNet;
use patronus_types::api::error::Fault;
use patronus_types::bound::{CONFIRM_TIMEOUT, KEY_AGE, PERCENT, POLL_INTERVAL, TUNNEL_MTU};
use patronus_types::network::NetworkSpec;

use super::{Faults, path_settings, probe, unusable};

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
    let mut faults = faults.into_vec();
    faults.extend(path_settings(&spec.paths));
    faults
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
        let all = pointers(|spec| {
            (spec.mtu, spec.poll_interval_s) = (Some(1), 3601);
            spec.range = "127.0.0.0/8".parse().unwrap();
        });
        assert_eq!(all, ["/range", "/mtu", "/poll_interval_s"]);
    }
}
