//! The rules of a site.

use ipnet::IpNet;
use patronus_types::api::error::Fault;
use patronus_types::site::{MAX_UPLINKS, SiteSpec};

use super::{Faults, text, unusable, uplink};

/// The most prefixes behind one site.
pub const MAX_PREFIXES: usize = 256;

/// Everything that does not hold in a site's declaration.
pub fn site(spec: &SiteSpec) -> Vec<Fault> {
    let mut faults = Faults::default();
    text::line(&mut faults, "/location", &spec.location);
    text::labels(&mut faults, "/labels", &spec.labels);
    hub(&mut faults, spec);
    prefixes(&mut faults, &spec.prefixes);
    uplinks(&mut faults, spec);
    faults.into_vec()
}

fn hub(faults: &mut Faults, spec: &SiteSpec) {
    let Some(via) = &spec.via else { return };
    faults.check(!spec.hub, "/via", "a hub has no home hub: leave out `via` or `hub`");
    faults.check(*via != spec.name, "/via", "a site cannot be its own hub: set `hub: true` instead");
}

fn prefixes(faults: &mut Faults, prefixes: &[IpNet]) {
    faults.check(
        prefixes.len() <= MAX_PREFIXES,
        "/prefixes",
        format!("use at most {MAX_PREFIXES}, not {}", prefixes.len()),
    );
    for (index, prefix) in prefixes.iter().enumerate() {
        if let Some(reason) = unusable(*prefix) {
            faults.add(format!("/prefixes/{index}"), reason);
        }
    }
    for (index, around) in overlaps(prefixes) {
        let (inner, outer) = (prefixes[index], prefixes[around]);
        let detail = match inner == outer {
            true => format!("{inner} is listed twice"),
            false => format!("{inner} lies within {outer}, which is listed too: leave one out"),
        };
        faults.add(format!("/prefixes/{index}"), detail);
    }
}

/// Pairs of places (inner, outer) where one prefix holds another, by place of the inner one.
fn overlaps(prefixes: &[IpNet]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..prefixes.len()).collect();
    order.sort_by_key(|&index| (prefixes[index].network(), prefixes[index].prefix_len(), index));
    let mut found = Vec::new();
    let mut widest: Option<usize> = None;
    for index in order {
        match widest {
            Some(outer) if prefixes[outer].contains(&prefixes[index]) => found.push((index, outer)),
            _ => widest = Some(index),
        }
    }
    found.sort_unstable();
    found
}

fn uplinks(faults: &mut Faults, spec: &SiteSpec) {
    let count = spec.uplinks.len();
    faults.check(
        (1..=MAX_UPLINKS).contains(&count),
        "/uplinks",
        format!("use 1 to {MAX_UPLINKS} uplinks, not {count}"),
    );
    for (index, this) in spec.uplinks.iter().enumerate() {
        let pointer = format!("/uplinks/{index}");
        let before = &spec.uplinks[..index];
        faults.check(
            before.iter().all(|other| other.name != this.name),
            format!("{pointer}/name"),
            format!("another uplink of this site is called {} too", this.name),
        );
        if let Some(device) = &this.device {
            faults.check(
                before.iter().all(|other| other.device.as_ref() != Some(device)),
                format!("{pointer}/device"),
                format!("another uplink of this site has device {device} too"),
            );
        }
        uplink::uplink(faults, &pointer, this);
    }
}

#[cfg(test)]
mod tests {
    use patronus_types::site::Uplink;

    use super::*;

    fn base() -> SiteSpec {
        let json = r#"{"name": "ams", "uplinks": [{"name": "fibre"}]}"#;
        serde_json::from_str(json).unwrap()
    }

    fn pointers(change: impl FnOnce(&mut SiteSpec)) -> Vec<String> {
        let mut spec = base();
        change(&mut spec);
        site(&spec).into_iter().map(|fault| fault.pointer).collect()
    }

    fn second(device: Option<&str>) -> Uplink {
        Uplink { device: device.map(str::to_owned), ..Uplink::named("lte".parse().unwrap(), None) }
    }

    #[test]
    fn a_plain_site_holds() {
        assert!(pointers(|_| {}).is_empty());
    }

    #[test]
    fn prefixes_are_canonical_and_apart() {
        let set = |texts: &[&str]| {
            let prefixes: Vec<IpNet> = texts.iter().map(|text| text.parse().unwrap()).collect();
            pointers(|spec| spec.prefixes = prefixes)
        };
        assert!(set(&["10.2.0.0/16", "10.1.0.0/16", "fd00:1::/64"]).is_empty());
        assert_eq!(set(&["10.1.0.1/16", "0.0.0.0/0"]), ["/prefixes/0", "/prefixes/1", "/prefixes/0"]);
        assert_eq!(set(&["10.1.2.0/24", "10.1.0.0/16", "10.1.3.0/24"]), ["/prefixes/0", "/prefixes/2"]);
        assert_eq!(set(&["10.1.0.0/16", "10.1.0.0/16"]), ["/prefixes/1"]);
        assert_eq!(
            pointers(|spec| spec.prefixes =
                (0..=255u8).chain([0]).map(|byte| IpNet::new([10, 0, byte, 0].into(), 24).unwrap()).collect()),
            ["/prefixes", "/prefixes/256"]
        );
    }

    #[test]
    fn several_uplinks_have_devices_and_names_of_their_own() {
        assert_eq!(pointers(|spec| spec.uplinks.clear()), ["/uplinks"]);
        assert!(pointers(|spec| spec.uplinks.push(second(None))).is_empty(), "the lint asks for devices");
        let same = pointers(|spec| spec.uplinks = vec![second(Some("eth1")), second(Some("eth1"))]);
        assert_eq!(same, ["/uplinks/1/name", "/uplinks/1/device"]);
        let five = pointers(|spec| {
            spec.uplinks = (0..5)
                .map(|index| Uplink {
                    device: Some(format!("eth{index}")),
                    ..Uplink::named(format!("u{index}").parse().unwrap(), None)
                })
                .collect();
        });
        assert_eq!(five, ["/uplinks"]);
    }

    #[test]
    fn only_spokes_have_a_home_hub() {
        assert!(pointers(|spec| spec.via = "bru".parse().ok()).is_empty());
        assert_eq!(pointers(|spec| (spec.hub, spec.via) = (true, "bru".parse().ok())), ["/via"]);
        assert_eq!(pointers(|spec| spec.via = "ams".parse().ok()), ["/via"]);
    }
}
