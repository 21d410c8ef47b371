//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::activity::Activity;
use super::places::Place;
use super::rest::Watched;
use crate::config::Limits;

const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_STREAMS: u32 = 100;

/// The client's address, for handlers.
#[derive(Debug, Clone, Copy)]
pub struct Peer(#[allow(dead_code, reason = "what limits failures by address will read it")] pub SocketAddr);

/// Drives connections.
pub struct Driver {
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    builder: auto::Builder<TokioExecutor>,
}

impl Driver {
    /// With what all connections share.
    pub fn new(tls: Option<TlsAcceptor>, router: Router, limits: Limits) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.idle)
            .keep_alive_timeout(limits.first_request)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX));
        Self { tls, router, limits, builder }
    }

    /// Serves a connection until it ends, is of no use, or the server stops.
    pub async fn drive(&self, stream: TcpStream, peer: SocketAddr, watcher: Watcher, place: &Place) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost");
            return;
        }
        match &self.tls {
            None => self.http(stream, peer, watcher, place).await,
            Some(tls) => match tokio::time::timeout(self.limits.first_request, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream, peer, watcher, place).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            },
        }
    }

    async fn http<S>(&self, stream: S, peer: SocketAddr, watcher: Watcher, place: &Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let service = service_fn(|mut request: Request<Incoming>| {
            place.spoken();
            let running = activity.request();
            request.extensions_mut().insert(Peer(peer));
            let (request, rest) = Watched::new(request);
            let answer = self.router.clone().call(request.map(Body::new));
            async move {
                let answer = answer.await?;
                rest.discard();
                Ok::<_, Infallible>(running.hand_over(answer))
            }
        });
        let connection = watcher.watch(self.builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error, "connection ended");
                }
            }
            () = activity.idle(&self.limits) => tracing::debug!(%peer, "silent connection cut"),
        }
    }
}
