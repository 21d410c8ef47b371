//! When a connection was last of use: cuts clients that say nothing, or that do not read what they asked for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use http::Response;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use crate::config::Limits;

/// Bodies above this are sent in pieces of it, so that progress can be seen.
const PIECE: usize = 64 * 1024;

/// What is known of one connection.
pub struct Activity {
    begun: Instant,
    /// Milliseconds from `begun` to the last sign of use.
    last_ms: AtomicU64,
    /// Requests that are being answered.
    running: AtomicUsize,
    asked: AtomicBool,
}

impl Activity {
    /// A connection that begins now.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            last_ms: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
        })
    }

    /// A request has come; it counts as running until the guard is dropped.
    pub fn request(self: &Arc<Self>) -> Running {
        self.asked.store(true, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    /// Returns when the connection has been of no use for too long.
    pub async fn idle(&self, limits: &Limits) {
        loop {
            let allowed = if self.asked.load(Ordering::Relaxed) { limits.idle } else { limits.first_request };
            let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
            let deadline = self.begun + last + allowed;
            if self.running.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(allowed).await;
            } else if deadline <= Instant::now() {
                return;
            } else {
                tokio::time::sleep_until(deadline).await;
            }
        }
    }

    fn touch(&self) {
        let elapsed = self.begun.elapsed().as_millis();
        self.last_ms.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A request that is being answered.
pub struct Running(Arc<Activity>);

impl Running {
    /// Ends with the answer's body, if that is long enough to be read slowly.
    pub fn hand_over(self, response: Response<Body>) -> Response<Body> {
        let long = response.body().size_hint().lower() > u64::try_from(PIECE).unwrap_or(u64::MAX);
        if !long {
            return response;
        }
        let activity = self.0.clone();
        response.map(|body| Body::new(Pieces { body, rest: Bytes::new(), activity }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.touch();
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body in pieces; each one that the connection takes is a sign of use.
struct Pieces {
    body: Body,
    rest: Bytes,
    activity: Arc<Activity>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.activity.touch();
        if !self.rest.has_remaining() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return other,
            }
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        !self.rest.has_remaining() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or_default();
        match self.body.size_hint().exact() {
            Some(body) => SizeHint::with_exact(body + rest),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_long_body_comes_in_pieces_and_whole() {
        let bytes: Vec<u8> = (0..3 * PIECE + 17).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let activity = Activity::new();
        let mut response = activity.request().hand_over(Response::new(Body::from(bytes.clone())));
        assert_eq!(response.body().size_hint().exact(), u64::try_from(bytes.len()).ok());
        let first = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.len(), PIECE);
        let rest = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!([&first[..], &rest[..]].concat(), bytes);
    }

    #[tokio::test]
    async fn a_connection_is_idle_only_while_nothing_runs() {
        let (short, long) = (Duration::from_millis(30), Duration::from_millis(90));
        let limits = Limits { first_request: short, idle: long, ..Limits::default() };
        let activity = Activity::new();
        activity.idle(&limits).await;
        assert!(activity.begun.elapsed() >= short, "no request came");

        let activity = Activity::new();
        let running = activity.request();
        let waiting = tokio::time::timeout(long * 4, activity.idle(&limits)).await;
        assert!(waiting.is_err(), "a request runs");
        drop(running);
        let ended = Instant::now();
        activity.idle(&limits).await;
        assert!(ended.elapsed() >= long - Duration::from_millis(2), "{:?}", ended.elapsed());
    }
}
