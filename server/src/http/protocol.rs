//! What HTTP/1.1 asks of a request, and the library does not look at.

use std::{net::Ipv6Addr, sync::Arc};

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

/// Whether it names its host exactly once (RFC 9112, 3.2): of two, a proxy before us may have gone by the other.
/// HTTP/1.0 has no hosts, and needs none; but one that it names counts there too.
fn names_a_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    hosts.next().map_or(request.version() != Version::HTTP_11, is_host) && hosts.next().is_none()
}

/// Whether it is a host, an address in brackets or a name, which may be empty, and perhaps a port (RFC 3986, 3.2.2). By
/// hand: the library's `Authority` takes any port and any address, and no percent-encoded name. An address may have a
/// zone (RFC 6874); there are none of other versions than 6.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let (host, port) = text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((text, ""));
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    let is_encoded = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    port.bytes().all(|byte| byte.is_ascii_digit())
        && match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']').is_some_and(|address| {
                let (address, _zone) = address.split_once("%25").unwrap_or((address, ""));
                address.parse::<Ipv6Addr>().is_ok()
            }),
            None => host.bytes().all(is_of_names) && host.split('%').skip(1).all(is_encoded),
        }
}

/// Whether what is sent is the body as it stands, in pieces or whole (RFC 9112, 6.1).
fn is_coded_as_known(request: &Request) -> bool {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}
