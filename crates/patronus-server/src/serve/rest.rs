//! What a refused request had still to say.
//!
//! Many clients send a whole body before they read. Where the server has answered and closes, such a client is told
//! of a broken pipe, and never reads why it was refused. So the rest is read and thrown away while the answer is on its
//! way, up to a length and for a time.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::{Request, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::index::locked;

/// How much is thrown away: several times what any request may send.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// For how long.
const LONGEST: Duration = Duration::from_secs(10);

/// A request's body; what the handler leaves of it can be thrown away later.
pub struct Watched {
    body: Option<Incoming>,
    rest: Option<Rest>,
}

/// Where the rest of a body is once its handler is done.
#[derive(Clone, Default)]
pub struct Rest(Arc<Mutex<Option<Incoming>>>);

impl Watched {
    /// Watches a request's body, and says where its rest will be.
    pub fn new(request: Request<Incoming>) -> (Request<Self>, Rest) {
        let rest = Rest::default();
        // Who waits for `100 Continue` sends nothing more when refused; in HTTP/2 a stream ends by itself.
        let pushes = request.version() <= Version::HTTP_11 && !request.headers().contains_key(header::EXPECT);
        let kept = pushes.then(|| rest.clone());
        (request.map(|body| Self { body: Some(body), rest: kept }), rest)
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (Some(body), Some(rest)) = (self.body.take(), &self.rest)
            && !body.is_end_stream()
        {
            *locked(&rest.0) = Some(body);
        }
    }
}

impl Rest {
    /// Throws away what is left, while the answer is sent.
    pub fn discard(&self) {
        if let Some(body) = locked(&self.0).take() {
            tokio::spawn(tokio::time::timeout(LONGEST, discard(body)));
        }
    }
}

/// Reads up to the limit. Dropped before its end, the body closes the connection.
async fn discard(mut body: Incoming) {
    let mut left = MOST_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.remaining()));
        if left == 0 {
            return;
        }
    }
}
