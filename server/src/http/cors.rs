//! Cross-origin requests (the Fetch standard's CORS protocol).
//!
//! Ours instead of the framework's, which answers 403 to every origin that is not listed, the page of
//! this very server included, allows all where the list is empty, and forgets `Vary: Origin`. It is the
//! browser that guards: a plain request of another origin is served, without the headers that would let
//! its page read the answer.

use std::collections::HashSet;

use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent, tracestate",
);

const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Idempotency-Replayed, X-Request-Id",
);

/// How long a browser may remember a preflight: two hours, the most that any of them does.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

/// Lets the pages of some origins read the answers.
pub(super) struct Cors {
    allowed: HashSet<String>,
}

impl Cors {
    pub(super) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().cloned().collect() }
    }
}

impl<E: Endpoint> Middleware<E> for Cors {
    type Output = CorsEndpoint<E>;

    fn transform(&self, inner: E) -> CorsEndpoint<E> {
        CorsEndpoint { inner, allowed: self.allowed.clone() }
    }
}

pub(super) struct CorsEndpoint<E> {
    inner: E,
    allowed: HashSet<String>,
}

impl<E: Endpoint> Endpoint for CorsEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let allowed = origin.filter(|origin| origin.to_str().is_ok_and(|origin| self.allowed.contains(origin)));
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match &allowed {
            Some(_) if is_preflight => preflight(),
            _ => self.inner.call(request).await.map_or_else(poem::Error::into_response, IntoResponse::into_response),
        };
        let headers = response.headers_mut();
        if !self.allowed.is_empty() {
            headers
                .append(header::VARY, if is_preflight { PREFLIGHT_VARY } else { HeaderValue::from_static("Origin") });
        }
        if let Some(origin) = allowed {
            allow(headers, origin);
        }
        Ok(response)
    }
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
}
