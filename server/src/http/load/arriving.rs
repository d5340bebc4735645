//! What arrives of a request while its operation reads it already.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use todo_api::{Overloaded, Problem, RequestTimeout};
use tokio::time::{Sleep, sleep};

use super::{Place, room::Room};
use crate::{metrics, serve::Watch};

/// The body of a request, on its way. Where it cannot be had, its error is the [`Problem`] that says why.
pub(super) struct ArrivingBody {
    body: BoxBody<Bytes, io::Error>,
    deadline: Pin<Box<Sleep>>,
    place: Arc<Place>,
    room: Room,
    /// None where another server than ours drives the endpoint.
    watch: Option<Arc<Watch>>,
    is_awaited: bool,
}

impl ArrivingBody {
    /// The rest of a request's `body`, for which `timeout` is waited; the request's `place` is given back meanwhile.
    pub(super) fn new(
        body: BoxBody<Bytes, io::Error>,
        timeout: Duration,
        place: Arc<Place>,
        watch: Option<Arc<Watch>>,
    ) -> Self {
        Self { body, deadline: Box::pin(sleep(timeout)), place, room: Room::default(), watch, is_awaited: false }
    }

    fn wait(&mut self) {
        if !self.is_awaited {
            self.is_awaited = true;
            self.place.give_back();
            if let Some(watch) = &self.watch {
                watch.body_awaited();
            }
        }
    }

    /// Whether the request may go on, of which all is there.
    fn resume(&mut self) -> bool {
        if !self.is_awaited {
            return true;
        }
        self.is_awaited = false;
        if let Some(watch) = &self.watch {
            watch.body_arrived();
        }
        self.place.take_again()
    }
}

impl Body for ArrivingBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let refused = |problem: Problem| Poll::Ready(Some(Err(io::Error::other(problem))));
        let overloaded = || {
            metrics::shed();
            refused(Overloaded.into())
        };
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(None) if !self.resume() => overloaded(),
            Poll::Ready(Some(Ok(frame))) if !self.room.grow(frame.data_ref().map_or(0, Bytes::len)) => overloaded(),
            Poll::Pending if self.deadline.as_mut().poll(context).is_ready() => refused(RequestTimeout.into()),
            Poll::Pending => {
                self.wait();
                Poll::Pending
            }
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        // Only the end itself says whether the request may go on.
        !self.is_awaited && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
