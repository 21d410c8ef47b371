use patronus_types::network::Topology;
use proptest::prelude::*;

use super::*;
use crate::mesh::tests::sample::{network, sites};

fn found(input: &Input) -> Vec<(Code, bool, String)> {
    let short = |finding: Finding| {
        let sites: Vec<&str> = finding.sites.iter().map(Name::as_str).collect();
        (finding.code, finding.is_error(), sites.join(" ").replace("site-000", ""))
    };
    lint(input).into_iter().map(short).collect()
}

fn one(input: &Input) -> (Code, bool, String) {
    let all = found(input);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn is(code: Code, error: bool, sites: &str) -> (Code, bool, String) {
    (code, error, sites.to_owned())
}

#[test]
fn a_plain_network_is_clean() {
    assert_eq!(found(&sites(0)), []);
    assert_eq!(found(&sites(20)), []);
}

#[test]
fn overlaps_are_named_with_both_sites() {
    let mut input = sites(4);
    input.sites[3].spec.prefixes = vec!["10.0.1.128/25".parse().unwrap()];
    assert_eq!(one(&input), is(Code::Overlap, true, "1 3"));
    assert!(lint(&input)[0].message.contains("10.0.1.0/24 and site site-0003 has 10.0.1.128/25"));
    input.sites[3].spec.prefixes = vec!["10.0.1.0/24".parse().unwrap()];
    assert_eq!(one(&input), is(Code::Overlap, true, "1 3"));
    input.sites[3].spec.prefixes = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(found(&input).len(), 4, "three sites and the overlay's range");
    input.sites[3].spec.prefixes = vec!["10.210.7.0/24".parse().unwrap()];
    assert_eq!(one(&input), is(Code::Overlap, true, "3"));
    assert!(
        lint(&input)[0]
            .message
            .contains("site-0003 has 10.210.7.0/24, which overlaps the network's own range 10.210.0.0/16")
    );
}

#[test]
fn keys_and_addresses_are_single() {
    let mut input = sites(3);
    input.sites[2].public_keys[3] = input.sites[0].public_keys[0];
    assert_eq!(one(&input), is(Code::DuplicateKey, true, "0 2"));
    let mut input = sites(3);
    input.sites[2].public_keys[3] = input.sites[2].public_keys[0];
    assert_eq!(one(&input), is(Code::DuplicateKey, true, "2"));
    let mut input = sites(3);
    input.sites[2].addresses = input.sites[1].addresses.clone();
    assert_eq!(one(&input), is(Code::Address, true, "1 2"));
    input.sites[2].addresses = vec!["192.0.2.1".parse().unwrap()];
    assert_eq!(one(&input), is(Code::Address, true, "2"));
}

#[test]
fn in_a_mesh_one_site_may_be_hidden() {
    let mut input = sites(4);
    input.sites[1].spec.uplinks[0].endpoint = None;
    assert_eq!(found(&input), []);
    input.sites[3].spec.uplinks[0].endpoint = None;
    assert_eq!(one(&input), is(Code::NoEndpoint, true, "1 3"));
    assert!(lint(&input)[0].message.contains("sites site-0001 and site-0003 have no endpoint"));
}

#[test]
fn spokes_have_a_hub_that_one_end_can_reach() {
    let mut input = sites(4);
    input.spec.topology = Topology::HubSpoke;
    assert_eq!(one(&input), is(Code::NoHub, true, "0 1 2 3"));
    input.sites[2].spec.hub = true;
    assert_eq!(found(&input), []);
    input.sites[0].spec.via = "site-0001".parse().ok();
    assert_eq!(one(&input), is(Code::NoHub, true, "0"));
    assert!(lint(&input)[0].message.contains("not a hub"));
    input.sites[0].spec.via = "elsewhere".parse().ok();
    assert!(lint(&input)[0].message.contains("no such site"));
    input.sites[0].spec.via = "site-0002".parse().ok();
    input.sites[2].spec.uplinks[0].endpoint = None;
    assert_eq!(found(&input), []);
    input.sites[0].spec.uplinks[0].endpoint = None;
    assert_eq!(one(&input), is(Code::NoEndpoint, true, "0 2"));
    input.sites[2].spec.uplinks[0].endpoint = "192.0.2.1".parse().ok();
    input.sites[2].public_keys.clear();
    assert_eq!(
        found(&input),
        [is(Code::NoHub, false, "0 2"), is(Code::NoHub, false, "1 2"), is(Code::NoHub, false, "2 3")]
    );
}

#[test]
fn endpoints_are_single_and_outside() {
    let mut input = sites(3);
    input.sites[1].spec.uplinks[0].endpoint = "198.18.0.1:51823".parse().ok();
    assert_eq!(one(&input), is(Code::DuplicateEndpoint, true, "0 1"));
    input.sites[1].spec.uplinks[0].endpoint = "198.18.0.1:51824".parse().ok();
    assert_eq!(found(&input), []);
    input.sites[1].spec.uplinks[0].endpoint = "10.210.0.9".parse().ok();
    assert_eq!(one(&input), is(Code::EndpointInside, true, "1"));
    input.sites[1].spec.uplinks[0].endpoint = "10.0.2.9".parse().ok();
    assert_eq!(one(&input), is(Code::EndpointInside, true, "1 2"));
    input.sites.iter_mut().for_each(|site| site.spec.uplinks[0].device = Some("eth0".into()));
    assert_eq!(one(&input), is(Code::EndpointInside, false, "1 2"));
}

#[test]
fn several_uplinks_need_their_devices() {
    let mut input = sites(2);
    let uplinks = &mut input.sites[1].spec.uplinks;
    uplinks[0].device = Some("eth0".to_owned());
    uplinks.push(patronus_types::site::Uplink::named("lte".parse().unwrap(), None));
    assert_eq!(one(&input), is(Code::Device, true, "1"));
    assert!(lint(&input)[0].message.contains("site-0001 has several uplinks, and lte no `device`"));
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let mut input = sites(3);
    input.sites[0].spec.hub = true;
    input.sites[1].spec.via = "site-0000".parse().ok();
    assert_eq!(one(&input), is(Code::Topology, false, "0 1"));
    let mut input = sites(3);
    input.sites[0].spec.prefixes.push("fd01::/64".parse().unwrap());
    assert_eq!(one(&input), is(Code::NoIpv6, false, "0"));
    let mut input = sites(3);
    input.spec.mtu = Some(1421);
    assert_eq!(one(&input), is(Code::Mtu, false, "0 1 2"));
    let mut input = sites(3);
    input.sites[1].port_base = Some(80);
    assert_eq!(one(&input), is(Code::Port, true, "1"));
}

#[test]
fn long_lists_are_counted() {
    let names: Vec<Name> = (0..10).map(|index| format!("s{index}").parse().unwrap()).collect();
    let names: Vec<&Name> = names.iter().collect();
    assert_eq!(list(&names[..1]), "s0");
    assert_eq!(list(&names[..3]), "s0, s1 and s2");
    assert_eq!(list(&names), "s0, s1, s2, s3, s4, s5, s6, s7 and 2 more");
}

proptest! {
    #[test]
    fn the_order_of_the_input_does_not_matter((input, shuffled) in network().prop_flat_map(|input| {
        let sites = Just(input.sites.clone()).prop_shuffle();
        (Just(input.clone()), sites.prop_map(move |sites| Input { sites, ..input.clone() }))
    })) {
        prop_assert_eq!(lint(&input), lint(&shuffled));
    }

    /// Whatever the lint lets pass has a way between each two sites that have a tunnel.
    #[test]
    fn no_error_means_every_tunnel_can_start(input in network()) {
        if lint(&input).iter().any(Finding::is_error) {
            return Ok(());
        }
        for site in crate::mesh::compile(&input).unwrap().sites {
            let content = crate::mesh::content(&site.tar.to_vec()).unwrap();
            let own = content.uplinks.iter().any(|uplink| uplink.keepalive_s == 0);
            for peer in &content.peers {
                prop_assert!(own || peer.uplinks.iter().any(|uplink| uplink.endpoint.is_some()));
            }
        }
    }
}
