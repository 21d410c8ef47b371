use proptest::prelude::*;

use super::*;
use crate::mesh::tests::sample::{network, sites};
use crate::mesh::{Input, compile, content};

fn first(input: &Input) -> Content {
    content(&compile(input).unwrap().sites[0].tar.to_vec()).unwrap()
}

fn between(change: impl FnOnce(&mut Input)) -> Vec<String> {
    let (old, mut new) = (sites(3), sites(3));
    change(&mut new);
    lines(&first(&old), &first(&new))
}

#[test]
fn nothing_differs_from_itself() {
    assert_eq!(between(|_| {}), [""; 0]);
}

#[test]
fn each_change_is_a_line() {
    assert_eq!(
        between(|new| new.sites[1].spec.prefixes = vec!["10.9.0.0/24".parse().unwrap()]),
        ["+ peer site-0001 allowed 10.9.0.0/24", "- peer site-0001 allowed 10.0.1.0/24"]
    );
    assert_eq!(
        between(|new| new.sites[2].spec.uplinks[0].endpoint = "192.0.2.9:700".parse().ok()),
        ["~ peer site-0002 uplink 0 endpoint 198.18.0.3:51820 -> 192.0.2.9:700"]
    );
    assert_eq!(
        between(|new| new.sites[2].spec.uplinks[0].endpoint = None),
        ["- peer site-0002 uplink 0 endpoint 198.18.0.3:51820"]
    );
    assert_eq!(between(|new| _ = new.sites.remove(2)), ["- peer site-0002 (10.0.2.0/24, 10.210.0.3/32)"]);
    assert_eq!(
        between(|new| (new.spec.mtu, new.sites[0].port_base) = (Some(1300), Some(40_000))),
        ["~ mtu 1420 -> 1300", "~ tunnel 0-0 port 51820 -> 40000"]
    );
    assert_eq!(between(|new| new.sites[0].spec.uplinks[0].device = Some("eth0".into())), ["+ uplink up0 device eth0"]);
}

#[test]
fn a_site_is_new_gone_or_changed() {
    let name: Name = "ams".parse().unwrap();
    let content = first(&sites(2));
    assert_eq!(site(&name, None, None), None);
    assert_eq!(site(&name, Some(&content), Some(&content)), None);
    let created = site(&name, None, Some(&content)).unwrap();
    assert_eq!((created.change, created.lines.len()), (Change::Created, 1));
    assert_eq!(site(&name, Some(&content), None).unwrap().change, Change::Deleted);
}

proptest! {
    /// A difference has lines exactly when the contents differ.
    #[test]
    fn no_line_means_no_difference(old in network(), new in network()) {
        let contents = |input: &Input| -> Vec<Content> {
            compile(input).unwrap().sites.iter().map(|site| content(&site.tar.to_vec()).unwrap()).collect()
        };
        for (old, new) in contents(&old).iter().zip(&contents(&new)) {
            let new = Content { network: old.network.clone(), site: old.site.clone(), ..new.clone() };
            prop_assert_eq!(lines(old, &new).is_empty(), *old == new);
            for line in lines(old, &new) {
                prop_assert!(line.starts_with(['+', '~', '-']) && !line.contains('\n'));
            }
        }
    }
}
