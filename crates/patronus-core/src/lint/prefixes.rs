//! Prefixes of different sites, and of the network itself, do not overlap.

use ipnet::IpNet;
use patronus_types::network::NetworkSpec;

use super::{Code, Finding};
use crate::mesh::Site;

/// A range and whose it is; nobody's is the overlay's own.
struct Claim<'a> {
    range: IpNet,
    site: Option<&'a Site>,
}

pub(super) fn lint(findings: &mut Vec<Finding>, network: &NetworkSpec, sites: &[&Site]) {
    let mut claims = claims(network, sites);
    // A range comes right before what lies within it.
    claims.sort_by_key(|claim| claim.range);
    let mut around: Vec<&Claim<'_>> = Vec::new();
    for claim in &claims {
        while around.last().is_some_and(|outer| !outer.range.contains(&claim.range)) {
            around.pop();
        }
        if let Some(outer) = around.last() {
            findings.extend(overlap(outer, claim));
        }
        around.push(claim);
    }
}

fn claims<'a>(network: &NetworkSpec, sites: &[&'a Site]) -> Vec<Claim<'a>> {
    let overlay = [Some(IpNet::V4(network.range)), network.range6.map(IpNet::V6)];
    let overlay = overlay.into_iter().flatten().map(|range| Claim { range, site: None });
    let prefixes =
        sites.iter().flat_map(|site| site.spec.prefixes.iter().map(|&range| Claim { range, site: Some(site) }));
    overlay.chain(prefixes).collect()
}

/// Two claims of one site are its own matter, which validation refuses.
fn overlap(outer: &Claim<'_>, inner: &Claim<'_>) -> Option<Finding> {
    let (range, around) = (inner.range, outer.range);
    let (sites, message) = match (outer.site, inner.site) {
        (Some(one), Some(other)) if one.id == other.id => return None,
        (Some(one), Some(other)) => (
            vec![one.spec.name.clone(), other.spec.name.clone()],
            format!(
                "site {} has {around} and site {} has {range}, which overlap: an address can be behind one site only",
                one.spec.name, other.spec.name
            ),
        ),
        (Some(site), None) | (None, Some(site)) => (
            vec![site.spec.name.clone()],
            format!(
                "site {} has {}, which overlaps the network's own range {}: choose another prefix or range",
                site.spec.name,
                if outer.site.is_some() { around } else { range },
                if outer.site.is_some() { range } else { around },
            ),
        ),
        (None, None) => return None,
    };
    Some(Finding::error(Code::Overlap, sites, message))
}
