//! Packets of paths, by the tunnel that each of them measures.
//!
//! A [`Line`] is a socket bound to one tunnel device, so that what comes by it came through that tunnel, and authenticated.
//! It answers far ends' questions by itself for as long as it lives, whatever the network is busy with.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use patronus_core::path::packet::{LEN, Packet};
use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::effects::model::Observed;

/// After an error, so that one that lasts costs nothing.
const PAUSE: Duration = Duration::from_millis(100);
/// Larger than any packet that comes by a tunnel.
const BUFFER: usize = 9216;
/// So many packets wait for who takes them; the rest is dropped, as a full socket would.
const ROOM: usize = 4096;

/// An answer to a question of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Who sent it: WireGuard lets nobody else use that address.
    pub from: IpAddr,
    /// What it says.
    pub packet: Packet,
}

/// A packet that was not asked for: the far end measures.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The tunnel device.
    pub device: Arc<str>,
    /// Who sent it.
    pub from: IpAddr,
    /// The packet, without its padding.
    pub bytes: [u8; LEN],
    /// When it came.
    pub at: tokio::time::Instant,
}

/// To whom, what, and the length in bytes up to which zeros follow.
pub type Outgoing<'a> = (SocketAddr, &'a Packet, usize);

/// Where what comes goes to. What nobody takes is dropped.
#[derive(Debug, Clone)]
pub struct Inbox {
    /// Answers.
    pub heard: mpsc::Sender<Heard>,
    /// The rest.
    pub arrivals: mpsc::Sender<Arrival>,
}

/// Where lines come from.
pub trait Echo: Send + Sync {
    /// Opens one on a tunnel device.
    ///
    /// # Errors
    /// When the device is gone or the port is taken.
    fn open(&self, device: &str, port: u16, inbox: Inbox) -> io::Result<Box<dyn Line>>;
}

/// One tunnel device's socket; closed when dropped.
pub trait Line: Send + Sync {
    /// Sends packets at once. Nobody is told of one that cannot be sent: no answer comes then.
    fn send(&self, packets: &[Outgoing<'_>]);

    /// Says in every answer from now on whether this end leaves the tunnel.
    fn leave(&self, leaving: bool);

    /// How many packets it has sent and taken.
    fn count(&self) -> u64;
}

/// By device; with its index, since a device that was made anew needs a new socket.
type Open = BTreeMap<String, (u32, Box<dyn Line>)>;

/// The lines of one network's tunnels.
pub struct Lines {
    echo: Arc<dyn Echo>,
    port: u16,
    open: SharedLines,
    inbox: Inbox,
    heard: mpsc::Receiver<Heard>,
    arrivals: Option<mpsc::Receiver<Arrival>>,
}

/// Sends by whatever lines are open.
#[derive(Clone, Default)]
pub struct SharedLines(Arc<Mutex<Open>>);

impl SharedLines {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends packets by one tunnel, as [`Line::send`].
    pub fn send(&self, device: &str, packets: &[Outgoing<'_>]) {
        if let Some((_, line)) = self.open().get(device) {
            line.send(packets);
        }
    }

    /// How many packets were sent and taken by each device's line.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.open().iter().map(|(name, (_, line))| (name.clone(), line.count())).collect()
    }
}

impl Lines {
    /// None yet. `port` is the same on all tunnels.
    pub fn new(echo: Arc<dyn Echo>, port: u16) -> Self {
        let (sender, heard) = mpsc::channel(ROOM);
        let (arrived, arrivals) = mpsc::channel(ROOM);
        let inbox = Inbox { heard: sender, arrivals: arrived };
        Self { echo, port, open: SharedLines::default(), inbox, heard, arrivals: Some(arrivals) }
    }

    /// Opens a line on each tunnel that has none, and closes those of tunnels that are gone.
    pub fn follow(&mut self, observed: &Observed) {
        let mut open = self.open.open();
        open.retain(|name, (index, _)| observed.tunnels.get(name).is_some_and(|tunnel| tunnel.index == *index));
        for (name, tunnel) in &observed.tunnels {
            if open.contains_key(name) {
                continue;
            }
            match self.echo.open(name, self.port, self.inbox.clone()) {
                Ok(line) => drop(open.insert(name.clone(), (tunnel.index, line))),
                Err(error) => tracing::debug!(interface = name, %error, "no answers to the far agents here"),
            }
        }
    }

    /// For who sends beside this: a handle, and what comes without having been asked for. Nothing comes a second time.
    pub fn share(&mut self) -> (SharedLines, Option<mpsc::Receiver<Arrival>>) {
        (self.open.clone(), self.arrivals.take())
    }

    /// Sends by a tunnel, as [`Line::send`].
    pub fn send(&self, device: &str, to: SocketAddr, packet: &Packet, len: usize) {
        self.open.send(device, &[(to, packet, len)]);
    }

    /// Has far ends told by which tunnels nothing more should come.
    pub fn leave(&self, leaves: impl Fn(&str) -> bool) {
        for (name, (_, line)) in self.open.open().iter() {
            line.leave(leaves(name));
        }
    }

    /// Drops the answers that nobody waited for.
    pub fn forget(&mut self) {
        while self.heard_before().is_some() {}
    }

    /// An answer that has come already.
    pub fn heard_before(&mut self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }

    /// The next answer.
    pub async fn heard(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

/// Real sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sockets;

impl Echo for Sockets {
    fn open(&self, device: &str, port: u16, inbox: Inbox) -> io::Result<Box<dyn Line>> {
        let v4 = bound(Domain::IPV4, device, (Ipv4Addr::UNSPECIFIED, port).into())?;
        // A kernel without IPv6 has none to carry.
        let v6 = bound(Domain::IPV6, device, (Ipv6Addr::UNSPECIFIED, port).into()).ok();
        let state =
            Arc::new(State { device: device.into(), leaving: AtomicBool::new(false), count: AtomicU64::new(0) });
        let open = |socket: Arc<UdpSocket>| {
            let task = tokio::spawn(read(Arc::clone(&socket), Arc::clone(&state), inbox.clone()));
            Half { socket, task: task.abort_handle() }
        };
        let (v4, v6) = (open(v4), v6.map(open));
        Ok(Box::new(Both { v4, v6, state }))
    }
}

struct Both {
    v4: Half,
    v6: Option<Half>,
    state: Arc<State>,
}

struct State {
    device: Arc<str>,
    leaving: AtomicBool,
    count: AtomicU64,
}

struct Half {
    socket: Arc<UdpSocket>,
    task: AbortHandle,
}

impl Line for Both {
    fn send(&self, packets: &[Outgoing<'_>]) {
        let (v4, v6): (Vec<_>, Vec<_>) = packets.iter().partition(|(to, ..)| to.is_ipv4());
        let sent = send_all(&self.v4.socket, &v4) + self.v6.as_ref().map_or(0, |half| send_all(&half.socket, &v6));
        self.state.count.fetch_add(sent, Ordering::Relaxed);
    }

    fn leave(&self, leaving: bool) {
        self.state.leaving.store(leaving, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.state.count.load(Ordering::Relaxed)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn bound(domain: Domain, device: &str, address: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(device.as_bytes()))?;
    socket.bind(&address.into())?;
    Ok(Arc::new(UdpSocket::from_std(socket.into())?))
}

/// Sends packets with as few system calls as can be, and says how many went.
fn send_all(socket: &UdpSocket, packets: &[Outgoing<'_>]) -> u64 {
    let padded = |(_, packet, len): &Outgoing<'_>| {
        let mut bytes = packet.encode().to_vec();
        bytes.resize((*len).max(LEN), 0);
        bytes
    };
    let (bytes, addresses): (Vec<_>, Vec<_>) = packets.iter().map(|it| (padded(it), it.0.as_any())).unzip();
    let parts: Vec<_> = bytes.iter().map(|bytes| [IoSlice::new(bytes)]).collect();
    let mut nothing: Vec<_> = packets.iter().map(|_| SendAncillaryBuffer::default()).collect();
    let each = addresses.iter().zip(&parts).zip(&mut nothing);
    let mut messages: Vec<_> =
        each.map(|((address, part), nothing)| MMsgHdr::new_with_addr(address, part, nothing)).collect();
    let (mut rest, mut sent) = (messages.as_mut_slice(), 0);
    while !rest.is_empty() {
        // What fails is the first one of those that are left, and says nothing of the others.
        let done = match sendmmsg(socket, rest, SendFlags::DONTWAIT) {
            Ok(done) => done,
            Err(Errno::AGAIN) => break,
            Err(_) => 0,
        };
        sent += u64::try_from(done).unwrap_or_default();
        rest = rest.get_mut(done.max(1)..).unwrap_or_default();
    }
    sent
}

/// Answers what asks, and hands on the rest.
async fn read(socket: Arc<UdpSocket>, state: Arc<State>, inbox: Inbox) {
    let started = Instant::now();
    let mut buffer = vec![0; BUFFER];
    loop {
        // Errors of a socket that only receives are those of packets sent before: the next one may come.
        let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        state.count.fetch_add(1, Ordering::Relaxed);
        let Some(packet) = buffer.get(..len).and_then(Packet::decode) else { continue };
        if let Some(answer) = packet.answer(started.elapsed()) {
            let answer = Packet { leaving: state.leaving.load(Ordering::Relaxed), ..answer };
            let _ = socket.try_send_to(&answer.encode(), from);
            state.count.fetch_add(1, Ordering::Relaxed);
        } else if packet.interval_ms == 0 {
            let _ = inbox.heard.try_send(Heard { from: from.ip(), packet });
        } else {
            let (device, at) = (Arc::clone(&state.device), tokio::time::Instant::now());
            let _ = inbox.arrivals.try_send(Arrival { device, from: from.ip(), bytes: packet.encode(), at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packets_go_together_and_one_that_cannot_go_stops_no_other() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (to, nowhere) = (receiver.local_addr().unwrap(), "255.255.255.255:9".parse().unwrap());
        let packet = |seq| Packet { seq, ..Packet::default() };
        let packets = [packet(1), packet(2), packet(3), packet(4)];
        let [one, two, three, four] = &packets;
        let all = [(nowhere, one, LEN), (to, two, LEN), (nowhere, three, LEN), (to, four, 1400)];
        assert_eq!(send_all(&sender, &all), 2);
        let mut buffer = [0; BUFFER];
        for (packet, size) in [(two, LEN), (four, 1400)] {
            let len = receiver.recv(&mut buffer).await.unwrap();
            assert_eq!((Packet::decode(&buffer[..len]), len), (Some(*packet), size));
        }
        assert_eq!(send_all(&sender, &[]), 0);
    }
}
