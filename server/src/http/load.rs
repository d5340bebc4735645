//! How many requests may be under way, for how long, and how much may be kept of their bodies and answers: past that,
//! an immediate no instead of a queue.
//!
//! A request counts while it is worked on. While the rest of its body is waited for it does not, so that
//! those who send slowly keep nobody from an answer; it counts again once the body is there. A user may have as many
//! places as are left.

mod arriving;
mod counts;
mod room;

use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::combinators::BoxBody;
use parking_lot::Mutex;
use poem::{
    Request, Response,
    http::{Method, header::CONTENT_LENGTH},
};
use todo_api::{Overloaded, Problem, RequestContext, Share, UserId};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use self::{
    arriving::ArrivingBody,
    counts::{Counted, Counts},
};
use crate::{HttpConfig, metrics, serve::Watch};

/// What is answered whatever the load: it takes no work, and whoever asks must know. Who asks whether the database is
/// there waits for it as long as any request may take.
const ALWAYS_ANSWERED: [&str; 2] = ["/api/health", "/api/ready"];

/// Bounds the requests under way, the time that each may take, and what is kept of their answers.
pub(super) struct Load {
    places: Arc<Semaphore>,
    counts: Arc<Counts>,
    timeout: Duration,
}

impl Load {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(config.max_requests)),
            counts: Arc::new(counts::none()),
            timeout: config.request_timeout,
        }
    }

    /// Has `answer` answer, where there is room for it, and while there is time.
    pub(super) async fn bound<F>(&self, mut request: Box<Request>, answer: impl FnOnce(Box<Request>) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        let context = request.data::<Arc<RequestContext>>().cloned();
        let refused = || {
            metrics::shed();
            Problem::from(Overloaded).into_answer(context.as_deref())
        };
        // Once for the request to arrive, and once more for its answer to be made.
        let in_time = |request| timeout(self.timeout * 2, answer(request));
        if ALWAYS_ANSWERED.contains(&request.uri().path()) {
            return in_time(request).await.unwrap_or_else(|_elapsed| refused());
        }
        let watch = request.data::<Arc<Watch>>().cloned();
        let is_head = request.method() == Method::HEAD;
        let Some(place) = Place::take(&self.places, &self.counts) else {
            return refused();
        };
        let place = Arc::new(place);
        request.set_data(Arc::clone(&place) as Arc<dyn Share>);
        let body = request.take_body();
        if !body.is_empty() {
            let arriving = ArrivingBody::new(body.into(), self.timeout, Arc::clone(&place), watch.clone());
            request.set_body(BoxBody::new(arriving));
        }
        let answered = in_time(request).await.ok();
        let kept = match (answered, watch) {
            (Some(response), _) if is_head => Some(without_body(response)),
            (Some(response), Some(watch)) => {
                keep(response, &watch, context.as_ref().and_then(|context| context.caller())).await
            }
            (answered, _) => answered,
        };
        kept.unwrap_or_else(refused)
    }
}

/// What HEAD is answered: the headers of GET's `response`, and how long its body is (RFC 9110, 8.6). The body itself is
/// sent to nobody, and goes while the request counts: it would be kept for as long as a byte of the request is missing.
fn without_body(mut response: Response) -> Response {
    let body: BoxBody<Bytes, io::Error> = response.take_body().into();
    // An answer that has none, such as 304, does not say how long it is.
    if let Some(bytes) = body.size_hint().exact().filter(|bytes| *bytes > 0) {
        response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    }
    response
}

/// The answer to `user`, with room for it until it is taken; none where there is no room.
async fn keep(mut response: Response, watch: &Watch, user: Option<&UserId>) -> Option<Response> {
    let body: BoxBody<Bytes, io::Error> = response.take_body().into();
    let bytes = body.size_hint().lower();
    response.set_body(body);
    watch.keep_room(bytes, user).await.then_some(response)
}

/// A request's place among those under way.
struct Place {
    places: Arc<Semaphore>,
    counts: Arc<Counts>,
    /// Which of the counts is the user's, once it is known who asks.
    user: OnceLock<usize>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    place: Option<OwnedSemaphorePermit>,
    of_user: Option<Counted>,
}

impl Place {
    fn take(places: &Arc<Semaphore>, counts: &Arc<Counts>) -> Option<Self> {
        let place = Arc::clone(places).try_acquire_owned().ok()?;
        let taken = Mutex::new(Taken { place: Some(place), of_user: None });
        Some(Self { places: Arc::clone(places), counts: Arc::clone(counts), user: OnceLock::new(), taken })
    }

    fn give_back(&self) {
        *self.taken.lock() = Taken::default();
    }

    /// Whether there was one left, for this user too.
    fn take_again(&self) -> bool {
        let mut taken = self.taken.lock();
        taken.place = Arc::clone(&self.places).try_acquire_owned().ok();
        taken.of_user = self.user.get().and_then(|user| Counted::take(&self.counts, *user, &self.places));
        taken.place.is_some() && taken.of_user.is_some() == self.user.get().is_some()
    }
}

impl Share for Place {
    fn claim(&self, user: &UserId) -> Result<(), Overloaded> {
        let user = *self.user.get_or_init(|| self.counts.index(user));
        let counted = Counted::take(&self.counts, user, &self.places).ok_or_else(|| {
            metrics::shed();
            Overloaded
        })?;
        self.taken.lock().of_user = Some(counted);
        Ok(())
    }
}
