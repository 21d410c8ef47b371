//! Packets that are on their way while policies are replaced: none is lost, and none goes where neither table sends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patronus_tests::say;

use super::draw::{Action, Choice, Packet, Policy, Route, Set, State, UDP, address};
use super::lab::{self, Lab};
use super::packet;
use super::sites::peers;
use super::world::{Order, World};

/// By all that belongs to them, as the agent changes it.
const CHANGES: usize = 10;
/// Of the chains alone.
const REPLACEMENTS: usize = 60;
/// As many as there are numbers of packets to tell them by, and connection tracking has place for.
const FLOWS: u16 = 4000;
const PATIENCE: Duration = Duration::from_secs(10);
/// Two ways by policies, and the one that nothing may take.
const DEVICES: [&str; 3] = ["pt100", "pt110", "pt111"];

/// Everything by one uplink, while the best path is another; beside a drop that nothing here meets, so that flows that are
/// there are asked about again.
fn by(uplink: &'static str) -> Set {
    let policy = |name: &str, dst_ports, action| Policy {
        name: name.to_owned(),
        priority: 100,
        src: Vec::new(),
        dst: Vec::new(),
        protocol: Some(UDP),
        src_ports: Vec::new(),
        dst_ports,
        dscp: None,
        app: None,
        action,
    };
    let route = Action::Route(Route { prefer: vec![uplink], drops: false });
    let policies = vec![policy("a-drop", vec![(9, 9)], Action::Drop), policy("b-route", Vec::new(), route)];
    let default = peers().filter(|site| site.uplinks == 2).map(|site| (site.name, Choice::Path(1, 1))).collect();
    Set { policies, state: State { default, ..State::default() } }
}

/// How many packets took which way.
type Ways = BTreeMap<&'static str, u32>;

/// Sends as long as somebody else holds the lab, each packet once the one before has left.
fn stream(lab: &Arc<Lab>) -> Ways {
    let mut ways = Ways::new();
    for number in (1..=FLOWS).cycle().take_while(|_| Arc::strong_count(lab) > 1) {
        lab.send(&nth(number)).unwrap();
        *ways.entry(way(lab, number)).or_default() += 1;
    }
    ways
}

/// The flows in turn are of both families.
fn nth(number: u16) -> Packet {
    let (src, dst) = if number.is_multiple_of(2) { ("10.1.0.10", "10.2.0.10") } else { ("fd01::10", "fd03::10") };
    let (src, dst) = (address(src), address(dst));
    Packet { id: number, local: false, src, dst, protocol: UDP, src_port: number, dst_port: 443, dscp: 0 }
}

/// The device by which a packet left.
fn way(lab: &Lab, number: u16) -> &'static str {
    let sent = Instant::now();
    while sent.elapsed() < PATIENCE {
        for device in DEVICES {
            let left = std::iter::from_fn(|| lab.tun(device).waiting()).find_map(|bytes| packet::number(&bytes));
            if let Some(left) = left {
                assert_eq!(left, number, "of its own turn");
                return device;
            }
        }
        std::thread::yield_now();
    }
    panic!("packet {number} is lost");
}

#[test]
fn a_stream_loses_nothing_while_policies_are_replaced() {
    lab::run("a stream while policies are replaced", || async {
        let mut world = World::new();
        let lab = Arc::new(Lab::new(&world));
        let mut orders = ["fiber", "lte"].map(|uplink| world.order(&by(uplink)));
        // Both know of both, so that each takes away what is the other's.
        orders[0].memory = orders[1].memory.clone();
        lab.apply(&orders[1]).await;
        let sender = tokio::task::spawn_blocking({
            let lab = Arc::clone(&lab);
            move || stream(&lab)
        });
        for number in 0..CHANGES {
            lab.apply(&orders[number % 2]).await;
        }
        let both = both(&orders);
        lab.apply(&both).await;
        for number in 0..REPLACEMENTS {
            lab.replace(orders[number % 2].desired.firewall.as_deref().unwrap()).await;
        }
        drop(lab);
        let ways = sender.await.unwrap();
        say(&format!("stream: {CHANGES} changes, {REPLACEMENTS} replacements, packets by device: {ways:?}\n"));
        assert!(ways.keys().eq(&DEVICES[..2]) && ways.values().all(|count| *count > 1000), "{ways:?}");
    });
}

/// What the chains of either order lead to.
fn both([one, other]: &[Order; 2]) -> Order {
    let mut both = one.clone();
    both.desired.routes.extend(other.desired.routes.iter().cloned());
    both.desired.rules.extend(other.desired.rules.iter().cloned());
    both
}
