//! Answers to what never became a request.

use std::io::Write as _;

use bytes::Bytes;
use poem::http::StatusCode;
use todo_api::{Problem, RequestTimeout, Unreadable};

use crate::{
    clock::http_date,
    http::{REQUEST_ID, fresh_id, protect},
    metrics,
};

/// The answer to a head that did not arrive in time.
pub(super) fn too_slow() -> Bytes {
    answer(RequestTimeout.into())
}

/// The problem to send instead of `words`, a bare answer of hyper's: its status is taken over.
pub(super) fn instead_of(words: &[u8]) -> Bytes {
    // The status stands after "HTTP/1.1 ".
    let status = words.get(9..12).and_then(|digits| StatusCode::from_bytes(digits).ok());
    answer(Unreadable::Head(status.unwrap_or(StatusCode::BAD_REQUEST)).into())
}

fn answer(problem: Problem) -> Bytes {
    let id = fresh_id();
    let (mut head, body) = problem.into_parts(id.as_str());
    protect(&mut head.headers);
    let status = head.status;
    tracing::info!(request_id = id.as_str(), status = status.as_u16(), "refused");
    metrics::refused(status.as_u16());
    let mut bytes = Vec::with_capacity(512);
    let (id, date, length) = (id.as_str(), http_date(), body.len());
    // Writing to a vector cannot fail.
    let _ = write!(bytes, "HTTP/1.1 {status}\r\n{REQUEST_ID}: {id}\r\ndate: {date}\r\ncontent-length: {length}\r\n");
    for (name, value) in &head.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body.as_bytes());
    bytes.into()
}
