//! The kernel of the site `ams` in a network namespace of this thread: tunnels, hosts and internet are devices that the test
//! holds, and everything of the product is written by the agent's own effects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::future::Future;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};

use patronus_agent::effects::model::{Firewall, Observed, Owner};
use patronus_agent::effects::{Device as _, DriverChoice, Linux, Settings};
use patronus_core::apply::{Desired, Step, plan};
use patronus_tests::can_run;
use rustix::io::Errno;
use rustix::thread::UnshareFlags;
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::draw::Packet;
use super::model::Outcome;
use super::packet;
use super::sites::{LAN, PROBE_PORT, SITES};
use super::tun::{DEVICE, Tun};
use super::world::{Order, World};

/// Which packets get past the policies, and which are for the host: by the number in their headers. What the kernel answers to
/// them comes by here too and may have any number.
const WATCH: &str = "
table inet watch {
    set passed4 { typeof ip id; flags dynamic; size 65535; }
    set passed6 { typeof ip6 flowlabel; flags dynamic; size 65535; }
    set arrived4 { typeof ip id; flags dynamic; size 65535; }
    set arrived6 { typeof ip6 flowlabel; flags dynamic; size 65535; }
    chain pass {
        type filter hook prerouting priority mangle + 1
        icmp type != echo-request return
        icmpv6 type != echo-request return
        tcp flags rst return
        add @passed4 { ip id }
        add @passed6 { ip6 flowlabel }
    }
    chain arrive {
        type filter hook input priority 0
        icmp type != echo-request return
        icmpv6 type != echo-request return
        tcp flags rst return
        add @arrived4 { ip id }
        add @arrived6 { ip6 flowlabel }
    }
}";
const FORGET: &str = "flush set inet watch passed4; flush set inet watch passed6; \
                      flush set inet watch arrived4; flush set inet watch arrived6";
/// What every kernel setting is before devices are made.
const SYSCTLS: [(&str, &str); 7] = [
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/addr_gen_mode", "1"),
];
/// Packets that a device keeps until they are read.
const QUEUE: u32 = 10_000;
const TRIES: u32 = 5;
/// The port that markers go to.
const DISCARD: u16 = 9;

pub struct Lab {
    owner: Owner,
    tuns: BTreeMap<String, Tun>,
    markers: Vec<(String, Socket)>,
    raw: [Socket; 2],
}

/// Runs work in a namespace of its own, on a thread of its own. Where that cannot be, it is said aloud, and not accepted in CI.
pub fn run<F: Future<Output = ()>>(name: &str, work: impl FnOnce() -> F + Send) {
    if !can_run(name, obstacle()) {
        return;
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare().unwrap();
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work());
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Why there can be no lab here.
fn obstacle() -> Option<String> {
    if let Err(error) = fs::OpenOptions::new().read(true).write(true).open(DEVICE) {
        return Some(format!("{DEVICE} cannot be opened: {error}"));
    }
    let tried = std::thread::spawn(unshare).join().unwrap();
    tried.err().map(|error| format!("no network namespace: {error}"))
}

fn unshare() -> rustix::io::Result<()> {
    // SAFETY: file descriptors stay shared; only the network becomes this thread's own.
    #[allow(unsafe_code, reason = "a thread's namespace is changed in no other way")]
    unsafe {
        rustix::thread::unshare_unsafe(UnshareFlags::NEWNET)
    }
}

impl Lab {
    pub fn new(world: &World) -> Self {
        for (name, value) in SYSCTLS {
            fs::write(format!("/proc/sys/net/{name}"), value).unwrap();
        }
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(local, remote)| world.owner().interface(local, remote));
        let names: Vec<String> = pairs.into_iter().chain(["lan".to_owned(), "wan".to_owned()]).collect();
        let tuns = names.iter().map(|name| (name.clone(), Tun::new(name).unwrap())).collect();
        pipe(Command::new("ip").args(["-batch", "-"]), &links(&world.owner(), &names)).unwrap();
        nft(WATCH);
        let raw = |domain| Socket::new(domain, Type::RAW, Some(Protocol::from(255))).unwrap();
        Self {
            owner: world.owner(),
            tuns,
            markers: names.into_iter().map(|name| (name.clone(), marker(&name))).collect(),
            raw: [raw(Domain::IPV4), raw(Domain::IPV6)],
        }
    }

    pub fn tun(&self, name: &str) -> &Tun {
        &self.tuns[name]
    }

    /// Brings the kernel to what is desired, as the agent does.
    pub async fn apply(&self, order: &Order) {
        let device = agent();
        let mut observed = self.observe().await;
        // There is no WireGuard behind them.
        observed.tunnels.clear();
        let plan = plan(&order.desired, &observed, &order.memory);
        for step in plan.apply.into_iter().chain(plan.clean) {
            match step {
                Step::ChangeRoutes(changes) => device.change_routes(&changes).await.unwrap(),
                Step::ChangeRules(changes) => device.change_rules(&changes).await.unwrap(),
                Step::ReplaceFirewall { chains, .. } => self.replace(&chains).await,
                other => panic!("{other} has no place here"),
            }
        }
        let Desired { routes, rules, .. } = &order.desired;
        let now = self.observe().await;
        let with_classes: BTreeSet<_> = now.routes.union(&now.twins).cloned().collect();
        assert!(with_classes.is_superset(routes) && now.rules == *rules, "{now:?}");
    }

    /// On a host that has much to do `nft` may take longer than the agent waits for it; that is no matter here.
    async fn observe(&self) -> Observed {
        for _ in 0..TRIES {
            let observed = agent().observe(&self.owner).await.unwrap();
            if !matches!(observed.firewall, Firewall::Unavailable(_)) {
                return observed;
            }
        }
        panic!("nft did not answer {TRIES} times");
    }

    pub async fn replace(&self, chains: &str) {
        let mut last = Firewall::Missing;
        for _ in 0..TRIES {
            last = agent().replace_firewall(&self.owner, chains).await.unwrap();
            if matches!(last, Firewall::Present(_)) {
                return;
            }
        }
        panic!("{last:?}\n{chains}");
    }

    pub async fn flow_marks(&self) -> BTreeSet<u32> {
        agent().flow_marks().await.unwrap()
    }

    /// What becomes of packets, by their numbers.
    pub async fn outcomes(&self, packets: &[Packet]) -> BTreeMap<u16, Outcome> {
        let refused: BTreeMap<u16, Outcome> =
            packets.iter().filter_map(|packet| Some((packet.id, self.send(packet).err()?))).collect();
        let left = self.collect().await;
        let (passed, arrived) = watched();
        let outcome = |packet: &Packet| match (left.get(&packet.id), refused.get(&packet.id)) {
            (Some(device), None) => Outcome::Leaves(device.clone()),
            (None, Some(outcome)) => outcome.clone(),
            (None, None) if arrived.contains(&packet.id) => Outcome::Arrives,
            (None, None) if packet.local || passed.contains(&packet.id) => Outcome::Unreachable,
            (None, None) => Outcome::Dropped,
            both => panic!("{packet:?} both left and did not: {both:?}"),
        };
        packets.iter().map(|packet| (packet.id, outcome(packet))).collect()
    }

    /// Sends a packet on its way; the error is why the kernel would not.
    pub fn send(&self, packet: &Packet) -> Result<(), Outcome> {
        let bytes = packet::write(packet);
        if !packet.local {
            self.tun("lan").inject(&bytes);
            return Ok(());
        }
        let to: SockAddr = SocketAddr::new(packet.dst, 0).into();
        match self.raw[usize::from(packet.dst.is_ipv6())].send_to(&bytes, &to) {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(&error)),
        }
    }

    /// The device by which each packet left that was sent before.
    pub async fn collect(&self) -> BTreeMap<u16, String> {
        let mut left = BTreeMap::new();
        for (name, number) in self.drain().await {
            let twice = left.insert(number, name);
            assert_eq!(twice, None, "packet {number} left twice");
        }
        left
    }

    /// Devices and numbers of all packets that left, in order for each device: up to a marker that is sent behind them.
    pub async fn drain(&self) -> Vec<(String, u16)> {
        let mut left = Vec::new();
        for (name, marker) in &self.markers {
            let to: SockAddr = SocketAddr::new(IpAddr::from([10, 210, 0, 2]), DISCARD).into();
            marker.send_to(b"marker", &to).unwrap();
            loop {
                let bytes = self.tun(name).next().await;
                if bytes.ends_with(b"marker") {
                    break;
                }
                left.extend(packet::number(&bytes).map(|number| (name.clone(), number)));
            }
        }
        left
    }
}

/// The agent's hands, which know of nothing that was before.
fn agent() -> Linux {
    Linux::new(Settings { driver: DriverChoice::Userspace, ..Settings::default() }, "nft".into())
}

fn links(owner: &Owner, names: &[String]) -> String {
    let mut lines = vec!["link set lo up".to_owned()];
    for name in names {
        let addresses = match name.as_str() {
            "lan" => LAN.map(|address| format!("{address}/{}", if address.contains(':') { 48 } else { 16 })),
            "wan" => ["198.51.100.1/24", "2001:db8:1::1/64"].map(str::to_owned),
            _ => SITES[0].addresses.map(str::to_owned),
        };
        if name.starts_with(&owner.interface_prefix()) {
            lines.push(format!("link set {name} alias {}", owner.alias()));
        }
        lines.push(format!("link set {name} up txqueuelen {QUEUE}"));
        lines.extend(addresses.map(|address| format!("addr add {address} dev {name}")));
    }
    lines.extend(["0.0.0.0/0", "::/0"].map(|all| format!("route add {all} dev wan")));
    lines.join("\n")
}

/// What the agent's probes are sent by: a socket that is bound to a device, from a port that no policy touches.
fn marker(name: &str) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.bind_device(Some(name.as_bytes())).unwrap();
    let from: SocketAddr = SocketAddr::new(SITES[0].addresses[0].parse().unwrap(), PROBE_PORT);
    socket.bind(&from.into()).unwrap();
    socket
}

fn refusal(error: &io::Error) -> Outcome {
    match Errno::from_io_error(error) {
        Some(Errno::PERM) => Outcome::Dropped,
        Some(Errno::NETUNREACH | Errno::HOSTUNREACH) => Outcome::Unreachable,
        _ => panic!("a packet could not be sent: {error}"),
    }
}

/// The numbers of packets that passed, and of those that arrived; forgotten with this.
fn watched() -> (BTreeSet<u16>, BTreeSet<u16>) {
    let listing: Value = serde_json::from_str(&nft_with(&["-j", "list table inet watch"], "")).unwrap();
    nft(FORGET);
    let mut seen: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for set in listing["nftables"].as_array().unwrap().iter().filter_map(|it| it.get("set")) {
        let numbers = set["elem"].as_array().into_iter().flatten().filter_map(|it| u16::try_from(it.as_u64()?).ok());
        seen.entry(set["name"].as_str().unwrap().trim_end_matches(['4', '6'])).or_default().extend(numbers);
    }
    (seen.remove("passed").unwrap_or_default(), seen.remove("arrived").unwrap_or_default())
}

fn nft(script: &str) {
    nft_with(&["-f", "-"], script);
}

fn nft_with(arguments: &[&str], input: &str) -> String {
    pipe(Command::new("nft").args(arguments), input).unwrap()
}

fn pipe(command: &mut Command, input: &str) -> io::Result<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().unwrap().write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{command:?}: {}\n{input}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Has the kernel forget all flows: `IPCTNL_MSG_CT_DELETE` of `nfnetlink_conntrack.h` with nothing that would choose some.
pub fn forget_flows() {
    let mut socket = Socket::new(Domain::from(16), Type::RAW, Some(Protocol::from(12))).unwrap();
    let (delete, request_acknowledged) = (0x0102u16, 5u16);
    let head =
        [&20u32.to_ne_bytes()[..], &delete.to_ne_bytes(), &request_acknowledged.to_ne_bytes(), &[0; 12]].concat();
    socket.write_all(&head).unwrap();
    let mut answer = [0; 64];
    let length = socket.read(&mut answer).unwrap();
    assert!(length >= 20 && answer[16..20] == [0; 4], "{answer:?}");
}
