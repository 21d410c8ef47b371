//! Bundles and hosts to try plans with.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use patronus_types::NetworkId;
use patronus_types::bundle::Content;
use proptest::prelude::*;

use crate::apply::Facts;
use crate::apply::model::{Driver, HostLink, HostRoute, Owner};
use crate::mesh::tests::sample::{key, spare_key};
use crate::mesh::{Input, compile, content};

/// The content of the first site, if it is ready.
pub(super) fn content_of(input: &Input) -> Option<Content> {
    let compiled = compile(input).unwrap();
    let site = compiled.sites.iter().find(|site| site.name.as_str() == "site-0000")?;
    Some(content(&site.tar.to_vec()).unwrap())
}

pub(super) fn owner() -> Owner {
    Owner::new(3, NetworkId::new(1, &[0; 10])).unwrap()
}

/// A host with the first site's keys and any state of its links.
pub(super) fn facts() -> impl Strategy<Value = Facts> {
    (any::<bool>(), prop::collection::vec(prop::option::weighted(0.8, 0u8..4), 4), prop::bool::weighted(0.2)).prop_map(
        |(ipv6, links, userspace)| Facts {
            owner: owner(),
            driver: if userspace { Driver::Userspace } else { Driver::Kernel },
            ipv6,
            keys: (0..4).map(|uplink| key(0, uplink)).chain([spare_key(0)]).collect(),
            links: (0u8..)
                .zip(links)
                .filter_map(|(index, kind)| Some((format!("eth{index}"), link(index, kind?))))
                .collect(),
            resolved: BTreeMap::new(),
            sessions: BTreeSet::new(),
            deaf: BTreeSet::new(),
            chosen: Default::default(),
        },
    )
}

/// Links without address, with one, in one subnet with others, with a far gateway.
pub(super) fn link(index: u8, kind: u8) -> HostLink {
    let net = |text: String| text.parse::<IpNet>().unwrap();
    let (addresses, gateway) = match kind {
        0 => (vec![], None),
        1 => (
            vec![net(format!("203.0.{index}.2/24")), net(format!("2001:db8:{index}::2/64"))],
            Some(format!("203.0.{index}.1")),
        ),
        2 => (
            vec![net(format!("192.0.2.{}/24", 10 + index)), net(format!("192.0.2.{}/24", 20 + index))],
            Some("192.0.2.1".to_owned()),
        ),
        _ => (vec![net(format!("100.64.0.{index}/32"))], Some("172.31.1.1".to_owned())),
    };
    let default = HostRoute {
        destination: net("0.0.0.0/0".to_owned()),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
        metric: 100,
    };
    HostLink {
        name: format!("eth{index}"),
        index: u32::from(index) + 2,
        running: true,
        mtu: 1500,
        addresses: addresses.into_iter().collect(),
        routes: [default].into_iter().filter(|route| route.gateway.is_some()).collect(),
    }
}
