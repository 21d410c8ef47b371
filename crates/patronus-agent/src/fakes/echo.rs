//! Far agents that answer, or do not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patronus_core::path::packet::Packet;

use super::FakeKernel;
use crate::echo::{Arrival, Echo, Heard, Inbox, Line, Outgoing};

/// Who answers at once, and how often.
#[derive(Debug, Clone, Default)]
pub struct FakeEcho {
    answers: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    /// While this kernel has more than so many peers, no answer comes.
    cut_off: Arc<Mutex<Option<(FakeKernel, usize)>>>,
    /// By which tunnels far ends were ever told that nothing more should come.
    left: Arc<Mutex<Vec<String>>>,
    /// Far agents that measure, by tunnel device.
    measuring: Arc<Mutex<BTreeSet<String>>>,
}

impl FakeEcho {
    /// These addresses answer so many packets from now on, and then fall silent.
    pub fn answers(&self, addresses: impl IntoIterator<Item = IpAddr>, packets: usize) {
        self.answers.lock().unwrap().extend(addresses.into_iter().map(|address| (address, packets)));
    }

    /// The same for a kernel that carries nothing with more than so many peers.
    pub fn cut_off_by(&self, kernel: &FakeKernel, peers: usize) -> Self {
        *self.cut_off.lock().unwrap() = Some((kernel.clone(), peers));
        self.clone()
    }

    /// By which tunnels far ends were ever told that nothing more should come.
    pub fn left(&self) -> Vec<String> {
        self.left.lock().unwrap().clone()
    }

    /// Whether the far agents on a tunnel measure it, too, or nothing comes by it any more.
    pub fn measures(&self, device: &str, measures: bool) {
        let mut measuring = self.measuring.lock().unwrap();
        if measures {
            measuring.insert(device.to_owned())
        } else {
            measuring.remove(device)
        };
    }

    /// From now on it carries all.
    pub fn heal(&self) {
        *self.cut_off.lock().unwrap() = None;
    }
}

impl Echo for FakeEcho {
    fn open(&self, device: &str, _: u16, inbox: Inbox) -> std::io::Result<Box<dyn Line>> {
        Ok(Box::new(FakeLine { device: device.to_owned(), echo: self.clone(), inbox, count: AtomicU32::new(0) }))
    }
}

struct FakeLine {
    device: String,
    echo: FakeEcho,
    inbox: Inbox,
    count: AtomicU32,
}

impl FakeLine {
    /// What a far agent that measures says when a packet has come, as if its own were due just then.
    fn measure(&self, from: IpAddr, packet: &Packet) {
        if self.echo.measuring.lock().unwrap().contains(&self.device) {
            let seq = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            let interval_ms = packet.interval_ms;
            let said = Packet { asks: true, ..*packet }.answer(Duration::ZERO).unwrap();
            let bytes = Packet { interval_ms, seq, received: seq, ..said }.encode();
            let arrival = Arrival { device: self.device.as_str().into(), from, bytes, at: tokio::time::Instant::now() };
            self.inbox.arrivals.try_send(arrival).unwrap();
        }
    }

    fn send_one(&self, from: IpAddr, packet: &Packet) {
        if !packet.asks {
            return self.measure(from, packet);
        }
        let cut_off = |(kernel, most): &(FakeKernel, usize)| kernel.tunnels().iter().any(|(_, _, peers)| peers > most);
        if self.echo.cut_off.lock().unwrap().as_ref().is_some_and(cut_off) {
            return;
        }
        if let Some(left) = self.echo.answers.lock().unwrap().get_mut(&from)
            && *left > 0
            && let Some(packet) = packet.answer(Duration::ZERO)
        {
            *left -= 1;
            let _ = self.inbox.heard.try_send(Heard { from, packet });
        }
    }
}

impl Line for FakeLine {
    fn send(&self, packets: &[Outgoing<'_>]) {
        packets.iter().for_each(|(to, packet, _)| self.send_one(to.ip(), packet));
    }

    fn leave(&self, leaving: bool) {
        if leaving {
            self.echo.left.lock().unwrap().push(self.device.clone());
        }
    }

    fn count(&self) -> u64 {
        0
    }
}
