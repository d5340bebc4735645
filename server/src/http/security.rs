//! The headers that an API sends for the safety of whoever reads its answers in a browser (OWASP's list
//! for REST services). What an answer says of itself stands.

use std::sync::Arc;

use ipnet::IpNet;
use poem::{
    Endpoint, IntoResponse, Middleware, Request, Response,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
    },
};

use super::client_address::came_by_tls;

/// One person's tasks are nobody else's to keep; JSON is never to be taken for anything that runs, and has
/// nothing to load or to be framed by.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// A year of TLS alone, for this host: what its subdomains do is not ours to say (RFC 6797).
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds to `headers` what they do not say already.
pub(crate) fn protect(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
}

/// Protects every answer.
pub(super) struct Security {
    trusted_proxies: Arc<[IpNet]>,
}

impl Security {
    pub(super) fn new(trusted_proxies: &[IpNet]) -> Self {
        Self { trusted_proxies: trusted_proxies.into() }
    }
}

impl<E: Endpoint> Middleware<E> for Security {
    type Output = SecurityEndpoint<E>;

    fn transform(&self, inner: E) -> SecurityEndpoint<E> {
        SecurityEndpoint { inner, trusted_proxies: Arc::clone(&self.trusted_proxies) }
    }
}

pub(super) struct SecurityEndpoint<E> {
    inner: E,
    trusted_proxies: Arc<[IpNet]>,
}

impl<E: Endpoint> Endpoint for SecurityEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let by_tls = came_by_tls(&request, &self.trusted_proxies);
        let mut response = self.inner.call(request).await?.into_response();
        let headers = response.headers_mut();
        protect(headers);
        // Said over plain HTTP it means nothing, and whoever runs this without TLS would be locked out.
        if by_tls {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(TLS_ALONE);
        }
        Ok(response)
    }
}
