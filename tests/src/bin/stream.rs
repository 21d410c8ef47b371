//! A stream of small UDP packets, and what a receiver sees of it: the judge of every claim about failover.
//!
//! The gap is the time between two packets that arrive, by the receiver's clock alone; what was lost is known by their numbers.

use std::io::{self, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Sends packets at a rate for a while.
    Send {
        /// To whom.
        to: SocketAddr,
        /// Packets a second.
        rate: u32,
        /// Seconds.
        seconds: f64,
    },
    /// Takes them until none has come for a while; prints "received lost reordered largest_gap_ms".
    Receive {
        /// Where.
        at: SocketAddr,
        /// Seconds of silence that end it.
        silence: f64,
    },
}

fn main() -> io::Result<()> {
    match Cli::parse().verb {
        Verb::Send { to, rate, seconds } => send(to, rate, Duration::from_secs_f64(seconds)),
        Verb::Receive { at, silence } => receive(at, Duration::from_secs_f64(silence)),
    }
}

fn send(to: SocketAddr, rate: u32, time: Duration) -> io::Result<()> {
    let any: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    let began = Instant::now();
    let mut number = 0u32;
    while began.elapsed() < time {
        let due = Duration::from_secs(1) * number / rate.max(1);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        // While no route leads there, the packet is lost like any other.
        let _ = socket.send_to(&number.to_be_bytes(), to);
        number += 1;
    }
    writeln!(io::stdout(), "{number}")
}

fn receive(at: SocketAddr, silence: Duration) -> io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    writeln!(io::stdout(), "ready")?;
    let mut bytes = [0; 4];
    // However long the sender takes to begin.
    socket.recv_from(&mut bytes)?;
    let first = u32::from_be_bytes(bytes);
    let (mut received, mut reordered, mut highest, mut largest) = (1u32, 0u32, first, Duration::ZERO);
    socket.set_read_timeout(Some(silence))?;
    let mut last = Instant::now();
    while socket.recv_from(&mut bytes).is_ok() {
        let now = Instant::now();
        largest = largest.max(now - last);
        last = now;
        received += 1;
        let number = u32::from_be_bytes(bytes);
        reordered += u32::from(number < highest);
        highest = highest.max(number);
    }
    let sent = highest - first + 1;
    writeln!(io::stdout(), "{received} {} {reordered} {}", sent.saturating_sub(received), largest.as_millis())
}
