//! The name of each request, and its one line in the log, answered or not.

use std::{sync::Arc, time::Duration};

use poem::{
    Request, Response,
    http::{HeaderName, HeaderValue, Method},
};
use scopeguard::{ScopeGuard, guard};
use todo_api::{Operation, RequestContext, RequestId, UserId};
use tokio::time::Instant;
use tracing::{Instrument, Level, Span};
use uuid::Uuid;

use crate::{
    metrics,
    serve::Watch,
    telemetry::{self, Trace},
};

/// From when on a request is worth a warning.
const SLOW: Duration = Duration::from_secs(1);

/// The header that names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, by the caller's name for it where that is a good one, and logs how it was answered.
pub(super) async fn named_and_logged<F>(mut request: Box<Request>, answer: impl FnOnce(Box<Request>) -> F) -> Response
where
    F: Future<Output = Response> + Send,
{
    let start = Instant::now();
    let id = given_id(&request).unwrap_or_else(fresh_id);
    let context = Arc::new(RequestContext::new(id));
    request.set_data(Arc::clone(&context));
    let method = request.method().clone();
    let uri = request.original_uri().clone();
    // Who only reads sends no body.
    let watch = if method.is_safe() { None } else { request.data::<Arc<Watch>>().cloned() };
    let body_wait = || watch.as_ref().map_or(Duration::ZERO, |watch| watch.body_waited());

    let _present = metrics::asked();
    let trace = Trace::begin(request.headers());
    // Boxed: what is put around a future holds it, and a large one would be copied each time.
    let answered = Box::pin(answer(request).instrument(span(context.id())));
    let answered = telemetry::of_request(context.id(), answered);
    let answered = async {
        // A request whose client leaves is dropped where it waits, and may have been done all the same: it is told of
        // too.
        let unanswered = guard(trace, |trace| {
            tell_abandoned(&context, &method, uri.path(), start.elapsed(), body_wait(), trace);
        });
        let response = answered.await;
        (response, ScopeGuard::into_inner(unanswered))
    };
    let ((mut response, trace), database) = telemetry::at_work_on(Arc::clone(&context), answered).await;

    if let Ok(id) = HeaderValue::from_str(context.id().as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let status = response.status();
    // A request that was turned away, given up, or ended by a panic never came to what tells its operation.
    let refused = || status.is_server_error().then(|| Operation::at(&method, uri.path())).flatten();
    let operation = response.data::<Operation>().copied().or_else(refused);
    // A preflight is answered whatever it is about.
    let exists = !status.is_client_error() && !status.is_server_error() && method != Method::OPTIONS;
    let elapsed = start.elapsed();
    metrics::answered(operation.map(|operation| operation.id), status.as_u16(), elapsed);
    if let Some(trace) = trace {
        trace.end(context.id(), known(&method), operation.as_ref(), Some(status.as_u16()));
    }
    let line = Line {
        context: &context,
        method: &method,
        // A path that leads nowhere is whatever the client wrote, each time another: only one that exists is logged.
        route: operation.map_or(if exists { uri.path() } else { "-" }, |operation| operation.route),
        operation: operation.map(|operation| operation.id),
        status: Some(status.as_u16()),
        elapsed,
        database,
        body: body_wait(),
    };
    line.write("answered");
    response
}

/// Counts and logs a request that came to no answer, and ends its trace.
fn tell_abandoned(
    context: &RequestContext,
    method: &Method,
    path: &str,
    elapsed: Duration,
    body: Duration,
    trace: Option<Trace>,
) {
    let operation = Operation::at(method, path);
    metrics::abandoned(operation.map(|operation| operation.id), elapsed);
    if let Some(trace) = trace {
        trace.end(context.id(), known(method), operation.as_ref(), None);
    }
    let (route, operation) = operation.map_or(("-", None), |operation| (operation.route, Some(operation.id)));
    let database = telemetry::database_wait();
    Line { context, method, route, operation, status: None, elapsed, database, body }.write("abandoned");
}

/// What the log has of a request.
struct Line<'a> {
    context: &'a RequestContext,
    method: &'a Method,
    route: &'a str,
    operation: Option<&'static str>,
    status: Option<u16>,
    elapsed: Duration,
    /// Of that, waiting for the database, and for the rest of the request.
    database: Duration,
    body: Duration,
}

impl Line<'_> {
    fn write(&self, what: &'static str) {
        let body = (!self.body.is_zero()).then(|| milliseconds(self.body));
        tracing::info!(
            request_id = self.context.id().as_str(),
            method = known(self.method),
            route = self.route,
            operation = self.operation,
            status = self.status,
            milliseconds = milliseconds(self.elapsed),
            database_milliseconds = milliseconds(self.database),
            body_milliseconds = body,
            user = self.context.caller().map(UserId::as_str),
            "{what}"
        );
        // The time that the client takes is no slowness of ours.
        if self.elapsed.saturating_sub(self.body) >= SLOW {
            tracing::warn!(
                request_id = self.context.id().as_str(),
                operation = self.operation,
                milliseconds = milliseconds(self.elapsed),
                database_milliseconds = milliseconds(self.database),
                body_milliseconds = body,
                "slow request"
            );
        }
    }
}

/// Names the request in the lines of libraries, where statements are logged; our own lines name it themselves, and a
/// span takes as long as a line. Its level is that of errors, or `warn,sqlx=debug` would leave it out.
fn span(id: &RequestId) -> Span {
    if tracing::enabled!(target: "sqlx::query", Level::DEBUG) {
        tracing::error_span!("request", request_id = id.as_str())
    } else {
        Span::none()
    }
}

/// The method, where it is one that we know: any other is whatever the client wrote, and may be as long as a head.
fn known(method: &Method) -> &str {
    static KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if KNOWN.contains(method) { method.as_str() } else { "_OTHER" }
}

/// Milliseconds, to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn given_id(request: &Request) -> Option<RequestId> {
    let mut given = request.headers().get_all(REQUEST_ID).iter();
    let id = given.next()?.to_str().ok().and_then(RequestId::parse)?;
    given.next().is_none().then_some(id)
}

/// A name that no other request has.
pub(crate) fn fresh_id() -> RequestId {
    let id = Uuid::new_v4().hyphenated().to_string();
    RequestId::parse(&id).unwrap_or_else(|| unreachable!("a UUID is a good name"))
}
