//! Cross-origin requests (the Fetch standard's CORS protocol).
//!
//! Ours instead of the framework's, which answers 403 to every origin that is not listed, the page of this very server
//! included, allows all where the list is empty, and forgets `Vary: Origin`. It is the browser that guards: a plain
//! request of another origin is served, without the headers that would let its page read the answer.

use std::collections::HashSet;

use poem::{
    IntoResponse, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// Those of the operations, and those that libraries for tracing send along: a preflight that lacks one of them blocks
/// the call.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent, tracestate, \
     baggage, sentry-trace",
);

const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Idempotency-Replayed, X-Request-Id",
);

/// How long a browser may remember a preflight: two hours, which is the most for those of Chromium's kind.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");

/// Lets the pages of some origins read the answers.
pub(super) struct Cors {
    allowed: HashSet<String>,
}

/// What a request is to CORS.
pub(super) struct Asked {
    /// The origin that asks, where it is an allowed one.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    pub(super) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().cloned().collect() }
    }

    pub(super) fn look(&self, request: &Request) -> Asked {
        let origin = request.headers().get(header::ORIGIN);
        let is_allowed = |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| self.allowed.contains(origin));
        Asked {
            origin: origin.filter(is_allowed).cloned(),
            is_preflight: request.method() == Method::OPTIONS
                && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
        }
    }

    /// Tells the browser what it may do with the answer.
    pub(super) fn tell(&self, asked: Asked, response: &mut Response) {
        let headers = response.headers_mut();
        if !self.allowed.is_empty() {
            let vary = if asked.is_preflight { PREFLIGHT_VARY } else { HeaderValue::from_static("Origin") };
            headers.append(header::VARY, vary);
        }
        if let Some(origin) = asked.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        }
    }
}

impl Asked {
    /// The answer to a preflight that an allowed origin sends.
    pub(super) fn preflight(&self) -> Option<Response> {
        if !self.is_preflight || self.origin.is_none() {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }
}
