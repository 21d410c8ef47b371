//! Packets of paths: through a tunnel to the far agent, and its answer back.
//!
//! A [`Line`] is a socket bound to one tunnel device, so that what comes by it came through that tunnel, and authenticated.
//! It answers far ends by itself for as long as it lives, whatever the network is busy with.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patronus_core::path::packet::{LEN, Packet};
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::effects::model::Observed;

/// After an error, so that one that lasts costs nothing.
const PAUSE: Duration = Duration::from_millis(100);
/// Larger than any packet that comes by a tunnel.
const BUFFER: usize = 9216;

/// An answer to a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Who sent it: WireGuard lets nobody else use that address.
    pub from: IpAddr,
    /// What it says.
    pub packet: Packet,
}

/// Where lines come from.
pub trait Echo: Send + Sync {
    /// Opens one on a tunnel device. Answers to what it sends go to `heard`; those that nobody takes are dropped.
    ///
    /// # Errors
    /// When the device is gone or the port is taken.
    fn open(&self, device: &str, port: u16, heard: mpsc::Sender<Heard>) -> io::Result<Box<dyn Line>>;
}

/// One tunnel device's socket; closed when dropped.
pub trait Line: Send + Sync {
    /// Sends a packet, with zeros behind it up to `len` bytes. Nobody is told when it cannot be sent: no answer comes then.
    fn send(&self, to: SocketAddr, packet: &Packet, len: usize);

    /// Says in every answer from now on whether this end leaves the tunnel.
    fn leave(&self, leaving: bool);
}

/// The lines of one network's tunnels.
pub struct Lines {
    echo: Arc<dyn Echo>,
    port: u16,
    /// By device; with its index, since a device that was made anew needs a new socket.
    open: BTreeMap<String, (u32, Box<dyn Line>)>,
    sender: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
}

impl Lines {
    /// None yet. `port` is the same on all tunnels.
    pub fn new(echo: Arc<dyn Echo>, port: u16) -> Self {
        let (sender, heard) = mpsc::channel(1024);
        Self { echo, port, open: BTreeMap::new(), sender, heard }
    }

    /// Opens a line on each tunnel that has none, and closes those of tunnels that are gone.
    pub fn follow(&mut self, observed: &Observed) {
        self.open.retain(|name, (index, _)| observed.tunnels.get(name).is_some_and(|tunnel| tunnel.index == *index));
        for (name, tunnel) in &observed.tunnels {
            if self.open.contains_key(name) {
                continue;
            }
            match self.echo.open(name, self.port, self.sender.clone()) {
                Ok(line) => drop(self.open.insert(name.clone(), (tunnel.index, line))),
                Err(error) => tracing::debug!(interface = name, %error, "no answers to the far agents here"),
            }
        }
    }

    /// Sends by a tunnel, as [`Line::send`].
    pub fn send(&self, device: &str, to: SocketAddr, packet: &Packet, len: usize) {
        if let Some((_, line)) = self.open.get(device) {
            line.send(to, packet, len);
        }
    }

    /// Has far ends told by which tunnels nothing more should come.
    pub fn leave(&self, leaves: impl Fn(&str) -> bool) {
        for (name, (_, line)) in &self.open {
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
    fn open(&self, device: &str, port: u16, heard: mpsc::Sender<Heard>) -> io::Result<Box<dyn Line>> {
        let v4 = bound(Domain::IPV4, device, (Ipv4Addr::UNSPECIFIED, port).into())?;
        // A kernel without IPv6 has none to carry.
        let v6 = bound(Domain::IPV6, device, (Ipv6Addr::UNSPECIFIED, port).into()).ok();
        let leaving = Arc::new(AtomicBool::new(false));
        let open = |socket: Arc<UdpSocket>| {
            let task = tokio::spawn(answer(Arc::clone(&socket), Arc::clone(&leaving), heard.clone()));
            Half { socket, task: task.abort_handle() }
        };
        let (v4, v6) = (open(v4), v6.map(open));
        Ok(Box::new(Both { v4, v6, leaving }))
    }
}

struct Both {
    v4: Half,
    v6: Option<Half>,
    leaving: Arc<AtomicBool>,
}

struct Half {
    socket: Arc<UdpSocket>,
    task: AbortHandle,
}

impl Line for Both {
    fn send(&self, to: SocketAddr, packet: &Packet, len: usize) {
        let half = if to.is_ipv4() { Some(&self.v4) } else { self.v6.as_ref() };
        let mut bytes = packet.encode().to_vec();
        bytes.resize(len.max(LEN), 0);
        if let Some(half) = half {
            let _ = half.socket.try_send_to(&bytes, to);
        }
    }

    fn leave(&self, leaving: bool) {
        self.leaving.store(leaving, Ordering::Relaxed);
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

/// Answers what asks, and hands on what answers.
async fn answer(socket: Arc<UdpSocket>, leaving: Arc<AtomicBool>, heard: mpsc::Sender<Heard>) {
    let started = Instant::now();
    let mut buffer = vec![0; BUFFER];
    loop {
        // Errors of a socket that only receives are those of packets sent before: the next one may come.
        let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Some(packet) = buffer.get(..len).and_then(Packet::decode) else { continue };
        match packet.answer(started.elapsed()) {
            Some(answer) => {
                let answer = Packet { leaving: leaving.load(Ordering::Relaxed), ..answer };
                let _ = socket.try_send_to(&answer.encode(), from);
            }
            None => drop(heard.try_send(Heard { from: from.ip(), packet })),
        }
    }
}
