//! Probes that nobody would run, and sites that would run too many.

use patronus_types::network::NetworkSpec;
use patronus_types::probe::{MAX_PROBES, Probe};

use super::{Code, Finding};
use crate::mesh::Site;

pub(super) fn lint(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site]) {
    let probes = &network.confirm.probes;
    let runs = |site: &Site, probe: &Probe| probe.is_run_by(&site.spec);
    for probe in probes.iter().filter(|probe| !sites.iter().any(|site| runs(site, probe))) {
        let message = format!("probe {} is run by no site: none has the name or label in its `from`", probe.name);
        findings.push(Finding::warning(Code::Probe, Vec::new(), message));
    }
    for site in sites {
        let (name, count) = (&site.spec.name, probes.iter().filter(|probe| runs(site, probe)).count());
        if count > MAX_PROBES {
            let message =
                format!("site {name} would run {count} probes, and {MAX_PROBES} are possible: narrow their `from`");
            findings.push(Finding::error(Code::Probe, vec![name.clone()], message));
        }
    }
}
