//! The one place where failures become answers.

use std::{error::Error, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use poem::{
    Body, IntoResponse as _, Request, Response, ResponseParts,
    error::{MethodNotAllowedError, NotFoundError},
    http::{
        HeaderValue, Method, StatusCode,
        header::{ALLOW, CONTENT_TYPE},
    },
};
use poem_openapi::OperationId;

use super::{Internal, MEDIA_TYPE, Problem};
use crate::{RequestContext, operations};

/// Has `call` answer, and renders its failure, or its panic, as a problem.
pub(crate) async fn answer<F>(request: Box<Request>, call: impl FnOnce(Box<Request>) -> F) -> Response
where
    F: Future<Output = poem::Result<Response>>,
{
    let context = request.data::<Arc<RequestContext>>().cloned();
    let (method, uri) = (request.method().clone(), request.original_uri().clone());
    // A panic is caught at the edge of one request, and nothing of that request is used again.
    let error: poem::Error = match AssertUnwindSafe(call(request)).catch_unwind().await {
        Ok(Ok(mut response)) => {
            operations::note(response.data::<OperationId>().copied(), &mut response);
            return response;
        }
        Ok(Err(error)) => error,
        // The panic hook has logged it, with its place.
        Err(_panic) => Problem { cause: None, ..Internal::new("panic").into() }.into(),
    };
    let operation = error.data::<OperationId>().copied();
    let problem = match error.downcast::<Problem>() {
        Ok(problem) => problem,
        Err(error) if error.is::<NotFoundError>() => {
            Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path")
        }
        Err(error) if error.is::<MethodNotAllowedError>() => {
            Problem::method_not_allowed(&method, &operations::allow(uri.path()))
        }
        Err(error) if error.status().is_server_error() => Internal::new(error.to_string()).into(),
        // A refusal of the framework that we did not foresee; its own words stay inside.
        Err(error) => Problem::new(error.status(), "the request cannot be served"),
    };
    let mut response = problem.into_answer(context.as_deref());
    operations::note(operation, &mut response);
    response
}

impl Problem {
    /// The answer that says so, to the request that has this context; without one, its name is empty. What caused it is
    /// logged, and stays here.
    #[must_use]
    pub fn into_answer(self, context: Option<&RequestContext>) -> Response {
        let (head, body) = self.into_parts(context.map_or("", |context| context.id().as_str()));
        Response::from_parts(head, Body::from_string(body))
    }

    /// The same to the request of that name, as the head of an answer and its body.
    #[must_use]
    pub fn into_parts(self, request_id: &str) -> (ResponseParts, String) {
        if let Some(cause) = &self.cause {
            let (status, error) = (self.status.as_u16(), chain(cause.as_ref()));
            tracing::error!(request_id, status, error, "request failed");
        }
        let body = self.to_json(request_id).to_string();
        let (mut head, _) = self.status.into_response().into_parts();
        head.headers.extend(self.headers);
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        (head, body)
    }

    /// The path exists, the method does not; RFC 9110 wants to know what would.
    fn method_not_allowed(method: &Method, allow: &str) -> Self {
        let detail = format!("{method} is not possible here; these are: {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        match HeaderValue::from_str(allow) {
            Ok(allow) => problem.with_header(ALLOW, allow),
            Err(_) => problem,
        }
    }
}

/// An error with all that caused it, each said once: many libraries repeat their source in their own words.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}
