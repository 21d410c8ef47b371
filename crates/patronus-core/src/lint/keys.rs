//! Every uplink has a key of its own.

use patronus_types::PublicKey;

use super::{Code, Finding};
use crate::mesh::Site;

pub(super) fn lint(findings: &mut Vec<Finding>, sites: &[&Site]) {
    let mut keys: Vec<(PublicKey, &Site)> =
        sites.iter().flat_map(|site| site.public_keys.iter().map(|&key| (key, *site))).collect();
    keys.sort_by_key(|&(key, site)| (key, &site.spec.name));
    for same in keys.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
        findings.push(finding(same));
    }
}

fn finding(same: &[(PublicKey, &Site)]) -> Finding {
    let mut sites: Vec<&Site> = same.iter().map(|&(_, site)| site).collect();
    sites.dedup_by_key(|site| site.id);
    let names: Vec<_> = sites.iter().map(|site| &site.spec.name).collect();
    let message = match names[..] {
        [name] => format!("site {name} uses one key for several uplinks: enrol it again, so that each has its own"),
        _ => format!(
            "sites {} have the same key {}: enrol all but one of them again, since nobody could tell them apart",
            super::list(&names),
            same[0].0
        ),
    };
    Finding::error(Code::DuplicateKey, super::names(&sites), message)
}
