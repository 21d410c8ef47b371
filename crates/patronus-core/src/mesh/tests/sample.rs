//! Networks to try things on: plain ones of any size, and random ones.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use patronus_types::network::{NetworkSpec, Topology};
use patronus_types::policy::PolicySpec;
use patronus_types::site::{SiteInput, Uplink};
use patronus_types::{Endpoint, NetworkId, PublicKey, SiteId};
use proptest::prelude::*;

use crate::address;
use crate::mesh::{Input, Rotating, Site};

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap()
}

fn id(index: usize) -> SiteId {
    SiteId::new(u64::from(number(index)), &[0; 10])
}

/// The key of a site's spare tunnel.
pub(crate) fn spare_key(site: usize) -> PublicKey {
    key(site, 8)
}

/// A key nobody has the private half of.
pub(crate) fn key(site: usize, uplink: usize) -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number(site).to_be_bytes());
    bytes[4] = u8::try_from(uplink).unwrap() + 1;
    PublicKey(bytes)
}

/// A site with one uplink, an endpoint and a prefix.
pub(crate) fn site(network: &NetworkSpec, index: usize) -> Site {
    let json = format!(r#"{{"name": "site-{index:04}", "uplinks": [{{"name": "up0"}}]}}"#);
    let (mut spec, _) = serde_json::from_str::<SiteInput>(&json).unwrap().into_spec().unwrap();
    spec.prefixes = vec![prefix(index)];
    spec.uplinks[0].endpoint = Some(endpoint(index, 0));
    Site {
        id: id(index),
        spec,
        addresses: address::of_site(network, number(index) + 1).unwrap(),
        public_keys: (0..4).map(|uplink| key(index, uplink)).collect(),
        port_base: Some(51_820),
        spare_key: None,
    }
}

fn prefix(index: usize) -> IpNet {
    IpNet::new(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + (number(index) << 8))), 24).unwrap()
}

fn endpoint(index: usize, uplink: u32) -> Endpoint {
    Ipv4Addr::from(0xc612_0000 + (uplink << 14) + number(index) + 1).to_string().parse().unwrap()
}

/// A mesh of plain sites.
pub(crate) fn sites(count: usize) -> Input {
    let spec = NetworkSpec::named("lab".parse().unwrap());
    Input {
        network: NetworkId::new(1, &[0; 10]),
        sites: (0..count).map(|index| site(&spec, index)).collect(),
        spec,
        rotation: None,
        policies: Vec::new(),
    }
}

/// What is random about a site.
#[derive(Debug, Clone)]
struct Traits {
    uplinks: Vec<(bool, Option<u16>, u32)>,
    keys: usize,
    hub: bool,
    via: Option<usize>,
    prefixes: usize,
    port_base: Option<u16>,
    has_spare_key: bool,
}

fn traits() -> impl Strategy<Value = Traits> {
    let uplink = (any::<bool>(), prop::option::of(1024u16..60_000), 0u32..3);
    (
        prop::collection::vec(uplink, 1..=4),
        prop_oneof![8 => Just(4usize), 1 => 0usize..4],
        prop::bool::weighted(0.3),
        prop::option::weighted(0.4, 0usize..6),
        0usize..4,
        prop::option::of(1024u16..60_000),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(uplinks, keys, hub, via, prefixes, port_base, has_spare_key)| Traits {
            uplinks,
            keys,
            hub,
            via,
            prefixes,
            port_base,
            has_spare_key,
        })
}

/// Any network that passes validation and has no overlapping prefixes.
pub(crate) fn network() -> impl Strategy<Value = Input> {
    let network = (any::<bool>(), any::<bool>(), prop::option::of(1280u16..9000));
    let rotation = prop::option::weighted(0.3, (0usize..7, any::<bool>()));
    let policies = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(policy(), 1..4)];
    (network, prop::collection::vec(traits(), 0..7), rotation, policies).prop_map(
        |((hubs, v6, mtu), all, rotation, policies)| {
            let mut spec = NetworkSpec::named("lab".parse().unwrap());
            spec.topology = if hubs { Topology::HubSpoke } else { Topology::Mesh };
            spec.range6 = v6.then(|| "fd00:210::/64".parse().unwrap());
            spec.mtu = mtu.filter(|&mtu| mtu <= 8920);
            let sites = all.iter().enumerate().map(|(index, traits)| random(&spec, index, traits)).collect();
            let rotation = rotation.map(|(index, to_spare)| Rotating { site: id(index), to_spare });
            let names = (0..policies.len()).map(|place| format!("policy-{place}").parse().unwrap());
            let policies = names.zip(policies).map(|(name, policy)| PolicySpec { name, ..policy }).collect();
            Input { network: NetworkId::new(1, &[0; 10]), spec, sites, rotation, policies }
        },
    )
}

fn policy() -> impl Strategy<Value = PolicySpec> {
    let criteria =
        prop_oneof![Just("{}"), Just(r#"{"app": "web", "dst": "10.0.0.0/8"}"#), Just(r#"{"src": "role=branch"}"#)];
    let action = prop_oneof![
        Just(r#""drop""#),
        Just(r#""route", "route": {"prefer": ["up1", "kind=lte"], "fallback": "drop"}"#),
        Just(r#""rate_limit", "rate_limit": {"rate": 8000, "unit": "bit/s"}"#),
    ];
    (0u16..=1000, criteria, action).prop_map(|(priority, criteria, action)| {
        let json =
            format!(r#"{{"name": "a", "priority": {priority}, "match_criteria": {criteria}, "action": {action}}}"#);
        serde_json::from_str(&json).unwrap()
    })
}

fn random(network: &NetworkSpec, index: usize, traits: &Traits) -> Site {
    let mut made = site(network, index);
    made.public_keys.truncate(traits.keys);
    made.port_base = traits.port_base;
    made.spare_key = traits.has_spare_key.then(|| spare_key(index));
    made.spec.hub = traits.hub;
    made.spec.via = traits.via.filter(|_| !traits.hub).map(|via| format!("site-{via:04}").parse().unwrap());
    made.spec.prefixes = (0..traits.prefixes).map(|place| spread(index, place)).collect();
    made.spec.uplinks = (0u32..)
        .zip(&traits.uplinks)
        .map(|(place, &(reachable, port, cost))| uplink(index, place, (reachable, port, cost)))
        .collect();
    made
}

/// The prefixes of one site do not lie side by side in the order of all, and some are IPv6.
fn spread(index: usize, place: usize) -> IpNet {
    match place {
        0 => prefix(index),
        1 => IpNet::new(IpAddr::V4(Ipv4Addr::from(0xac10_0000 + (number(index) << 8))), 25).unwrap(),
        2 => format!("fd00:{index:x}::/48").parse().unwrap(),
        _ => IpNet::new(IpAddr::V4(Ipv4Addr::from(0x0a10_0000 + (number(index) << 8))), 32).unwrap(),
    }
}

fn uplink(index: usize, place: u32, (reachable, port, cost): (bool, Option<u16>, u32)) -> Uplink {
    let told = reachable.then(|| Endpoint { port, ..endpoint(index, place) });
    Uplink {
        device: Some(format!("eth{place}")),
        cost,
        drained: cost == 2,
        labels: [("kind".to_owned(), format!("kind-{cost}"))].into(),
        mtu: 1500 - u16::try_from(place).unwrap() * 20,
        ..Uplink::named(format!("up{place}").parse().unwrap(), told)
    }
}
