//! Two networks on one host: what one reaches, the other must not reach too, since the host has one way to each address.

use ipnet::IpNet;
use patronus_types::Name;
use patronus_types::bundle::Content;

/// How many pairs are told.
const TOLD: usize = 3;

/// What stands between two networks of one host, in words; none if nothing does. `other` is called `name`.
pub fn overlap(content: &Content, name: &Name, other: &Content) -> Option<String> {
    let pairs = pairs(content, other);
    let say = |(ours, theirs): &(IpNet, IpNet)| match ours == theirs {
        true => ours.to_string(),
        false => format!("{ours} ({theirs} there)"),
    };
    let told: Vec<String> = pairs.iter().take(TOLD).map(say).collect();
    let more = match pairs.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!told.is_empty()).then(|| {
        format!(
            "network {name}, in which this host is too, has the same addresses: {}{more}; give one of the two networks \
             another range, or its sites other prefixes",
            told.join(", ")
        )
    })
}

/// One range of one of the two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    range: IpNet,
    other: bool,
    /// The host's own address; both networks may well give it the same one.
    own: bool,
}

/// Where one holds or is a range of the other, ours first.
fn pairs(content: &Content, other: &Content) -> Vec<(IpNet, IpNet)> {
    let mut all: Vec<Range> = ranges(content, false).chain(ranges(other, true)).collect();
    // Whatever holds a range stands before it, and is among those that hold the one before it.
    all.sort_by_key(|each| (each.range.network(), each.range.prefix_len(), each.other));
    let mut around: Vec<Range> = Vec::new();
    let mut pairs = Vec::new();
    for each in all {
        around.retain(|outer| outer.range.contains(&each.range));
        let met = around.iter().filter(|outer| outer.other != each.other && !(outer.own && each.own));
        pairs.extend(met.map(|outer| match each.other {
            true => (outer.range, each.range),
            false => (each.range, outer.range),
        }));
        around.push(each);
    }
    pairs.dedup();
    pairs
}

fn ranges(content: &Content, other: bool) -> impl Iterator<Item = Range> {
    let own = content.addresses.iter().map(move |&address| Range { range: address.into(), other, own: true });
    let far = content.peers.iter().flat_map(|peer| &peer.allowed_ips);
    own.chain(far.map(move |&range| Range { range, other, own: false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A content with own addresses and what its peer has.
    fn content(own: &[&str], far: &[&str]) -> Content {
        let compiled = crate::mesh::compile(&crate::mesh::tests::sample::sites(2)).unwrap();
        let mut content = crate::mesh::content(&compiled.sites[0].tar.to_vec()).unwrap();
        content.addresses = own.iter().map(|text| text.parse().unwrap()).collect();
        content.peers[0].allowed_ips = far.iter().map(|text| text.parse().unwrap()).collect();
        content
    }

    fn told(ours: (&[&str], &[&str]), theirs: (&[&str], &[&str])) -> Option<String> {
        overlap(&content(ours.0, ours.1), &"b".parse().unwrap(), &content(theirs.0, theirs.1))
    }

    #[test]
    fn whatever_both_reach_is_told() {
        let ours: (&[&str], &[&str]) = (&["10.0.0.1"], &["10.0.0.2/32", "192.168.2.0/24", "fd00::2/128"]);
        for apart in
            [(&["10.1.0.1"], &["10.1.0.2/32", "192.168.3.0/24"]), (&["10.0.0.1"], &["10.1.0.2/32", "fd00::3/128"])]
        {
            assert_eq!(told(ours, (&apart.0[..], &apart.1[..])), None);
        }
        for (theirs, words) in [
            ((&["10.0.0.1"], &["10.0.0.2/32"]), "same addresses: 10.0.0.2/32;"),
            ((&["10.0.0.2"], &["10.9.0.2/32"]), "same addresses: 10.0.0.2/32;"),
            ((&["10.9.0.1"], &["192.168.0.0/16"]), "same addresses: 192.168.2.0/24 (192.168.0.0/16 there);"),
            ((&["10.9.0.1"], &["192.168.2.128/25"]), "same addresses: 192.168.2.0/24 (192.168.2.128/25 there);"),
        ] {
            let text = told(ours, (&theirs.0[..], &theirs.1[..])).unwrap();
            assert!(text.starts_with("network b, ") && text.contains(words), "{text}");
        }
        let all = (&["10.9.0.1"][..], &["10.0.0.0/8", "192.168.0.0/16", "fd00::/16", "fd00::2/128"][..]);
        assert!(told(ours, all).unwrap().contains(" and 2 more; give"), "{:?}", told(ours, all));
    }
}
