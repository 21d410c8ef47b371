//! The rules of probes.

use std::collections::BTreeSet;

use patronus_types::Host;
use patronus_types::bound::{HTTP_STATUS, PROBE_TIMEOUT, PROBES_REQUIRED};
use patronus_types::confirm::Confirm;
use patronus_types::probe::{MAX_PROBES, Probe, Target};

use super::Faults;

/// The most probes that one network declares for its sites.
const MOST_DECLARED: usize = 64;
/// The most names and labels by which the sites of one probe are told.
const MOST_ORIGINS: usize = 64;
/// The longest URL in bytes.
const LONGEST_URL: usize = 255;

/// Adds everything that does not hold in a network's probes.
pub(super) fn probes(faults: &mut Faults, confirm: &Confirm) {
    let count = confirm.probes.len();
    faults.check(count <= MOST_DECLARED, "/confirm/probes", format!("use at most {MOST_DECLARED}, not {count}"));
    if let Some(required) = confirm.probes_required {
        faults.within(&PROBES_REQUIRED, required, "/confirm/probes_required");
        faults.check(count > 0, "/confirm/probes_required", "there are no `probes`: leave it out, or declare some");
    }
    let mut names = BTreeSet::new();
    for (index, this) in confirm.probes.iter().enumerate() {
        let pointer = format!("/confirm/probes/{index}");
        let is_new = names.insert(&this.name);
        faults.check(is_new, format!("{pointer}/name"), format!("another probe is called {} too", this.name));
        probe(faults, &pointer, this);
    }
}

/// What does not hold in the probes that one site runs, in words.
pub(crate) fn of_one_site(confirm: &Confirm) -> Vec<String> {
    let mut faults = Faults::default();
    let count = confirm.probes.len();
    faults.check(count <= MAX_PROBES, "", format!("{count} probes; at most {MAX_PROBES} are possible"));
    probes(&mut faults, confirm);
    faults.into_vec().iter().map(ToString::to_string).collect()
}

fn probe(faults: &mut Faults, pointer: &str, probe: &Probe) {
    let at = |field: &str| format!("{pointer}/{field}");
    match probe.target() {
        None => faults.add(pointer, misshapen(probe)),
        Some(Target::Http(url, status)) => {
            if let Some(reason) = bad_url(url) {
                faults.add(at("http"), reason);
            }
            faults.within(&HTTP_STATUS, status, at("status"));
        }
        Some(Target::Ping(_) | Target::Tcp(..)) => {}
    }
    faults.within(&PROBE_TIMEOUT, probe.timeout_ms, at("timeout_ms"));
    let origins = probe.from.len();
    faults.check(origins <= MOST_ORIGINS, at("from"), format!("use at most {MOST_ORIGINS}, not {origins}"));
}

/// Why it does not say what to ask for.
fn misshapen(probe: &Probe) -> &'static str {
    let kinds = [probe.ping.is_some(), probe.tcp.is_some(), probe.http.is_some()];
    match (kinds.into_iter().filter(|given| *given).count(), probe.status) {
        (1, Some(_)) if probe.http.is_none() => "`status` is for `http`: leave it out",
        (1, _) if probe.ping.is_some() => "`ping` takes an address or name without a port, as 192.168.2.10",
        (1, _) => "`tcp` needs a port, as 192.168.2.10:443",
        _ => "say what must answer, and one thing only: `ping: ADDRESS`, `tcp: ADDRESS:PORT` or `http: URL`",
    }
}

fn bad_url(url: &str) -> Option<String> {
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && url.len() <= LONGEST_URL && Host::of_url(url).is_some() {
        return None;
    }
    Some(format!(
        "`{}` cannot be asked for: use http://HOST/… or https://HOST/…, without a user and with at most {LONGEST_URL} \
         letters",
        url.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        let mut faults = Faults::default();
        probes(&mut faults, &serde_json::from_str(json).unwrap());
        faults.into_vec().iter().map(ToString::to_string).collect()
    }

    fn one(fields: &str) -> String {
        faults(&format!(r#"{{"probes": [{{"name": "a", {fields}}}]}}"#)).join("; ")
    }

    #[test]
    fn each_kind_holds() {
        let all = r#"{"probes_required": 2, "probes": [
            {"name": "a", "ping": "192.168.2.10", "from": ["ams", "role=branch"]},
            {"name": "b", "tcp": "intranet.example:443", "timeout_ms": 5000},
            {"name": "c", "http": "https://[2001:db8::1]:8443/up?x=1", "status": 204}]}"#;
        assert_eq!(faults(all), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_hold_is_told_with_what_would() {
        for (fields, said) in [
            (r#""timeout_ms": 100"#, "confirm.probes[0]: say what must answer, and one thing only"),
            (r#""ping": "a.example", "tcp": "a.example:1""#, "confirm.probes[0]: say what must answer"),
            (r#""ping": "192.168.2.10:7""#, "confirm.probes[0]: `ping` takes an address or name without a port"),
            (r#""tcp": "192.168.2.10""#, "confirm.probes[0]: `tcp` needs a port"),
            (r#""tcp": "192.168.2.10:7", "status": 200"#, "confirm.probes[0]: `status` is for `http`"),
            (r#""http": "ftp://a.example/""#, "confirm.probes[0].http: `ftp://a.example/` cannot be asked for"),
            (r#""http": "http://me:pw@a.example/""#, "confirm.probes[0].http: "),
            (r#""http": "http://a.example/ x""#, "confirm.probes[0].http: "),
            (r#""http": "http://a.example/", "status": 99"#, "confirm.probes[0].status: use 100 to 599, not 99"),
            (r#""ping": "a.example", "timeout_ms": 99"#, "confirm.probes[0].timeout_ms: use 100 to 5000 milliseconds"),
        ] {
            assert!(one(fields).starts_with(said), "{fields}: {}", one(fields));
        }
        let twice = r#"{"probes": [{"name": "a", "ping": "a.example"}, {"name": "a", "ping": "b.example"}]}"#;
        assert_eq!(faults(twice), ["confirm.probes[1].name: another probe is called a too"]);
        assert!(faults(r#"{"probes_required": 1}"#)[0].starts_with("confirm.probes_required: there are no `probes`"));
        assert!(
            faults(r#"{"probes_required": 17, "probes": [{"name": "a", "ping": "b"}]}"#)[0].contains("use 1 to 16")
        );
    }

    #[test]
    fn one_site_runs_few() {
        let probe = |index: usize| format!(r#"{{"name": "p{index}", "ping": "a.example"}}"#);
        let many = |count: usize| {
            let probes: Vec<String> = (0..count).map(probe).collect();
            serde_json::from_str(&format!(r#"{{"probes": [{}]}}"#, probes.join(","))).unwrap()
        };
        assert!(of_one_site(&many(16)).is_empty());
        assert_eq!(of_one_site(&many(17)), ["17 probes; at most 16 are possible"]);
    }
}
