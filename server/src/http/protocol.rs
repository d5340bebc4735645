//! What HTTP/1.1 asks of a request, and the library does not look at.

use std::sync::Arc;

use poem::{
    Request, Response,
    http::{
        HeaderValue, Version,
        header::{HOST, TRANSFER_ENCODING},
    },
};
use todo_api::{Problem, RequestContext, Unreadable};

/// The refusal of what HTTP/1.1 does not take for a request; `None` where it does.
pub(super) fn refusal(request: &Request) -> Option<Response> {
    let unreadable = if !names_a_host(request) {
        Unreadable::Host
    } else if !is_coded_as_known(request) {
        Unreadable::Coding
    } else {
        return None;
    };
    let context = request.data::<Arc<RequestContext>>().map(Arc::as_ref);
    Some(Problem::from(unreadable).into_answer(context))
}

/// Whether it says whom it is for, once (RFC 9112, 3.2): a proxy before us may have taken another request for another's.
/// HTTP/1.0 has no hosts.
fn names_a_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    request.version() != Version::HTTP_11 || (hosts.next().is_some_and(is_host) && hosts.next().is_none())
}

/// Whether it has the characters of a host and a port alone (RFC 3986, 3.2.2).
fn is_host(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte))
}

/// Whether what is sent is the body as it stands, in pieces or whole (RFC 9112, 6.1).
fn is_coded_as_known(request: &Request) -> bool {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}
