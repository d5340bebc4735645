//! The headers that an API sends for the safety of whoever reads its answers in a browser (OWASP's list for REST
//! services). What an answer says of itself stands.

use poem::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
};

/// One person's tasks are nobody else's to keep, nor to compress on the way (RFC 9111, 5.2.2.6), which would weaken the
/// `ETag`s: `If-Match` takes strong ones alone (RFC 9110, 13.1.1). JSON is never to be taken for anything that runs,
/// and has nothing to load or to be framed by.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
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

/// Says over TLS that this host is to be asked by TLS alone. Over plain HTTP it means nothing, and whoever runs this
/// without TLS would be locked out.
pub(super) fn hold_to_tls(headers: &mut HeaderMap) {
    headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(TLS_ALONE);
}
