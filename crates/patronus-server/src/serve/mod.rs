//! Serving: accepted connections, TLS, limits in time and number, and an end that finishes what was begun.
//!
//! `axum::serve` sets no header timer and hyper's `auto` never cuts a client that stays silent, so connections are
//! driven here.

mod activity;
mod connection;
mod places;
mod rest;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::app::App;
use crate::jobs::{heartbeat, paths, rotation};
use crate::router::router;
use connection::Driver;
use places::{Place, Places};

/// After an error of `accept` (no file descriptors left), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Between two log lines on connections that could not be taken: a flood of one must not be a flood of the other.
const REFUSED_LOG: Duration = Duration::from_secs(60);

/// Where connections come from.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// In the clear for everybody to read.
    #[error(
        "{0} is not a loopback address, and plain HTTP would show every token on the way: leave out `--tls never`, or listen on 127.0.0.1"
    )]
    Plain(SocketAddr),
    /// Somebody else's.
    #[error("{0} is taken by another program: stop it, or listen elsewhere, as in `--listen {1}:0`")]
    InUse(SocketAddr, std::net::IpAddr),
    /// Another host's.
    #[error("{0} is no address of this host: use one that `ip address` shows, or `--listen {any}:{port}` for all", any = any(.0), port = .0.port())]
    Elsewhere(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, io::Error),
}

fn any(address: &SocketAddr) -> &'static str {
    if address.is_ipv4() { "0.0.0.0" } else { "[::]" }
}

impl Listener {
    /// Listens; without TLS only on a loopback address.
    pub async fn bind(address: SocketAddr, tls: Option<ServerConfig>) -> Result<Self, ListenError> {
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(ListenError::Plain(address));
        }
        let tcp = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address, address.ip()),
            io::ErrorKind::AddrNotAvailable => ListenError::Elsewhere(address),
            _ => ListenError::Other(address, error),
        })?;
        Ok(Self { tcp, tls: tls.map(|config| TlsAcceptor::from(Arc::new(config))) })
    }

    /// The URL it is reached at.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.tcp.local_addr()?))
    }
}

/// Serves until `shutdown`, then finishes the requests that run, flushes what is kept in memory, and closes the store.
pub async fn serve(listener: Listener, app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let jobs = [
        ("heartbeat", tokio::spawn(heartbeat::run(app.clone()))),
        ("paths", tokio::spawn(paths::run(app.clone()))),
        ("rotation", tokio::spawn(rotation::run(app.clone()))),
    ];
    let graceful = GracefulShutdown::new();
    let Listener { tcp, tls } = listener;
    let driver = Arc::new(Driver::new(tls, router(&app), app.limits));
    let places = Places::new(app.limits.connections);
    let mut refused = Refused::default();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&tcp, &places) => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer, Some(place))) => {
                let (driver, watcher) = (driver.clone(), graceful.watcher());
                tokio::spawn(async move {
                    tokio::select! {
                        () = driver.drive(stream, peer, watcher, &place) => {}
                        () = place.needed() => tracing::debug!(%peer, "silent connection cut: its place is needed"),
                    }
                });
            }
            Ok((_, peer, None)) => refused.log(&format_args!("{peer} has its share of all connections")),
            Err(error) => {
                refused.log(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(tcp);
    app.stop();
    if tokio::time::timeout(app.limits.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still run after {:?}: they are cut", app.limits.shutdown);
    }
    for (name, job) in jobs {
        if let Err(error) = job.await {
            tracing::error!(%error, name, "a job failed");
        }
    }
    app.store.close().await;
}

type Accepted = (tokio::net::TcpStream, SocketAddr, Option<Place>);

async fn accept(tcp: &TcpListener, places: &Arc<Places>) -> io::Result<Accepted> {
    let (stream, peer) = tcp.accept().await?;
    let place = places.take(peer.ip()).await;
    Ok((stream, peer, place))
}

/// Connections that were not taken.
#[derive(Default)]
struct Refused {
    logged: Option<Instant>,
    since: u64,
}

impl Refused {
    fn log(&mut self, why: &dyn std::fmt::Display) {
        self.since += 1;
        if self.logged.is_none_or(|logged| logged.elapsed() >= REFUSED_LOG) {
            tracing::warn!(%why, connections = self.since, "connections were not accepted");
            *self = Self { logged: Some(Instant::now()), since: 0 };
        }
    }
}
