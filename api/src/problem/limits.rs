//! The kinds of problem that a limit gives.

use std::time::Duration;

use poem::http::{HeaderValue, StatusCode, header::CONNECTION};

use super::{
    Problem,
    kind::{Header, Kind},
};

/// The request did not arrive in time. What is left of it is not waited for: the connection is closed.
#[derive(Debug)]
pub struct RequestTimeout;

impl Kind for RequestTimeout {
    const STATUS: StatusCode = StatusCode::REQUEST_TIMEOUT;
    const DESCRIPTION: &'static str =
        "The request did not arrive in time, and nothing was done. The connection is closed; send it again on another.";

    fn example() -> Self {
        Self
    }
}

impl From<RequestTimeout> for Problem {
    fn from(_: RequestTimeout) -> Self {
        let detail = "the request did not arrive in time; nothing was done, send it again";
        Self::new(RequestTimeout::STATUS, detail).with_header(CONNECTION, HeaderValue::from_static("close"))
    }
}

/// The server has as many requests under way as it takes, of all or of one user. Answered with 503, as a
/// saturated database is.
#[derive(Debug)]
pub struct Overloaded;

impl From<Overloaded> for Problem {
    fn from(_: Overloaded) -> Self {
        let detail = "the server is overloaded; try again soon";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
    }
}

/// The caller, or whoever sends tokens that do not verify, asks more often than the operator allows.
#[derive(Debug)]
pub struct TooManyRequests {
    /// How long to wait before the next request can go through.
    pub wait: Duration,
}

impl Kind for TooManyRequests {
    const STATUS: StatusCode = StatusCode::TOO_MANY_REQUESTS;
    const DESCRIPTION: &'static str = "You sent more requests, or your address more invalid tokens, than this server \
         allows, where it has a limit. Nothing was done.";
    const HEADER: Option<Header> = Some(Header::RETRY_AFTER);

    fn example() -> Self {
        Self { wait: Duration::from_secs(1) }
    }
}

impl From<TooManyRequests> for Problem {
    fn from(TooManyRequests { wait }: TooManyRequests) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::new(TooManyRequests::STATUS, format!("too many requests; try again in {seconds} s")).retry_after(seconds)
    }
}
