//! What is left of a request's body when its answer is made: of a 401, which is given without a look at the body, all
//! of it.
//!
//! Unread, it stands in the way of the next request, so the connection would have to be closed, and many clients send
//! head and body apart: they would find a connection closed that they were told nothing about, or lose the answer to
//! the reset. So a short rest is read and forgotten before the answer goes out; where it is long, or slow, the answer
//! says that the connection ends with it (RFC 9112, section 9.6).

use std::{
    future::ready,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{
    BodyExt as _, Limited,
    combinators::{BoxBody, Fuse},
};
use parking_lot::Mutex;
use poem::{Request, http::header::EXPECT};
use todo_api::MAX_BODY_BYTES;
use tokio::time::timeout;

use super::watch::Watch;

/// How long the answer waits for the rest.
const PATIENCE: Duration = Duration::from_secs(1);

/// The body of a request, shared with whoever answers it.
pub(super) struct Leftover {
    body: Lent,
    /// Whether the client sends no body until it is told to go on, which it now never is.
    is_held_back: bool,
}

impl Leftover {
    /// Lends the body of a request to its endpoint; none where it has no body.
    pub(super) fn of(request: &mut Request) -> Option<Self> {
        let body = request.take_body();
        if body.is_empty() {
            return None;
        }
        let body = Fuse::new(body.into());
        let body = Lent(Arc::new(Mutex::new(Shared { body, is_broken: false })));
        request.set_body(BoxBody::new(body.clone()));
        Some(Self { body, is_held_back: request.headers().contains_key(EXPECT) })
    }

    /// Reads what is left; whether the next request can follow on the same connection.
    pub(super) async fn clear(self, watch: &Watch) -> bool {
        if self.body.0.lock().is_broken {
            return false;
        }
        if self.body.is_end_stream() {
            return true;
        }
        if self.is_held_back || self.body.size_hint().lower() > MAX_BODY_BYTES as u64 {
            return false;
        }
        watch.body_awaited();
        // Piece by piece, each of which is forgotten: whole, it would be kept for every connection at once.
        let pieces = Limited::new(self.body, MAX_BODY_BYTES).into_data_stream();
        let is_read = timeout(PATIENCE, pieces.all(|piece| ready(piece.is_ok()))).await;
        watch.body_arrived();
        is_read.unwrap_or(false)
    }
}

/// One of two ends to read the same body from, one after the other.
#[derive(Clone)]
struct Lent(Arc<Mutex<Shared>>);

struct Shared {
    /// Fused, so that it says whether it was read to its end: one in pieces does not do so itself.
    body: Fuse<BoxBody<Bytes, io::Error>>,
    /// Whether it could not be read to its end: nobody knows then where the next request begins.
    is_broken: bool,
}

impl Body for Lent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Shared { body, is_broken } = &mut *self.0.lock();
        let polled = Pin::new(body).poll_frame(context);
        *is_broken |= matches!(polled, Poll::Ready(Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}
