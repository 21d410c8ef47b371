//! From what was drawn to what the agent would write, by the product's own functions.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use patronus_core::apply::model::{Driver, Owner, Route as KernelRoute, class_table};
use patronus_core::apply::{Desired, Facts, MARK_SHIFT, Memory, desired};
use patronus_core::mesh::{self, Input, Site};
use patronus_core::policy::compile::classes;
use patronus_core::policy::{Flow, Ids, evaluate, keys};
use patronus_core::validate;
use patronus_types::bundle::{Content, Peer};
use patronus_types::network::NetworkSpec;
use patronus_types::policy::{self, PolicySpec, Protocol, Rule};
use patronus_types::site::SiteInput;
use patronus_types::{NetworkId, PublicKey, SiteId};
use serde_json::{Value, json};

use super::draw::{Action, Choice, Packet, Place, Policy, Route, Set, State};
use super::sites::{self, OWN, PROBE_PORT, SITES, UPLINKS};

/// The network's number on the host.
const INDEX: u8 = 1;

/// What the agent of `ams` knows from one bundle to the next.
pub struct World {
    input: Input,
    ids: Ids,
    memory: Memory,
}

/// What a site carries out.
#[derive(Clone)]
pub struct Order {
    pub content: Content,
    pub desired: Desired,
    pub memory: Memory,
}

impl World {
    pub fn new() -> Self {
        let spec = NetworkSpec { range6: "fd00:210::/64".parse().ok(), ..NetworkSpec::named("lab".parse().unwrap()) };
        let sites = SITES.iter().enumerate().map(|(index, site)| declared(index, site)).collect();
        let input = Input { network: NetworkId::new(1, &[0; 10]), spec, sites, rotation: None, policies: Vec::new() };
        Self { input, ids: Ids::default(), memory: Memory::default() }
    }

    pub fn owner(&self) -> Owner {
        Owner::new(INDEX, self.input.network).unwrap()
    }

    /// What a set means for the kernel.
    pub fn order(&mut self, set: &Set) -> Order {
        self.input.policies = set.policies.iter().map(spec).collect();
        let compiled = mesh::compile(&self.input).unwrap();
        let own = compiled.sites.iter().find(|site| site.name.as_str() == OWN).unwrap();
        let content = mesh::content(&own.tar.to_vec()).unwrap();
        let class_ids = match content.policies.is_empty() {
            true => Vec::new(),
            false => self.ids.assign(INDEX, &keys(&content.policies)).unwrap(),
        };
        let mut facts = self.facts(class_ids);
        choose(&mut facts, &content, &set.state);
        let mut desired = desired(&content, &facts).unwrap();
        lose(&mut desired, &facts, (&content, &set.state));
        // They are there already, and not WireGuard's.
        desired.tunnels.clear();
        self.memory.add(&desired);
        self.memory.classes = self.ids.known_of(INDEX);
        Order { content, desired, memory: self.memory.clone() }
    }

    /// Numbers that no flow carries are free, as the agent has it.
    pub fn release(&mut self, marks: &BTreeSet<u32>) {
        let carried: BTreeSet<u32> = marks.iter().map(|mark| mark >> MARK_SHIFT).collect();
        let free: Vec<u8> = self.ids.retired().filter(|id| !carried.contains(&u32::from(*id))).collect();
        free.into_iter().for_each(|id| self.ids.release(id));
    }

    fn facts(&self, class_ids: Vec<u8>) -> Facts {
        Facts {
            owner: self.owner(),
            driver: Driver::Kernel,
            ipv6: true,
            keys: (0..2).map(|uplink| key(0, uplink)).collect(),
            links: BTreeMap::new(),
            resolved: BTreeMap::new(),
            sessions: BTreeSet::new(),
            deaf: BTreeSet::new(),
            chosen: Default::default(),
            class_ids,
            mark_shift: MARK_SHIFT,
            probe_port: PROBE_PORT,
        }
    }
}

/// What the product's evaluator says: the policy that decides.
pub fn evaluated<'a>(rules: &'a [Rule], packet: &Packet) -> Option<&'a str> {
    let port = |port| packet.has_ports().then_some(port);
    let flow = Flow {
        src: packet.src,
        dst: packet.dst,
        protocol: Protocol(packet.protocol),
        src_port: port(packet.src_port),
        dst_port: port(packet.dst_port),
        dscp: packet.dscp,
    };
    evaluate(rules, &flow).map(|rule| rule.name.as_str())
}

fn key(site: usize, uplink: usize) -> PublicKey {
    PublicKey([u8::try_from(16 * site + uplink + 1).unwrap(); 32])
}

fn declared(index: usize, site: &sites::Site) -> Site {
    let uplink = |(local, (name, kind)): (usize, &(&str, &str))| {
        json!({"name": name, "device": format!("eth{local}"), "endpoint": format!("192.0.2.{}", 16 * index + local + 1),
               "cost": 100 * (local + 1), "labels": {"kind": kind}})
    };
    let uplinks: Vec<Value> = UPLINKS.iter().take(site.uplinks.into()).enumerate().map(uplink).collect();
    let labels: BTreeMap<&str, &str> = site.labels.iter().copied().collect();
    let json = json!({"name": site.name, "labels": labels, "prefixes": site.prefixes, "uplinks": uplinks});
    let (spec, _) = serde_json::from_value::<SiteInput>(json).unwrap().into_spec().unwrap();
    Site {
        id: SiteId::new(u64::try_from(index).unwrap() + 1, &[0; 10]),
        spec,
        addresses: site.addresses.map(|address| address.parse().unwrap()).to_vec(),
        public_keys: (0..site.uplinks.into()).map(|uplink| key(index, uplink)).collect(),
        port_base: Some(PROBE_PORT - 17),
        spare_key: None,
    }
}

fn spec(policy: &Policy) -> PolicySpec {
    let places = |places: &[Place]| places.iter().map(place).collect::<Vec<_>>();
    let ports = |ports: &[(u16, u16)]| ports.iter().map(|(first, last)| format!("{first}-{last}")).collect::<Vec<_>>();
    let mut criteria = json!({
        "src": places(&policy.src), "dst": places(&policy.dst),
        "src_ports": ports(&policy.src_ports), "dst_ports": ports(&policy.dst_ports),
    });
    for (field, value) in [
        ("protocol", policy.protocol.map(Value::from)),
        ("dscp", policy.dscp.map(Value::from)),
        ("app", policy.app.map(Value::from)),
    ] {
        criteria.as_object_mut().unwrap().extend(value.map(|value| (field.to_owned(), value)));
    }
    let mut json = json!({"name": policy.name, "priority": policy.priority, "match_criteria": criteria});
    let action = match &policy.action {
        Action::Drop => json!({"action": "drop"}),
        Action::Limit(limit) => {
            json!({"action": "rate_limit", "rate_limit": {"rate": limit.rate, "unit": limit.unit, "burst": limit.burst}})
        }
        Action::Route(Route { prefer, drops }) => {
            json!({"action": "route", "route": {"prefer": prefer, "fallback": if *drops { "drop" } else { "any" }}})
        }
    };
    json.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
    let spec: PolicySpec = serde_json::from_value(json).unwrap();
    assert_eq!(validate::policy(&spec), [], "{policy:?}");
    spec
}

fn place(place: &Place) -> String {
    match place {
        Place::Range(first, length) => format!("{first}/{length}"),
        Place::Site(name) => format!("site:{name}"),
        Place::Label { key, value, wanted } => format!("{key}{}{value}", if *wanted { "=" } else { "!=" }),
    }
}

/// The classes of a content with their numbers, each by its own words.
fn numbered(facts: &Facts, content: &Content) -> Vec<(u8, Route)> {
    let word = |uplink: &policy::UplinkRef| {
        let known = ["fiber", "lte", "kind=radio", "kind!=radio", "dsl"];
        known.into_iter().find(|it| *it == uplink.to_string()).unwrap()
    };
    let words = |route: &policy::Route| Route {
        prefer: route.prefer.iter().map(word).collect(),
        drops: route.fallback == policy::Fallback::Drop,
    };
    facts.class_ids.iter().copied().zip(classes(&content.policies).into_iter().map(words)).collect()
}

/// What was measured and chosen.
fn choose(facts: &mut Facts, content: &Content, state: &State) {
    let classes = numbered(facts, content);
    for Peer { name, .. } in &content.peers {
        if let Some(Choice::Path(local, remote)) = state.default.get(name.as_str()) {
            facts.chosen.default.insert(name.clone(), (*local, *remote));
        }
        for (id, route) in &classes {
            let chosen = match state.of(route, name.as_str()) {
                Choice::Path(local, remote) => Some((local, remote)),
                Choice::Nowhere => None,
                Choice::Unmeasured | Choice::Lost => continue,
            };
            facts.chosen.classes.entry(*id).or_default().insert(name.clone(), chosen);
        }
    }
}

/// The kernel takes routes away with their device.
fn lose(desired: &mut Desired, facts: &Facts, (content, state): (&Content, &State)) {
    let classes = numbered(facts, content);
    for peer in &content.peers {
        let mut lost: Vec<u32> = Vec::new();
        if state.default.get(peer.name.as_str()) == Some(&Choice::Lost) {
            lost.push(KernelRoute::MAIN);
        }
        let of_classes = classes.iter().filter(|(_, route)| state.of(route, peer.name.as_str()) == Choice::Lost);
        lost.extend(of_classes.map(|(id, _)| class_table(*id)));
        let is_its = |range: &IpNet| peer.allowed_ips.contains(range);
        desired.routes.retain(|route| !(lost.contains(&route.table) && is_its(&route.destination)));
    }
}
