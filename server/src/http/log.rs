//! The name of each request, and its one line in the log.

use std::sync::Arc;

use poem::{Endpoint, IntoResponse, Request, Response, http::HeaderValue};
use todo_api::{Operation, RequestContext, RequestId, UserId};
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

/// The header that names a request.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Names the request, by the caller's name for it where that is a good one, and logs how it was answered.
pub(super) async fn named_and_logged<E: Endpoint>(endpoint: Arc<E>, mut request: Request) -> poem::Result<Response> {
    let start = Instant::now();
    let id = given_id(&request).unwrap_or_else(fresh_id);
    let context = Arc::new(RequestContext::new(id));
    request.set_data(Arc::clone(&context));
    let method = request.method().clone();
    let path = request.original_uri().path().to_owned();

    let span = tracing::info_span!("request", request_id = context.id().as_str());
    let mut response = match endpoint.call(request).instrument(span.clone()).await {
        Ok(response) => response.into_response(),
        Err(error) => error.into_response(),
    };

    if let Ok(id) = HeaderValue::from_str(context.id().as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let operation = response.data::<Operation>();
    let status = response.status();
    let exists = !status.is_client_error() && !status.is_server_error() || status == 405;
    tracing::info!(
        parent: &span,
        method = method.as_str(),
        // What was asked for in vain is anybody's words, and each another: only what exists is named.
        route = operation.map_or(if exists { path.as_str() } else { "-" }, |operation| operation.route),
        operation = operation.map(|operation| operation.id),
        status = status.as_u16(),
        milliseconds = (start.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        user = context.caller().map(UserId::as_str),
        "answered"
    );
    Ok(response)
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
