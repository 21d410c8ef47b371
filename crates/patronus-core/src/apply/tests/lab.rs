//! Bundles and hosts to try plans with.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use patronus_types::bundle::Content;
use patronus_types::{Name, NetworkId};
use proptest::prelude::*;

use crate::apply::model::{Driver, HostLink, HostRoute, Owner};
use crate::apply::{Choices, Desired, Facts, MARK_SHIFT, desired};
use crate::mesh::tests::sample::{key, spare_key};
use crate::mesh::{Input, compile, content};
use crate::policy::compile::classes;

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
    let links = prop::collection::vec(prop::option::weighted(0.8, 0u8..4), 4);
    (any::<bool>(), links, prop::bool::weighted(0.2), choices(), 1u8..4).prop_map(
        |(ipv6, links, userspace, chosen, first)| Facts {
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
            chosen,
            class_ids: vec![first],
            mark_shift: MARK_SHIFT,
            probe_port: 51_837,
        },
    )
}

/// What was measured, sometimes of what is not there.
fn choices() -> impl Strategy<Value = Choices> {
    let uplinks = || (0u8..3, 0u8..3);
    let one = (1u8..6, 0usize..4, prop::option::of(uplinks()));
    let name = |index: usize| -> Name { format!("site-{index:04}").parse().unwrap() };
    let default = prop::collection::btree_map((0usize..4).prop_map(name), uplinks(), 0..3);
    (default, prop::collection::vec(one, 0..6)).prop_map(move |(default, classes)| {
        let mut choices = Choices { default, ..Choices::default() };
        for (id, index, uplinks) in classes {
            choices.classes.entry(id).or_default().insert(name(index), uplinks);
        }
        choices
    })
}

/// What is desired of a bundle whose classes have the next numbers, the first of which the facts say.
pub(super) fn wanted(content: &Content, facts: &Facts) -> Desired {
    let count = u8::try_from(classes(&content.policies).len()).unwrap() + 1;
    let first = facts.class_ids[0];
    let class_ids = if content.policies.is_empty() { Vec::new() } else { (first..first + count).collect() };
    desired(content, &Facts { class_ids, ..facts.clone() }).unwrap()
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
