//! What it costs to measure a thousand paths on real sockets. `scripts/bench/probing` runs both parts, each in a network
//! namespace of its own, with a device between them for each tunnel.

#![allow(clippy::print_stdout, reason = "a measurement needs an output")]

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as Plain};
use std::time::{Duration, Instant};

use patronus_core::path::packet::{LEN, Packet};
use patronus_types::bundle::{Content, Tunnel};
use patronus_types::path::PathStatus;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{interval, sleep};

use super::Probes;
use crate::echo::{self, Lines};
use crate::effects::model::Owner;
use crate::effects::{Device as _, Linux, Settings};
use crate::fakes::Lab;
use crate::world::World;

const PORT: u16 = 51_837;
const NEAR: Ipv4Addr = Ipv4Addr::new(10, 210, 0, 1);
const PEERS: u8 = 250;
const UPLINKS: u8 = 2;
const PATHS: u32 = PEERS as u32 * UPLINKS as u32 * UPLINKS as u32;
const SECONDS: u32 = 60;

fn far(peer: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 210, 1, peer)
}

fn pairs() -> impl Iterator<Item = (u8, u8)> {
    (0..UPLINKS).flat_map(|local| (0..UPLINKS).map(move |remote| (local, remote)))
}

/// A socket as agents have on tunnels.
fn bound(device: &str, address: SocketAddr) -> io::Result<Plain> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.bind_device(Some(device.as_bytes()))?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Two hundred and fifty far agents that answer each packet at once, until the standard input ends.
#[test]
#[ignore = "run by scripts/bench/probing"]
fn far_ends() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let owner = Lab::new().identity().owner().unwrap();
        for (local, remote) in pairs() {
            for peer in 1..=PEERS {
                let socket = bound(&owner.interface(local, remote), (far(peer), PORT).into()).unwrap();
                socket.set_nonblocking(true).unwrap();
                tokio::spawn(answer(UdpSocket::from_std(socket).unwrap()));
            }
        }
        println!("far ends answer");
        tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    });
}

async fn answer(socket: UdpSocket) {
    let (began, mut buffer, mut received) = (Instant::now(), [0; 9216], 0);
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
        let Some(packet) = Packet::decode(&buffer[..len]) else { continue };
        received += 1;
        let answer = Packet {
            hears: true,
            full: false,
            local: packet.remote,
            remote: packet.local,
            ack: packet.seq,
            time: u64::try_from(began.elapsed().as_nanos()).unwrap(),
            echo: packet.time,
            hold_us: 0,
            received,
            ..packet
        };
        socket.send_to(&answer.encode(), from).await.unwrap();
    }
}

/// Measures them, and then sends as many packets in the plainest way.
#[test]
#[ignore = "run by scripts/bench/probing"]
fn thousand_paths() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let measuring = runtime.block_on(measure());
    // Closes its sockets: the ports are needed again.
    drop(runtime);
    let owner = Lab::new().identity().owner().unwrap();
    let plain = plainly(&owner);
    let (share, plainest) = (measuring * 100.0, plain * 100.0);
    println!("{PATHS} paths measured each second: {share:.2} % of a core, goal at most 2 %");
    println!("as many packets sent and taken one by one: {plainest:.2} %; ratio {:.2}", measuring / plain);
    assert!(share <= 2.0, "goal missed");
}

/// The share of a core.
async fn measure() -> f64 {
    let lab = Lab::new();
    let owner = lab.identity().owner().unwrap();
    let world = World { echo: std::sync::Arc::new(echo::Sockets), ..lab.world() };
    let device = Linux::new(Settings::default(), "nft".into());
    let mut lines = Lines::new(world.echo.clone(), PORT);
    let mut probes = Probes::new(owner);
    probes.begin(&world, &mut lines, None).await;
    for (local, remote) in pairs() {
        lab.kernel.create_tunnel(&owner, &owner.interface(local, remote), 1420).await.unwrap();
    }
    lines.follow(&lab.kernel.observe(&owner).await.unwrap());
    probes.follow(Some(&content(&lab)), &[], &[], false);

    let all_up = async || {
        let paths = probes.show().await;
        paths.len() == usize::try_from(PATHS).unwrap() && paths.iter().all(|it| it.state.status == PathStatus::Up)
    };
    tokio::time::timeout(Duration::from_secs(120), async {
        while !all_up().await {
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("not all paths come up"));
    // What is done once for each path, its largest packets among it, is over then.
    sleep(Duration::from_secs(90)).await;

    let sent_and_taken = lines.share().0;
    let packets = || sent_and_taken.counts().values().sum::<u64>();
    let (mut seconds, counted) = (interval(Duration::from_secs(1)), packets());
    let (began, used) = (Instant::now(), processor());
    for _ in 0..SECONDS {
        seconds.tick().await;
        // The fake kernel's counters cost nothing, the real one's do.
        device.carried(&owner).await.unwrap();
    }
    let (used, took) = (processor() - used, began.elapsed());
    let each = (packets() - counted) as f64 / f64::from(PATHS) / took.as_secs_f64();
    println!("{each:.2} packets sent and taken by each path and second");
    assert!(each >= 1.9, "not each path is measured each second");
    used.as_secs_f64() / took.as_secs_f64()
}

fn content(lab: &Lab) -> Content {
    let mut content = lab.open_content();
    content.paths.interval_ms = 1000;
    content.uplinks.push(content.uplinks[0].clone());
    content.tunnels = pairs().zip(51_820..).map(|((local, remote), port)| Tunnel { local, remote, port }).collect();
    let mut one = content.peers[0].clone();
    one.uplinks = vec![one.uplinks[0].clone(); usize::from(UPLINKS)];
    one.probe_port = Some(PORT);
    let peer = |peer| {
        let (name, addresses) = (format!("s{peer}").parse().unwrap(), vec![far(peer).into()]);
        patronus_types::bundle::Peer { name, addresses, ..one.clone() }
    };
    content.peers = (1..=PEERS).map(peer).collect();
    content
}

/// The share of a core for a packet to each far end and second, and its answer, with a system call for each.
fn plainly(owner: &Owner) -> f64 {
    let sockets: Vec<Plain> =
        pairs().map(|(local, remote)| bound(&owner.interface(local, remote), (NEAR, PORT).into()).unwrap()).collect();
    let (began, used) = (Instant::now(), processor());
    let mut buffer = [0; LEN];
    let packet = Packet { interval_ms: 1000, ..Packet::default() }.encode();
    let rounds = SECONDS / 4;
    for round in 1..=rounds {
        for socket in &sockets {
            (1..=PEERS).for_each(|peer| _ = socket.send_to(&packet, (far(peer), PORT)).unwrap());
            (1..=PEERS).for_each(|_| _ = socket.recv(&mut buffer).unwrap());
        }
        std::thread::sleep(Duration::from_secs(round.into()).saturating_sub(began.elapsed()));
    }
    (processor() - used).as_secs_f64() / f64::from(rounds)
}

/// The processor time of all threads so far.
fn processor() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: io::Result<std::fs::DirEntry>| {
        let line = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    Duration::from_nanos(tasks.map(of).sum())
}
