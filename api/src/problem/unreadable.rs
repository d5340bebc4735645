//! The kind of problem of what never became a request.

use poem::http::{HeaderValue, StatusCode, header::CONNECTION};

use super::Problem;

/// What HTTP's own rules refuse, so that there is no request to speak of.
#[derive(Debug)]
pub enum Unreadable {
    /// A head that cannot be read; the status is that of whoever tried (RFC 9112).
    Head(StatusCode),
    /// A request that does not name one host (RFC 9112, 3.2).
    Host,
    /// A body in a transfer coding other than chunked (RFC 9112, 6.1).
    Coding,
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Self {
        let (status, detail) = match unreadable {
            Unreadable::Head(status @ (StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)) => {
                (status, "the address and the headers of the request are too large")
            }
            Unreadable::Head(status) => (status, "this is no request as HTTP/1.1 has it"),
            Unreadable::Host => {
                (StatusCode::BAD_REQUEST, "the request must have one Host header, with a host and perhaps a port")
            }
            Unreadable::Coding => {
                (StatusCode::NOT_IMPLEMENTED, "the body must be sent as it is: no transfer coding is known but chunked")
            }
        };
        Self::new(status, detail).with_header(CONNECTION, HeaderValue::from_static("close"))
    }
}
