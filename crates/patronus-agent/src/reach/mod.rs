//! Declared probes, asked for by the host's normal routing: what users of the site have.

mod ping;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use patronus_client::probe::status_of;
use patronus_types::probe::{Probe, Target};
use patronus_types::{Endpoint, Host};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Asks for what a probe names.
#[async_trait]
pub trait Reach: Send + Sync {
    /// Asks once, over a connection of its own.
    ///
    /// # Errors
    /// Why it does not pass, in words.
    async fn ask(&self, probe: &Probe) -> Result<(), String>;
}

/// Real sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sockets;

#[async_trait]
impl Reach for Sockets {
    async fn ask(&self, probe: &Probe) -> Result<(), String> {
        let patience = Duration::from_millis(probe.timeout_ms.into());
        let (whom, asked) = match probe.target() {
            Some(Target::Ping(host)) => (named(host, None), timeout(patience, ping(host)).await),
            Some(Target::Tcp(host, port)) => (named(host, Some(port)), timeout(patience, connect(host, port)).await),
            Some(Target::Http(url, status)) => (url.to_owned(), timeout(patience, get(url, status, patience)).await),
            None => return Err("it does not say what to ask for".to_owned()),
        };
        match asked {
            Ok(answer) => answer.map_err(|why| format!("{whom}: {why}")),
            Err(_) => Err(format!("no answer from {whom} within {}", span(probe.timeout_ms))),
        }
    }
}

async fn ping(host: &Host) -> Result<(), String> {
    each(host, 0, |address| ping::ping(address.ip())).await
}

async fn connect(host: &Host, port: u16) -> Result<(), String> {
    each(host, port, |address| async move { TcpStream::connect(address).await.map(drop) }).await
}

/// Tries one address after the other, until one answers.
async fn each<F>(host: &Host, port: u16, ask: impl Fn(SocketAddr) -> F) -> Result<(), String>
where
    F: Future<Output = io::Result<()>>,
{
    let mut why = "its name has no address".to_owned();
    for address in addresses(host, port).await? {
        match ask(address).await {
            Ok(()) => return Ok(()),
            Err(error) => why = words(&error),
        }
    }
    Err(why)
}

async fn addresses(host: &Host, port: u16) -> Result<Vec<SocketAddr>, String> {
    match host {
        Host::Address(address) => Ok(vec![(*address, port).into()]),
        Host::Dns(name) => match lookup_host((name.as_str(), port)).await {
            Ok(found) => Ok(found.collect()),
            Err(error) => Err(format!("its name cannot be resolved: {error}")),
        },
    }
}

async fn get(url: &str, wanted: u16, patience: Duration) -> Result<(), String> {
    const USER_AGENT: &str = concat!("patronus-agent/", env!("CARGO_PKG_VERSION"));
    match status_of(url, patience, USER_AGENT).await? {
        status if status == wanted => Ok(()),
        status => Err(format!("it answers with status {status}, and {wanted} is asked for")),
    }
}

fn named(host: &Host, port: Option<u16>) -> String {
    Endpoint { host: host.clone(), port }.to_string()
}

fn span(milliseconds: u16) -> String {
    match milliseconds % 1000 {
        0 => format!("{} s", milliseconds / 1000),
        _ => format!("{milliseconds} ms"),
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "no route to it".to_owned(),
        _ => error.to_string(),
    }
}

/// The addresses of a server, by its URL; none where they cannot be found now.
pub async fn addresses_of(url: &str, names: &dyn crate::world::Names) -> Vec<IpAddr> {
    match Host::of_url(url) {
        Some(Host::Address(address)) => vec![address],
        Some(Host::Dns(name)) => names.resolve(&name).await,
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
